"""Open an image of any format."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from densa.errors import InputError
from densa.locations import ITEM_SUFFIXES, BandFiles, Elsewhere, location
from densa.raster.decoded import decoded_as_a_whole
from densa.raster.elsewhere import open_elsewhere
from densa.raster.gdal import GdalRaster
from densa.raster.joined import JoinedRaster, check_one_grid
from densa.raster.orientation import Turned, stored_orientation
from densa.raster.photo import check_png, open_photo, photo_format
from densa.raster.raster import Georeference, Raster
from densa.raster.reach.check import check_sources
from densa.raster.side_files import placement_beside, projection_beside, unread_projection
from densa.raster.stac import open_item
from densa.raster.stacks.directories import StackRaster, open_stack
from densa.raster.stacks.volume import open_volume

__all__ = ["open", "open_stored", "open_together", "read_image"]

_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_PNG = b"\x89PNG\r\n\x1a\n"
_OTHER_DRIVERS = ("JP2OpenJPEG", "HFA", "ENVI")


def open(path: Path | str, *, page: int = 0) -> Raster:
    """Open an image: PNG, JPEG, TIFF, GeoTIFF, JPEG 2000, Erdas, ENVI, VRT, GIF, BMP or WebP.

    TIFF, JPEG 2000, Erdas, ENVI and VRT are read by windows; the others, of at most 179 megapixels, are decoded as a
    whole at the first read.

    Args:
        path: the file, or a URL (http, https, s3, gs, az) or /vsi path that GDAL reads; of a TIFF there only the ranges
            of bytes that are needed. Or a STAC item, "item.json#assets=red,nir" with the assets that are its bands.
        page: number of the image in a multi-page TIFF or an animation, from 0. The channels of an OME-TIFF or ImageJ
            stack are bands, its planes in depth and time pages.

    Raises:
        InputError: the file is missing, empty, damaged, too large, or not an image; it refers to files outside of its
            folder or on the network, see `allow_sources`; a server that does not answer.

    Examples:
        >>> import numpy as np
        >>> from densa import raster
        >>> raster.write_bands("heights.tif", np.array([[[0, 5, 9]]], np.uint8), nodata=0)
        >>> with raster.open("heights.tif") as image:
        ...     values, valid = image.read()
        >>> image.n_bands, image.height, image.width
        (1, 1, 3)
        >>> valid
        array([[False,  True,  True]])
    """
    return _open(location(path), page, expand_palette=True)


def open_together(
    paths: Sequence[Path | str], names: Sequence[str] = (), *, page: int = 0, path: Path | None = None
) -> Raster:
    """Open files of one grid as the bands of one image.

    Args:
        paths: the files, in the order of the bands.
        names: of the bands; empty: the stems of the files.
        page: see `open`.
        path: of the image; None: that of the first file.

    Raises:
        InputError: as `open`; no file, or files whose grids differ.

    Examples:
        >>> import numpy as np
        >>> from densa import raster
        >>> for name in ("red", "nir"):
        ...     raster.write_bands(f"{name}.tif", np.zeros((1, 2, 3), np.uint16))
        ...
        >>> with raster.open_together(["red.tif", "nir.tif"]) as image:
        ...     image.band_names
        ('red', 'nir')
    """
    places = [location(path) for path in paths]
    if not places:
        raise InputError("an image of several files needs one file or more")
    titles = tuple(names) or tuple(place.stem for place in places)
    opened: list[Raster] = []
    try:
        for place in places:
            opened.append(open(place, page=page))
        mend = "choose bands of one resolution by name with bands=, or resample them to one grid"
        check_one_grid(f"the files of the bands of {places[0]}", [p.name for p in places], opened, mend)
        return JoinedRaster(path or places[0], titles, opened)
    except InputError:
        for raster in opened:
            raster.close()
        raise


def read_image(path: Path | str, *, page: int = 0) -> NDArray[np.generic]:
    """Read an image as an array, without alpha; see `open` for its validity and georeference.

    Args:
        path: the file.
        page: number of the image in a multi-page TIFF or an animation, from 0.

    Returns:
        (h, w, bands) values as they are stored; what a mask, nodata or alpha marks as missing is there too.

    Raises:
        InputError: as `open`.

    Examples:
        >>> import numpy as np
        >>> from densa import raster
        >>> raster.write_bands("image.tif", np.arange(24, dtype=np.uint8).reshape(2, 3, 4))
        >>> raster.read_image("image.tif").shape
        (3, 4, 2)
    """
    with open(path, page=page) as image:
        return np.ascontiguousarray(np.moveaxis(image.read()[0], 0, -1))


def open_stored(path: Path | str, page: int = 0) -> Raster:
    """Open a file of labels: as `open`, but a palette's indices and the values of a file whose 0 is white as stored."""
    return _open(location(path), page, expand_palette=False)


