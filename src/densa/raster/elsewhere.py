"""Images at a URL or in one of GDAL's file systems: no file of this machine, so GDAL alone reads them."""

from __future__ import annotations

from densa.errors import InputError
from densa.locations import Elsewhere
from densa.raster.decoded import decoded_as_a_whole
from densa.raster.gdal import GdalRaster, driver_of
from densa.raster.orientation import Turned
from densa.raster.raster import Placement, Raster
from densa.raster.stacks.directories import open_stack

__all__ = ["open_elsewhere"]

# No driver that reads descriptions of other files or servers. TIFF first: the others are decoded as a whole.
_DRIVERS = ("GTiff", "JP2OpenJPEG", "PNG", "JPEG", "WEBP", "GIF", "BMP", "HFA")
_BY_WINDOWS = {"GTiff", "JP2OpenJPEG", "HFA"}


def open_elsewhere(path: Elsewhere, page: int = 0, *, expand_palette: bool = True) -> Raster:
    """Open an image at a URL or a /vsi path.

    A TIFF, JPEG 2000 or Erdas image is read by windows, of which GDAL fetches the ranges of bytes that they need; a
    photograph is decoded as a whole. Nothing beside the file is looked for.

    Args:
        path: from `densa.locations.location`.
        page: of a TIFF.
        expand_palette: see `GdalRaster`.

    Raises:
        InputError: no such file, a server that refuses, stalls or sends no ranges, or no image.
    """
    if path.suffix.lower() == ".vrt":
        raise InputError(f"{path} is a VRT, which is read from this machine only; download it, beside its sources")
    driver = driver_of(path, _DRIVERS)
    raster = GdalRaster(path, driver, page=0, expand_palette=expand_palette)
    if stack := open_stack(path, raster, page, expand_palette=expand_palette):
        raster.close()
        return stack
    if page:
        raster.close()
        raster = GdalRaster(path, driver, page=page, expand_palette=expand_palette)
    if driver in _BY_WINDOWS:
        return raster
    placement = Placement(raster.georeference, raster.ground_control, raster.rpcs)
    decoded = decoded_as_a_whole(raster, placement)
    orientation = raster.metadata.get("EXIF_Orientation", "1")
    if decoded.is_placed or orientation not in {"2", "3", "4", "5", "6", "7", "8"}:
        return decoded
    return Turned(decoded, int(orientation))
