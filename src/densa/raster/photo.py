"""PNG, JPEG, GIF, BMP and WebP through Pillow."""

from __future__ import annotations

import io
import os
import struct
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import BmpImagePlugin, GifImagePlugin, Image, ImageFile, JpegImagePlugin, PngImagePlugin, WebPImagePlugin

from densa.errors import InputError, one_line
from densa.raster.decoded import DecodedRaster, check_size
from densa.raster.gdal import GdalRaster
from densa.raster.orientation import stored_orientation
from densa.raster.raster import ValuesAndValidity
from densa.raster.side_files import placement_beside
from densa.raster.validity import Missing

__all__ = ["check_png", "open_photo", "photo_format"]


class _Jpeg(JpegImagePlugin.JpegImageFile):
    """JPEG whose resolution is not read: Pillow would parse all of EXIF for it and warn about damage there."""

    def _read_dpi_from_exif(self) -> None:
        pass


# The plug-ins, not `Image.open`, which tries every format that Pillow knows and warns through global state.
_FORMATS: tuple[tuple[bytes, type[ImageFile.ImageFile]], ...] = (
    (b"\x89PNG\r\n\x1a\n", PngImagePlugin.PngImageFile),
    (b"\xff\xd8\xff", _Jpeg),
    (b"GIF8", GifImagePlugin.GifImageFile),
    (b"BM", BmpImagePlugin.BmpImageFile),
)
# Exceptions of Pillow's decoders on damaged files.
_DAMAGE = (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, struct.error, OverflowError,
           Image.DecompressionBombError, Image.DecompressionBombWarning)  # fmt: skip
_DRIVERS: dict[type[ImageFile.ImageFile], str] = {
    PngImagePlugin.PngImageFile: "PNG",
    _Jpeg: "JPEG",
    GifImagePlugin.GifImageFile: "GIF",
    BmpImagePlugin.BmpImageFile: "BMP",
    WebPImagePlugin.WebPImageFile: "WEBP",
}
"""GDAL's names of the formats."""
_PNG_PIXELS = {b"tRNS", b"acTL", b"fcTL", b"fdAT"}
_GREY, _RGB = ("grey",), ("red", "green", "blue")
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def photo_format(head: bytes) -> type[ImageFile.ImageFile] | None:
    """Pillow's reader for a file that begins with `head`, None for other formats."""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return WebPImagePlugin.WebPImageFile
    return next((reader for signature, reader in _FORMATS if head.startswith(signature)), None)


def check_png(path: Path) -> None:
    """Refuse a PNG in which the checksum of a part that decides the pixels is wrong; decoders pass over some of them.

    Other formats of photographs have no checksums: damage of a JPEG shows only where its decoder fails.

    Raises:
        InputError: names the part.
    """
    try:
        with path.open("rb") as file:
            file.seek(8)
            while len(head := file.read(8)) == 8:
                length, kind = struct.unpack(">I4s", head)
                if kind[0] & 0x20 and kind not in _PNG_PIXELS:  # of no importance for the pixels
                    file.seek(length + 4, 1)
                    continue
                checksum = zlib.crc32(kind)
                while length and (part := file.read(min(length, 2**20))):
                    checksum, length = zlib.crc32(part, checksum), length - len(part)
                stored = file.read(4)
                if length or len(stored) < 4:
                    return  # cut short, which decoders see
                if int.from_bytes(stored, "big") != checksum:
                    raise InputError(
                        f"{path} is damaged: the checksum of its {kind.decode('latin-1')} part is wrong; get it anew"
                    )
                if kind == b"IEND":
                    return
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error


def open_photo(
    path: Path, reader: type[ImageFile.ImageFile], *, page: int = 0, expand_palette: bool = True
) -> DecodedRaster:
    """Open an image that Pillow reads.

    Args:
        path: the file.
        reader: Pillow's reader for its format, see `photo_format`.
        page: frame of an animation, from 0.
        expand_palette: convert palette images to RGB; False keeps the palette's indices.

    Raises:
        InputError: the header is damaged, the image is too large or has no such page.
    """
    with _open(path, reader, page) as image:
        orientation, placement = _orientation(image), placement_beside(path)
        shown = 1 if placement.is_placed else orientation  # side files place the pixels as they are stored
        turned, turn = shown >= 5, _TURNS.get(shown)
        height, width = (image.width, image.height) if turned else (image.height, image.width)
        kind = _kind(image, expand_palette)
        missing, key = _missing(image, kind)
        n_pages = getattr(image, "n_frames", 1)
        metadata = {str(key): value for key, value in image.info.items() if isinstance(value, str)}
    names = _RGB if kind in {"RGB", "RGBA"} else ("index",) if kind in {"P", "PA"} else _GREY
    beside = _beside(path, reader, expand_palette) if page == 0 else None
    if beside is not None and len(beside.missing) == len(names):
        missing = [tuple(dict.fromkeys(own + more)) for own, more in zip(missing, beside.missing, strict=True)]
        key = beside.key or key

    place = path.absolute()  # it is decoded later, in whatever folder the program is then

    def decode() -> ValuesAndValidity:
        if reader is PngImagePlugin.PngImageFile:
            check_png(place)
        with _open(place, reader, page) as image:
            try:
                values, valid = _pixels(image, kind, turn)
            except _DAMAGE as error:
                raise _damaged(path, error) from error
        if beside is not None and beside.hides:
            with beside:
                mask = Image.fromarray(beside.shown())
            valid &= np.asarray(mask if turn is None else mask.transpose(turn))
        return values, valid

    opened = DecodedRaster(
        path,
        height,
        width,
        np.dtype(np.uint8),
        names,
        decode,
        placement=placement,
        n_pages=n_pages,
        metadata=metadata,
        missing=missing,
        key=key,
    )
    opened.loss = _loss(path, reader)
    if shown != orientation:
        opened.remarks = (
            f"{path}: its EXIF orientation is not applied: the file beside it places the pixels as stored",
        )
    return opened