def _open(path: Path, page: int, *, expand_palette: bool) -> Raster:
    raster = _open_format(path, page, expand_palette)
    place = raster.georeference
    if place is not None and place.crs is None and not isinstance(path, Elsewhere):
        unread = unread_projection(path)
        raster.remarks = (*raster.remarks, unread) if unread else raster.remarks
    return raster


def _open_format(path: Path, page: int, expand_palette: bool) -> Raster:
    if isinstance(path, BandFiles):
        return open_together([file for _, file in path.bands], [name for name, _ in path.bands], page=page, path=path)
    if path.suffix.lower() in ITEM_SUFFIXES:
        return open_item(path, page)
    if isinstance(path, Elsewhere):
        return open_elsewhere(path, page, expand_palette=expand_palette)
    head = _head(path)
    if head.startswith(_TIFF):
        return _oriented(_with_projection(_open_tiff(path, page, expand_palette)))
    if head.startswith(_PNG) and _pillow_reduces(head):
        raster = GdalRaster(path, "PNG", page=page, expand_palette=expand_palette)
        return decoded_as_a_whole(raster, placement_beside(path), check_png)
    if reader := photo_format(head):
        return open_photo(path, reader, page=page, expand_palette=expand_palette)
    # A VRT reads other files, so its suffix must announce it. No text formats: any list of numbers would pass as one.
    if path.suffix.lower() == ".vrt":
        return _with_projection(GdalRaster(path, "VRT", page=page, expand_palette=expand_palette))
    check_sources(path)
    for driver in _OTHER_DRIVERS:
        with suppress(InputError):
            return _with_projection(GdalRaster(path, driver, page=page, expand_palette=expand_palette))
    raise InputError(f"{path} is not an image that densa reads (PNG, JPEG, TIFF, GeoTIFF, ...), or it is damaged")


def _open_tiff(path: Path, page: int, expand_palette: bool) -> Raster:
    raster = GdalRaster(path, "GTiff", page=0, expand_palette=expand_palette)
    alone = raster.georeference is None and raster.n_pages == 1
    if alone and (volume := open_volume(path, page, as_shown=expand_palette)):
        raster.close()
        return volume
    if stack := open_stack(path, raster, page, expand_palette=expand_palette):
        raster.close()
        return stack
    if page == 0:
        return raster
    raster.close()
    return GdalRaster(path, "GTiff", page=page, expand_palette=expand_palette)


def _with_projection(raster: Raster) -> Raster:
    """A raster whose reference system, if the file has only a transform, is that of the `.prj` beside it."""
    if raster.georeference is not None and raster.georeference.crs is None:
        raster.georeference = Georeference(projection_beside(raster.path), raster.georeference.transform)
    return raster


def _oriented(raster: Raster) -> Raster:
    """A TIFF as its orientation tag shows it; GDAL, and a georeference, take the pixels as they are stored."""
    directory = raster.directory if isinstance(raster, (GdalRaster, StackRaster)) else 0
    try:
        with raster.path.open("rb") as file:
            orientation = stored_orientation(file, directory)
    except OSError:
        return raster
    if orientation == 1:
        return raster
    if raster.is_placed:
        raster.remarks = (
            *raster.remarks,
            f"{raster.path}: its orientation tag ({orientation}) is not applied: the georeference places the pixels as"
            " stored, as in GDAL and QGIS",
        )
        return raster
    return Turned(raster, orientation)


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            head = file.read(32)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error
    if not head:
        raise InputError(f"{path} is empty (0 bytes)")
    return head


def _pillow_reduces(head: bytes) -> bool:
    """Whether Pillow would change the values of this PNG: 16 bits become 8, 2 and 4 bits of grey are stretched."""
    if len(head) < 26:
        return False
    depth, kind = struct.unpack_from("BB", head, 24)
    return depth == 16 or (kind == 0 and depth < 8)
