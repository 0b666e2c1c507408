"""TIFF, GeoTIFF and other rasters through GDAL, read by windows."""

from __future__ import annotations

import math
import os
import re
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio._err import CPLE_BaseError
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.io import DatasetReader
from rasterio.windows import Window as RasterioWindow

from densa.errors import InputError, one_line
from densa.locations import Elsewhere
from densa.raster.atomic import room_left
from densa.raster.bands import Band, bands_named, wavelength_nm
from densa.raster.raster import Georeference, Raster, ValuesAndValidity, Window
from densa.raster.reach.check import check_sources, check_tags
from densa.raster.reach.network import gdal_name, network_options, reason_of
from densa.raster.validity import Missing, missing_values, valid_in_mask

__all__ = ["MAX_BANDS", "GdalRaster", "driver_of", "gdal_environment", "gdal_errors", "set_read_cache"]

# Photographs have no georeference: no warning about that. Filtered once, since `catch_warnings` is not thread-safe.
warnings.filterwarnings("ignore", category=NotGeoreferencedWarning)

MAX_BANDS = 4096
"""Most bands of a file; more than any sensor has, while rasterio's time grows with their square."""

_cache_megabytes = 256  # of decoded blocks for the whole process; GDAL's default is 5 % of the memory


class GdalRaster(Raster):
    """A raster read by windows, with one dataset handle per thread (GDAL's handles are not thread-safe).

    Args:
        path: the file.
        driver: GDAL's name of the format.
        page: image of a multi-page TIFF; overviews and masks do not count.
        directory: of a TIFF, from 0, in place of a page; overviews and masks count.
        expand_palette: apply a colour table, which gives bands red, green, blue, and read a file whose 0 is white as it
            is shown; False keeps the stored values.

    Attributes:
        directory: number of the page's directory in a TIFF, from 0.
        directories: those of all pages, from 0.

    Raises:
        InputError: GDAL cannot read the file, or it has no such page.
    """

    def __init__(
        self, path: Path, driver: str, *, page: int = 0, directory: int | None = None, expand_palette: bool = True
    ) -> None:
        self.path, self._driver = path, driver
        self._local = threading.local()
        self._handles: list[Any] = []
        self._handles_lock = threading.Lock()
        self._is_remote = not isinstance(path, Elsewhere) and check_sources(path)
        with gdal_errors(path), gdal_environment(path, self._is_remote):
            self._name = file = gdal_name(path)
            dataset = self._dataset()
            check_tags(path, dataset)
            pages = sorted((s for s in dataset.subdatasets if s.startswith("GTIFF_DIR:")), key=_page_number)
            if not 0 <= page < max(len(pages), 1):
                raise InputError(f"page of {path} must be in 0..{max(len(pages), 1) - 1}, got {page}")
            self._name = pages[page] if page else file  # the first page keeps the file's georeference
            self.directories = tuple(max(0, _page_number(name) - 1) for name in pages) or (0,)
            self.directory = self.directories[page] if directory is None else directory
            if directory is not None and directory != self.directories[0]:
                self._name = f"GTIFF_DIR:{directory + 1}:{file}"
            if self._name != file:
                self.close()
                dataset = self._dataset()
            if dataset.count == 0:
                raise InputError(f"{path} holds several rasters; give one of {', '.join(dataset.subdatasets[:3])}")
            if dataset.count > MAX_BANDS:
                raise InputError(f"{path} has {dataset.count} bands by its header; densa reads at most {MAX_BANDS}")
            if driver == "GTiff" and not isinstance(path, Elsewhere):
                _check_blocks(path, dataset)
            self._inspect(dataset, expand_palette)
            super().__init__(
                path,
                dataset.height,
                dataset.width,
                self._value_dtype,
                self._names(dataset),
                bands=self._bands(dataset),
                georeference=_georeference(dataset),
                n_pages=max(len(pages), 1),
                metadata=dataset.tags(),
                missing=self._missing,
                key=self._key,
            )
            self.loss, self.white_is_zero = _loss(dataset), _is_inverted(dataset)
            self.ground_control, self.rpcs = dataset.gcps, dataset.rpcs
            self._files = () if isinstance(path, Elsewhere) else tuple(Path(name) for name in dataset.files)

    @property
    def files(self) -> tuple[Path, ...]:
        """The file, and those that GDAL reads with it."""
        return (self.path, *self._files)

    def _inspect(self, dataset: Any, expand_palette: bool) -> None:
        """Find the bands that hold values, the colour table that applies to them and the source of validity."""
        kinds = dataset.colorinterp
        alpha = [_is_alpha(*one) for one in zip(kinds, dataset.descriptions, strict=True)]
        self._band_numbers = [i + 1 for i, is_alpha in enumerate(alpha) if not is_alpha]
        if not self._band_numbers:  # a mask stored as an alpha band alone
            self._band_numbers = [1]
        dtypes = {np.dtype(dataset.dtypes[number - 1]) for number in self._band_numbers}
        dtype = np.result_type(*dtypes)
        if dtype.kind not in "uif":
            raise InputError(f"{dataset.name} holds {dtype} values; densa reads integers and real numbers")
        first = kinds[self._band_numbers[0] - 1]
        has_table = expand_palette and len(self._band_numbers) == 1 and first == ColorInterp.palette
        self._table = _color_table(dataset, self._band_numbers[0]) if has_table else None
        self._value_dtype = dtype if self._table is None else np.dtype(np.uint8)
        self._white = _white_of_inverted(dataset) if expand_palette and self._table is None else None
        self._inspect_validity(dataset, first == ColorInterp.palette)

    def _inspect_validity(self, dataset: Any, is_palette: bool) -> None:
        """Find what the file declares about missing data, see `densa.raster.validity`."""
        numbers = self._band_numbers
        kinds, dtypes, nodata = dataset.colorinterp, dataset.dtypes, dataset.nodatavals  # each reads all bands
        alphas = [i + 1 for i, kind in enumerate(kinds) if kind == ColorInterp.alpha and i + 1 not in numbers]
        self._alphas = {number: np.dtype(dtypes[number - 1]) for number in alphas}
        self._key = _key_color(dataset, numbers)
        # Where there is a key colour, drivers repeat its components as the nodata of each band.
        missing = [missing_values(None if self._key else nodata[n - 1], np.dtype(dtypes[n - 1])) for n in numbers]
        if is_palette and len(numbers) == 1:
            transparent = [i for i, color in _color_entries(dataset, numbers[0]).items() if color[3] == 0]
            missing = [tuple(dict.fromkeys((*missing[0], *transparent)))]
        if self._white is not None:
            missing = [tuple(self._white - value for value in those) for those in missing]
        self._shown: NDArray[np.bool_] | None = None
        if self._table is not None:  # the values are colours, but what is missing are indices
            self._shown = np.ones(self._table.shape[1], bool)
            self._shown[[int(i) for i in missing[0]]] = False
            missing = [()] * len(self._table)
        self._missing: tuple[Missing, ...] = tuple(missing)
        implied = {MaskFlags.all_valid, MaskFlags.nodata, MaskFlags.alpha}  # masks that GDAL makes of the above
        real = dict(zip(dataset.indexes, dataset.mask_flag_enums, strict=True))
        real = {n: flags for n, flags in real.items() if n in numbers and not implied & set(flags)}
        self._common_mask = next((n for n, flags in real.items() if MaskFlags.per_dataset in flags), None)
        self._own_masks = {n for n, flags in real.items() if MaskFlags.per_dataset not in flags}
        self._hidden_mask: str | None = None
        if not isinstance(self.path, Elsewhere) and self.directory:
            self._hidden_mask = _mask_of_page(self.path, self.directory)
        elif not isinstance(self.path, Elsewhere) and real:
            self._hidden_mask = _mask_file_hidden(self.path, self._driver)

    def _names(self, dataset: Any) -> tuple[str, ...]:
        if self._table is not None:
            return ("red", "green", "blue") if len(self._table) == 3 else ("grey",)
        names, kinds, descriptions = [], dataset.colorinterp, dataset.descriptions  # each reads all bands
        for place, number in enumerate(self._band_numbers):
            kind = kinds[number - 1]
            usual = {ColorInterp.gray: "grey", ColorInterp.palette: "index"}.get(kind, kind.name)
            vague = kind == ColorInterp.undefined or (kind == ColorInterp.gray and len(self._band_numbers) > 1)
            name = f"band {place + 1}" if vague else usual
            names.append(descriptions[number - 1] or name)
        return tuple(names)

    def _bands(self, dataset: Any) -> tuple[Band, ...]:
        """What the file says of the bands."""
        names = self._names(dataset)
        if self._table is not None:
            return bands_named(names, described=False)
        # Each of these reads all bands.
        kinds, descriptions, scales, offsets = (
            dataset.colorinterp,
            dataset.descriptions,
            dataset.scales,
            dataset.offsets,
        )
        bands = []
        for number, name in zip(self._band_numbers, names, strict=True):
            place, description = number - 1, descriptions[number - 1]
            length = _wavelength_nm(dataset, number, description)
            scale, offset = float(scales[place]), float(offsets[place])
            bands.append(Band(name, kinds[place].name, length, scale, offset, described=bool(description)))
        return tuple(bands)

    def _dataset(self) -> Any:
        """This thread's handle; a forked process opens its own."""
        owner, dataset = getattr(self._local, "handle", (0, None))
        if dataset is None or owner != os.getpid() or dataset.closed:
            dataset = DatasetReader(self._name, driver=[self._driver], sharing=False)
            self._local.handle = (os.getpid(), dataset)
            with self._handles_lock:
                self._handles.append(dataset)
        return dataset

    def _load(self, window: Window, bands: Sequence[int]) -> ValuesAndValidity:
        place = RasterioWindow(window.column, window.row, window.width, window.height)
        numbers = self._band_numbers if self._table is not None else [self._band_numbers[b] for b in bands]
        with gdal_errors(self.path), gdal_environment(self.path, self._is_remote):
            dataset = self._dataset()
            values, alphas = self._read_bands(dataset, numbers, place)
            masks = [*alphas, *self._read_masks(dataset, numbers, place)]
        valid = valid_in_mask(masks) if masks else np.ones(values.shape[1:], bool)
        if self._table is not None and self._shown is not None:
            valid &= self._shown[values[0]]
            values = self._table[list(bands)][:, values[0]]
        if self._white is not None:
            values = self._value_dtype.type(self._white) - values
        return values, valid

    @property
    def hides(self) -> bool:
        """Whether a mask or a palette hides pixels, see `shown`; alpha and nodata apart."""
        masked = self._common_mask is not None or bool(self._own_masks)
        return masked or (self._shown is not None and not self._shown.all())

    def shown(self) -> NDArray[np.bool_]:
        """(H, W) true where no mask, alpha or transparent entry of a palette hides the pixel, whatever its values."""
        return self._load(Window(0, 0, self.height, self.width), range(self.n_bands))[1]

    def _read_bands(self, dataset: Any, numbers: list[int], place: RasterioWindow) -> tuple[NDArray[Any], list[Any]]:
        """Values, and alpha bands; in one call where they share a type, so that no block is decoded twice."""
        out_dtype = None if self._table is not None else self._value_dtype
        together = [n for n, dtype in self._alphas.items() if dtype == out_dtype]
        found = dataset.read([*numbers, *together], window=place, out_dtype=out_dtype)
        apart = [dataset.read(n, window=place) for n in self._alphas if n not in together]
        return found[: len(numbers)], [*found[len(numbers) :], *apart]

    def _read_masks(self, dataset: Any, numbers: list[int], place: RasterioWindow) -> list[Any]:
        masks = [] if self._common_mask is None else [dataset.read_masks(self._common_mask, window=place)]
        masks += [dataset.read_masks(n, window=place) for n in numbers if n in self._own_masks]
        if self._hidden_mask is not None:
            with rasterio.open(self._hidden_mask, driver="GTiff") as file:
                masks.append(file.read(1, window=place))
        return masks

    def close(self) -> None:
        """Close the handles of all threads; a later read opens one again."""
        with self._handles_lock:
            for dataset in self._handles:
                dataset.close()
            self._handles.clear()


