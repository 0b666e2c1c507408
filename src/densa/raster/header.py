"""What the header of a file says that GDAL has opened: its bands, colours, place, compression and masks."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.enums import ColorInterp, MaskFlags

from densa.errors import InputError
from densa.raster.bands import Band, wavelength_nm
from densa.raster.raster import Georeference

__all__ = [
    "BandHeader",
    "band_headers",
    "bands_of",
    "check_blocks",
    "color_table",
    "georeference_in",
    "is_inverted",
    "key_color",
    "loss_of",
    "mask_file_hidden",
    "mask_of_page",
    "page_number",
    "white_of_inverted",
]

_NAMES = {"complex_int16": "complex64"}  # rasterio's own names of types, which numpy does not know


class BandHeader(NamedTuple):
    """What the header says of a band.

    Attributes:
        number: from 1.
        kind: GDAL's colour interpretation.
        description: None where there is none.
        dtype: of the values.
        nodata: as the file declares it.
        scale, offset: from stored to physical values.
        mask: what GDAL says about its mask.
    """

    number: int
    kind: ColorInterp
    description: str | None
    dtype: np.dtype[Any]
    nodata: float | None
    scale: float
    offset: float
    mask: Sequence[MaskFlags]

    @property
    def is_alpha(self) -> bool:
        """Whether it is alpha; one with the name of another band is not: writers take the fourth of bytes for alpha."""
        if self.kind != ColorInterp.alpha:
            return False
        return Band(self.description or "").own_name in ("", "a", "alpha", "opacity", "mask")


def band_headers(dataset: Any) -> list[BandHeader]:
    """Those of all bands; read once, since rasterio goes through all of them for each property."""
    fields = zip(
        dataset.indexes,
        dataset.colorinterp,
        dataset.descriptions,
        (np.dtype(_NAMES.get(name, name)) for name in dataset.dtypes),
        dataset.nodatavals,
        map(float, dataset.scales),
        map(float, dataset.offsets),
        dataset.mask_flag_enums,
        strict=True,
    )
    return [BandHeader(*one) for one in fields]


def bands_of(dataset: Any, headers: Sequence[BandHeader]) -> tuple[Band, ...]:
    """What identifies some bands."""
    bands = []
    for place, one in enumerate(headers, 1):
        usual = {ColorInterp.gray: "grey", ColorInterp.palette: "index"}.get(one.kind, one.kind.name)
        vague = one.kind == ColorInterp.undefined or (one.kind == ColorInterp.gray and len(headers) > 1)
        name = one.description or (f"band {place}" if vague else usual)
        length = _wavelength_nm(dataset, one.number, one.description)
        bands.append(Band(name, one.kind.name, length, one.scale, one.offset, described=bool(one.description)))
    return tuple(bands)


def _wavelength_nm(dataset: Any, number: int, description: str | None) -> float | None:
    """Of the centre of a band, by the metadata of GDAL or ENVI, or by its name, such as "450.0 Nanometers"."""
    imagery, own = dataset.tags(number, ns="IMAGERY"), dataset.tags(number)
    length = wavelength_nm(imagery.get("CENTRAL_WAVELENGTH_UM"), "um")
    length = length or wavelength_nm(own.get("wavelength"), own.get("wavelength_units") or own.get("wavelength_unit"))
    return length or wavelength_nm(description, "")


def check_blocks(path: Path, dataset: Any) -> None:
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


def georeference_in(dataset: Any) -> Georeference | None:
    """None where there is neither a reference system nor a transform."""
    if dataset.crs is None and dataset.transform.is_identity:
        return None
    return Georeference(dataset.crs, dataset.transform)


def page_number(subdataset: str) -> int:
    """Of the directory that GDAL's name of a TIFF names, from 1; 0 for other names."""
    match = re.match(r"GTIFF_DIR:(\d+):", subdataset)
    return int(match[1]) if match else 0


def loss_of(dataset: Any, files: Sequence[str]) -> str | None:
    """Name of the compression of a dataset and its files, where it altered the values."""
    tags = dataset.tags(ns="IMAGE_STRUCTURE")
    name = str(tags.get("COMPRESSION") or dataset.driver)
    error = float(tags.get("MAX_Z_ERROR", 0))
    if "JPEG" in name.upper() and "JPEG2000" not in name.upper():
        return "JPEG"
    if tags.get("COMPRESSION_REVERSIBILITY") == "LOSSY" or (error > 0 and np.dtype(dataset.dtypes[0]).kind == "f"):
        return name
    if any(Path(file).suffix.lower() in {".jpg", ".jpeg"} for file in files[1:]):
        return "JPEG"  # what a VRT is made of
    return name if error >= 1 else None


def color_table(dataset: Any, band: BandHeader) -> NDArray[np.uint8]:
    """(3, n) red, green, blue of each index; (1, n) where the table only swaps black and white."""
    dtype = band.dtype
    if dtype not in (np.uint8, np.uint16):
        raise InputError(f"{dataset.name} has a colour table, so its values must be uint8 or uint16, got {dtype}")
    table = np.zeros((3, 2 ** (8 * dtype.itemsize)), np.uint8)
    for index, color in dataset.colormap(band.number).items():
        if index < table.shape[1]:
            table[:, index] = color[:3]
    return table[:1] if is_inverted(dataset) else table


def is_inverted(dataset: Any) -> bool:
    """Whether 0 is shown white."""
    return bool(dataset.tags(ns="IMAGE_STRUCTURE").get("MINISWHITE") == "YES")


def white_of_inverted(dataset: Any) -> int | None:
    """The value that shows black in a TIFF whose 0 is white; None for other files and for real numbers."""
    dtype = np.dtype(dataset.dtypes[0])
    if not is_inverted(dataset) or dtype.kind != "u":
        return None
    return 2 ** int(dataset.tags(1, ns="IMAGE_STRUCTURE").get("NBITS", 8 * dtype.itemsize)) - 1


def key_color(dataset: Any, numbers: list[int]) -> tuple[float, ...] | None:
    """The values of the bands `numbers` that together mean "no data", which GDAL calls NODATA_VALUES."""
    texts = dataset.tags().get("NODATA_VALUES", "").split()
    if len(texts) != dataset.count:
        return None
    try:
        values = [float(text) for text in texts]
    except ValueError:
        return None
    return tuple(values[n - 1] for n in numbers)


def mask_file_hidden(path: Path, driver: str) -> str | None:
    """The `.msk` file beside a raster that has a mask inside, for which GDAL leaves the file unread."""
    beside = path.with_name(path.name + ".msk")
    if not beside.is_file():
        return None
    with rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR"), rasterio.open(path, driver=driver) as alone:
        inside = any(flags == [MaskFlags.per_dataset] for flags in alone.mask_flag_enums)
    return str(beside.absolute()) if inside else None


def mask_of_page(path: Path, directory: int) -> str | None:
    """GDAL's name of the mask of a further page, which follows it in the file; GDAL itself knows that of the first."""
    import tifffile

    with suppress(tifffile.TiffFileError, OSError, ValueError, IndexError, KeyError), tifffile.TiffFile(path) as file:
        if directory + 1 < len(file.pages) and int(getattr(file.pages[directory + 1], "subfiletype", 0)) & 4:
            return f"GTIFF_DIR:{directory + 2}:{path.absolute()}"
    return None
