"""TIFF, GeoTIFF and other rasters through GDAL, read by windows."""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
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
from densa.raster.bands import Band, bands_named
from densa.raster.header import (
    BandHeader,
    band_headers,
    bands_of,
    check_blocks,
    color_table,
    georeference_in,
    is_inverted,
    key_color,
    loss_of,
    mask_file_hidden,
    mask_of_page,
    page_number,
    white_of_inverted,
)
from densa.raster.raster import Raster, ValuesAndValidity, Window
from densa.raster.reach.check import check_sources, check_tags
from densa.raster.reach.network import gdal_name, network_options, reason_of
from densa.raster.validity import Missing, missing_values, valid_in_mask

__all__ = ["MAX_BANDS", "GdalRaster", "driver_of", "gdal_environment", "gdal_errors", "gdal_version", "set_read_cache"]

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
            pages = sorted((s for s in dataset.subdatasets if s.startswith("GTIFF_DIR:")), key=page_number)
            if not 0 <= page < max(len(pages), 1):
                raise InputError(f"page of {path} must be in 0..{max(len(pages), 1) - 1}, got {page}")
            self._name = pages[page] if page else file  # the first page keeps the file's georeference
            self.directories = tuple(max(0, page_number(name) - 1) for name in pages) or (0,)
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
                check_blocks(path, dataset)
            headers = band_headers(dataset)
            self._inspect(dataset, headers, expand_palette)
            bands = self._bands(dataset, headers)
            super().__init__(
                path,
                dataset.height,
                dataset.width,
                self._value_dtype,
                tuple(band.name for band in bands),
                bands=bands,
                georeference=georeference_in(dataset),
                n_pages=max(len(pages), 1),
                metadata=dataset.tags(),
                missing=self._missing,
                key=self._key,
            )
            files = dataset.files  # GDAL looks for them on the disk
            self.loss, self.white_is_zero = loss_of(dataset, files), is_inverted(dataset)
            self.has_alpha = bool(self._alphas)
            self.ground_control, self.rpcs = dataset.gcps, dataset.rpcs
            self._files = () if isinstance(path, Elsewhere) else tuple(Path(name) for name in files)

    @property
    def files(self) -> tuple[Path, ...]:
        """The file, and those that GDAL reads with it."""
        return (self.path, *self._files)

    def _inspect(self, dataset: Any, headers: Sequence[BandHeader], expand_palette: bool) -> None:
        """Find the bands that hold values, the colour table that applies to them and the source of validity."""
        values = [one for one in headers if not one.is_alpha] or headers[:1]  # a mask stored as an alpha band alone
        dtype = np.result_type(*{one.dtype for one in values})
        if dtype.kind not in "uif":
            raise InputError(f"{dataset.name} holds {dtype} values; densa reads integers and real numbers")
        is_palette = len(values) == 1 and values[0].kind == ColorInterp.palette
        self._table = color_table(dataset, values[0]) if expand_palette and is_palette else None
        self._value_dtype = dtype if self._table is None else np.dtype(np.uint8)
        self._white = white_of_inverted(dataset) if expand_palette and self._table is None else None
        self._band_numbers = [one.number for one in values]
        self._alphas = {one.number: one.dtype for one in headers if one.number not in self._band_numbers}
        self._inspect_validity(dataset, values, is_palette)

    def _inspect_validity(self, dataset: Any, values: Sequence[BandHeader], is_palette: bool) -> None:
        """Find what the file declares about missing data, see `densa.raster.validity`."""
        self._key = key_color(dataset, self._band_numbers)
        # Where there is a key colour, drivers repeat its components as the nodata of each band.
        missing = [missing_values(None if self._key else one.nodata, one.dtype) for one in values]
        if is_palette:
            transparent = [i for i, color in dataset.colormap(values[0].number).items() if color[3] == 0]
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
        real = {one.number: one.mask for one in values if not implied & set(one.mask)}
        self._common_mask = next((n for n, flags in real.items() if MaskFlags.per_dataset in flags), None)
        self._own_masks = {n for n, flags in real.items() if MaskFlags.per_dataset not in flags}
        self._hidden_mask: str | None = None
        if not isinstance(self.path, Elsewhere) and self.directory:
            self._hidden_mask = mask_of_page(self.path, self.directory)
        elif not isinstance(self.path, Elsewhere) and real:
            self._hidden_mask = mask_file_hidden(self.path, self._driver)

    def _bands(self, dataset: Any, headers: Sequence[BandHeader]) -> tuple[Band, ...]:
        """What the file says of the bands."""
        if self._table is not None:
            return bands_named(("red", "green", "blue") if len(self._table) == 3 else ("grey",), described=False)
        return bands_of(dataset, [headers[number - 1] for number in self._band_numbers])

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


def gdal_version() -> str:
    """Version of the GDAL that reads and writes rasters."""
    return str(rasterio.__gdal_version__)


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