def driver_of(path: Path, drivers: Sequence[str]) -> str:
    """The first of some drivers that reads a file.

    Raises:
        InputError: none of them does, or the file cannot be reached.
    """
    with (
        gdal_errors(path),
        gdal_environment(path),
        DatasetReader(gdal_name(path), driver=list(drivers), sharing=False) as dataset,
    ):
        return str(dataset.driver)


def _wavelength_nm(dataset: Any, number: int, description: str | None) -> float | None:
    """Of the centre of a band, by the metadata of GDAL or ENVI, or by its name, such as "450.0 Nanometers"."""
    imagery, own = dataset.tags(number, ns="IMAGERY"), dataset.tags(number)
    length = wavelength_nm(imagery.get("CENTRAL_WAVELENGTH_UM"), "um")
    length = length or wavelength_nm(own.get("wavelength"), own.get("wavelength_units") or own.get("wavelength_unit"))
    return length or wavelength_nm(description, "")


def _is_alpha(kind: ColorInterp, description: str | None) -> bool:
    """Whether a band is alpha; one with the name of another is not: writers take the fourth of bytes for alpha."""
    return kind == ColorInterp.alpha and Band(description or "").own_name in ("", "a", "alpha", "opacity", "mask")


def _check_blocks(path: Path, dataset: Any) -> None:
    """Refuse a header that claims more blocks than fit in the file.

    GDAL takes missing blocks as empty and would return gigabytes of zeros. Each block needs at least an offset of four
    bytes and a length of two.
    """
    height, width = dataset.block_shapes[0]
    n_blocks = math.ceil(dataset.height / height) * math.ceil(dataset.width / width)
    if n_blocks > 1 and 6 * n_blocks > path.stat().st_size:
        raise InputError(
            f"{path} is damaged: its header says {dataset.height} x {dataset.width} pixels in {n_blocks} blocks,"
            " but the file is too small to hold them"
        )


