"""PNG, JPEG, GIF, BMP and WebP through Pillow."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import BmpImagePlugin, GifImagePlugin, Image, ImageFile, JpegImagePlugin, PngImagePlugin, WebPImagePlugin

from densa.errors import InputError
from densa.raster.decoded import DecodedRaster, check_size
from densa.raster.orientation import stored_orientation
from densa.raster.raster import ValuesAndValidity
from densa.raster.side_files import placement_beside

__all__ = ["open_photo", "photo_format"]


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
_DAMAGE = (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, struct.error, OverflowError)
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
        turned = shown >= 5
        height, width = (image.width, image.height) if turned else (image.height, image.width)
        kind = _kind(image, expand_palette)
        n_pages = getattr(image, "n_frames", 1)
        metadata = {str(key): value for key, value in image.info.items() if isinstance(value, str)}

    def decode() -> ValuesAndValidity:
        with _open(path, reader, page) as image:
            try:
                return _pixels(image, kind, _TURNS.get(shown))
            except _DAMAGE as error:
                raise _damaged(path, error) from error

    names = _RGB if kind in {"RGB", "RGBA"} else ("index",) if kind == "P" else _GREY
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
    )
    if shown != orientation:
        opened.remarks = (
            f"{path}: its EXIF orientation is not applied: the file beside it places the pixels as stored",
        )
    return opened


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
    reason = " ".join(str(error).split()) or type(error).__name__
    return InputError(f"{path} cannot be read, it is damaged or cut short: {reason}")


def _kind(image: Image.Image, expand_palette: bool) -> str:
    """Pillow mode to which the pixels are converted."""
    transparent = "transparency" in image.info
    if image.mode in {"P", "PA"}:
        if not expand_palette:
            return "P"
        return "RGBA" if transparent or image.mode == "PA" else "RGB"
    if image.mode == "L":
        return "LA" if transparent else "L"
    if image.mode in {"1", "LA", "RGBA"}:
        return image.mode
    return "RGBA" if transparent else "RGB"  # RGB, RGBX, CMYK, YCbCr, La, RGBa


def _pixels(image: ImageFile.ImageFile, kind: str, turn: Image.Transpose | None) -> ValuesAndValidity:
    picture: Image.Image = image
    if image.mode == "PA" and kind == "P":
        picture = image.getchannel(0)
    elif image.mode != kind:
        picture = image.convert(kind)
    if turn is not None:
        picture = picture.transpose(turn)
    stored: NDArray[Any] = np.array(picture)  # a copy: `np.asarray` would be a read-only view of Pillow's memory
    if stored.dtype == np.bool_:
        stored = stored.astype(np.uint8)
    values = stored[None] if stored.ndim == 2 else np.ascontiguousarray(np.moveaxis(stored, 2, 0))
    if kind in {"LA", "RGBA"}:
        return values[:-1], values[-1] > 0
    return values, np.ones(values.shape[1:], bool)


def _orientation(image: Image.Image) -> int:
    """EXIF orientation, 1 if there is none.

    Read without Pillow's EXIF reader, which warns about damage anywhere in the block; only this tag is needed.
    """
    exif = image.info.get("exif", b"")
    return stored_orientation(io.BytesIO(exif.removeprefix(b"Exif\0\0"))) if isinstance(exif, bytes) else 1
