"""Pictures: 8-bit RGB as PNG."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

from densa.errors import InputError
from densa.raster.atomic import atomic_output, check_suffix

__all__ = ["save_png", "write_picture"]


def write_picture(path: Path | str, rgb: NDArray[np.uint8], *, overwrite: bool = False) -> None:
    """Write an RGB picture.

    Args:
        path: ends in .png.
        rgb: (H, W, 3) uint8.
        overwrite: replace an existing file.

    Raises:
        InputError: another suffix, shape or type, the file exists, or the disk is full.

    Examples:
        >>> import numpy as np
        >>> from densa import raster
        >>> raster.write_picture("red.png", np.full((2, 2, 3), (255, 0, 0), np.uint8))
        >>> raster.read_image("red.png").shape
        (2, 2, 3)
    """
    path = Path(path)
    check_suffix(path, {".png"})
    if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3 or 0 in rgb.shape:
        raise InputError(f"rgb must be (H, W, 3) uint8, got {rgb.shape} {rgb.dtype}")
    with atomic_output(path, overwrite) as temporary:
        save_png(Image.fromarray(rgb), temporary)


def save_png(image: Image.Image, path: Path, text: PngImagePlugin.PngInfo | None = None) -> None:
    """Write a PNG with text fields; encoded in memory first, since Pillow's own write hides why it failed."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG", pnginfo=text)
    path.write_bytes(buffer.getbuffer())