def _georeference(dataset: Any) -> Georeference | None:
    if dataset.crs is None and dataset.transform.is_identity:
        return None
    return Georeference(dataset.crs, dataset.transform)


def _page_number(subdataset: str) -> int:
    match = re.match(r"GTIFF_DIR:(\d+):", subdataset)
    return int(match[1]) if match else 0


def _loss(dataset: Any) -> str | None:
    """Name of the compression of a file, where it altered the values."""
    tags = dataset.tags(ns="IMAGE_STRUCTURE")
    name = str(tags.get("COMPRESSION") or dataset.driver)
    error = float(tags.get("MAX_Z_ERROR", 0))
    if "JPEG" in name.upper() and "JPEG2000" not in name.upper():
        return "JPEG"
    if tags.get("COMPRESSION_REVERSIBILITY") == "LOSSY" or (error > 0 and np.dtype(dataset.dtypes[0]).kind == "f"):
        return name
    if any(Path(file).suffix.lower() in {".jpg", ".jpeg"} for file in dataset.files[1:]):
        return "JPEG"  # what a VRT is made of
    return name if error >= 1 else None


def _color_table(dataset: Any, band: int) -> NDArray[np.uint8]:
    """(3, n) red, green, blue of each index; (1, n) where the table only swaps black and white."""
    dtype = np.dtype(dataset.dtypes[band - 1])
    if dtype not in (np.uint8, np.uint16):
        raise InputError(f"{dataset.name} has a colour table, so its values must be uint8 or uint16, got {dtype}")
    table = np.zeros((3, 2 ** (8 * dtype.itemsize)), np.uint8)
    for index, color in _color_entries(dataset, band).items():
        if index < table.shape[1]:
            table[:, index] = color[:3]
    return table[:1] if _is_inverted(dataset) else table