def _beside(path: Path, reader: type[ImageFile.ImageFile], expand_palette: bool) -> GdalRaster | None:
    """What files of GDAL beside a photograph (`.msk`, `.aux.xml`) say of its validity; None where there are none."""
    if not any(os.path.isfile(f"{path}{end}") for end in (".msk", ".aux.xml")):  # for every image: text is quick
        return None
    with suppress(InputError), GdalRaster(path, _DRIVERS[reader], expand_palette=expand_palette) as found:
        return found
    return None


def _loss(path: Path, reader: type[ImageFile.ImageFile]) -> str | None:
    """Name of the format, where it alters values: JPEG, and WebP but for its lossless mode."""
    if reader is _Jpeg:
        return "JPEG"
    if reader is not WebPImagePlugin.WebPImageFile:
        return None
    with path.open("rb") as file:  # the chunks of a RIFF file: name, size, content padded to even sizes
        file.seek(12)
        while len(head := file.read(8)) == 8:
            name, size = head[:4], int.from_bytes(head[4:], "little")
            if name in {b"VP8 ", b"VP8L", b"ANIM"}:
                return "WebP" if name != b"VP8L" else None
            file.seek(size + size % 2, 1)
    return "WebP"


def _open(path: Path, reader: type[ImageFile.ImageFile], page: int) -> ImageFile.ImageFile:
    try:
        image = reader(path)
    except _DAMAGE as error:
        raise _damaged(path, error) from error
    try:
        check_size(path, image.height, image.width)
        n_pages = getattr(image, "n_frames", 1)
        if not 0 <= page < n_pages:
            raise InputError(f"page of {path} must be in 0..{n_pages - 1}, got {page}")
        image.seek(page)
    except _DAMAGE as error:  # an InputError is a ValueError
        image.close()
        raise error if isinstance(error, InputError) else _damaged(path, error) from error
    return image


def _damaged(path: Path, error: Exception) -> InputError:
    return InputError(f"{path} cannot be read, it is damaged or cut short: {one_line(error)}")


def _kind(image: Image.Image, expand_palette: bool) -> str:
    """Pillow mode to which the pixels are converted."""
    if image.mode in {"P", "PA"}:
        if not expand_palette:
            return image.mode
        return "RGBA" if "transparency" in image.info or image.mode == "PA" else "RGB"
    if image.mode in {"1", "L", "LA", "RGBA"}:
        return image.mode
    return "RGB"  # RGB, RGBX, CMYK, YCbCr, La, RGBa


def _missing(image: Image.Image, kind: str) -> tuple[list[Missing], tuple[int | float, ...] | None]:
    """Values of each band, and colour of all, that the file declares as transparent beside its alpha."""
    transparent = image.info.get("transparency")
    if kind == "RGB" and isinstance(transparent, tuple):
        return [()] * 3, transparent
    if kind in {"1", "L"} and isinstance(transparent, int):
        return [(transparent,)], None
    if kind in {"P", "PA"} and isinstance(transparent, (int, bytes)):
        those = [transparent] if isinstance(transparent, int) else [i for i, a in enumerate(transparent) if a == 0]
        return [tuple(those)], None
    return [()] * (3 if kind in {"RGB", "RGBA"} else 1), None


def _pixels(image: ImageFile.ImageFile, kind: str, turn: Image.Transpose | None) -> ValuesAndValidity:
    picture: Image.Image = image
    if image.mode != kind:
        picture = image.convert(kind)
    if turn is not None:
        picture = picture.transpose(turn)
    stored: NDArray[Any] = np.array(picture)  # a copy: `np.asarray` would be a read-only view of Pillow's memory
    if stored.dtype == np.bool_:
        stored = stored.astype(np.uint8)
    values = stored[None] if stored.ndim == 2 else np.ascontiguousarray(np.moveaxis(stored, 2, 0))
    if kind in {"LA", "PA", "RGBA"}:
        return values[:-1], values[-1] > 0
    return values, np.ones(values.shape[1:], bool)


def _orientation(image: Image.Image) -> int:
    """EXIF orientation, 1 if there is none.

    Read without Pillow's EXIF reader, which warns about damage anywhere in the block; only this tag is needed.
    """
    exif = image.info.get("exif", b"")
    return stored_orientation(io.BytesIO(exif.removeprefix(b"Exif\0\0"))) if isinstance(exif, bytes) else 1