def _color_entries(dataset: Any, band: int) -> dict[int, tuple[int, int, int, int]]:
    entries: dict[int, tuple[int, int, int, int]] = dataset.colormap(band)
    return entries


def _is_inverted(dataset: Any) -> bool:
    return bool(dataset.tags(ns="IMAGE_STRUCTURE").get("MINISWHITE") == "YES")


def _white_of_inverted(dataset: Any) -> int | None:
    """The value that shows black in a TIFF whose 0 is white; None for other files and for real numbers."""
    dtype = np.dtype(dataset.dtypes[0])
    if not _is_inverted(dataset) or dtype.kind != "u":
        return None
    return 2 ** int(dataset.tags(1, ns="IMAGE_STRUCTURE").get("NBITS", 8 * dtype.itemsize)) - 1


def _key_color(dataset: Any, numbers: list[int]) -> tuple[float, ...] | None:
    """The values of the bands `numbers` that together mean "no data", which GDAL calls NODATA_VALUES."""
    texts = dataset.tags().get("NODATA_VALUES", "").split()
    if len(texts) != dataset.count:
        return None
    try:
        values = [float(text) for text in texts]
    except ValueError:
        return None
    return tuple(values[n - 1] for n in numbers)


def _mask_file_hidden(path: Path, driver: str) -> str | None:
    """The `.msk` file beside a raster that has a mask inside, for which GDAL leaves the file unread."""
    beside = path.with_name(path.name + ".msk")
    if not beside.is_file():
        return None
    with rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR"), rasterio.open(path, driver=driver) as alone:
        inside = any(flags == [MaskFlags.per_dataset] for flags in alone.mask_flag_enums)
    return str(beside.absolute()) if inside else None


def _mask_of_page(path: Path, directory: int) -> str | None:
    """GDAL's name of the mask of a further page, which follows it in the file; GDAL itself knows that of the first."""
    import tifffile

    with suppress(tifffile.TiffFileError, OSError, ValueError, IndexError, KeyError), tifffile.TiffFile(path) as file:
        if directory + 1 < len(file.pages) and int(getattr(file.pages[directory + 1], "subfiletype", 0)) & 4:
            return f"GTIFF_DIR:{directory + 2}:{path.absolute()}"
    return None


def set_read_cache(n_bytes: int) -> None:
    """Set the size in bytes of GDAL's cache of decoded blocks in this process, rounded down to MB; default 256 MB.

    Examples:
        >>> from densa import raster
        >>> raster.set_read_cache(256 * 2**20)
    """
    global _cache_megabytes
    _cache_megabytes = max(1, n_bytes // 10**6)


def gdal_environment(path: Path | None = None, is_remote: bool = False) -> Any:
    """GDAL's options for writing, and for reading a file, see `network_options`."""
    return rasterio.Env(GDAL_CACHEMAX=_cache_megabytes, GDAL_VRT_ENABLE_PYTHON="NO", **network_options(path, is_remote))


@contextmanager
def gdal_errors(path: Path, doing: str = "read") -> Iterator[None]:
    """Turn GDAL's exceptions into an `InputError` that names the file."""
    try:
        yield
    except InputError:
        raise
    except (RasterioError, CPLE_BaseError, OSError, ValueError, MemoryError) as error:
        cause = error.__cause__ or error  # rasterio's own text is "See previous exception"
        reason = one_line(getattr(cause, "errmsg", None) or cause)
        if isinstance(path, Elsewhere):
            reason = reason_of(reason, path)
        left = room_left(path.parent) if doing == "written" else ""
        raise InputError(f"{path} cannot be {doing}: {reason}{left}") from error
