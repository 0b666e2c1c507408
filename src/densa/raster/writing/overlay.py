"""Pictures of an image with its classes or the outlines of its regions drawn over it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from densa.errors import InputError
from densa.legend import IGNORE, Legend
from densa.raster.atomic import atomic_output, check_suffix
from densa.raster.decoded import check_size
from densa.raster.gdal import GdalRaster
from densa.raster.grid import tiles
from densa.raster.masks.values import read_mask
from densa.raster.raster import Raster, Window
from densa.raster.reduced_copy import overview
from densa.raster.writing.bands_writer import BandsWriter
from densa.raster.writing.geotiff import TIFF_SUFFIXES
from densa.raster.writing.picture import save_png

__all__ = ["write_outlines", "write_overlay"]

_TILE_PX = 1024
_LINE = (255, 221, 51)


def write_overlay(
    path: Path | str,
    image: Raster,
    labels: NDArray[np.uint8] | Path | str,
    legend: Legend,
    *,
    alpha: float = 0.5,
    overwrite: bool = False,
) -> None:
    """Write a picture of an image with its classes drawn over it.

    The first three bands are shown as red, green and blue; if there are fewer, the first as grey. 8-bit values are
    shown unchanged, others stretched between the 2nd and 98th percentile of an overview.

    Args:
        path: .png (three bytes of memory per pixel, at most 179 megapixels), or .tif for images of any size.
        image: an open raster.
        labels: (H, W) class indices, 255 for no class, or the file of such a label map.
        legend: colours of the classes.
        alpha: opacity of the classes, 0..1; pixels without a class show the image.
        overwrite: replace an existing file.

    Raises:
        InputError: another suffix or size, `alpha` outside 0..1, the file exists, or the disk is full.

    Examples:
        >>> import numpy as np
        >>> from densa import Legend, raster
        >>> image = raster.from_array(np.zeros((1, 2, 3), np.uint8))
        >>> legend = Legend(("field", "road"), colors=((0, 200, 0), (200, 0, 0)))
        >>> raster.write_overlay("overlay.png", image, np.array([[0, 1]], np.uint8), legend)
        >>> raster.read_image("overlay.png")[0].tolist()
        [[0, 100, 0], [100, 0, 0]]
    """
    path = Path(path)
    check_suffix(path, {".png", *TIFF_SUFFIXES})
    if not 0 <= alpha <= 1:
        raise InputError(f"alpha must be in 0..1, got {alpha}")
    size = image.height, image.width
    with ExitStack() as stack:
        found, read = _reader(labels, stack)
        if found != size:
            raise InputError(f"labels must be {size[0]} x {size[1]} pixels, the size of {image.path.name}, got {found}")
        _write(path, _Painter(image, read, legend, alpha), image, overwrite)


def write_outlines(
    path: Path | str, image: Raster, lines: Callable[[Window], NDArray[np.bool_]], *, overwrite: bool = False
) -> None:
    """Write a picture of an image with the outlines of regions.

    Args:
        path: .png or .tif, as in `write_overlay`.
        image: an open raster, shown as in `write_overlay`.
        lines: returns an (h, w) mask of the pixels of a window that are on an outline.
        overwrite: replace an existing file.

    Raises:
        InputError: another suffix or size, the file exists, or the disk is full.

    Examples:
        >>> import numpy as np
        >>> from densa import raster, regions
        >>> labels = np.array([[1, 1, 2, 2]] * 3)
        >>> lines = regions.boundaries(labels, "inner")
        >>> image = raster.from_array(np.zeros((3, 4), np.uint8))
        >>> raster.write_outlines(
        ...     "outlines.png", image, lambda w: lines[w.row : w.row + w.height, w.column : w.column + w.width]
        ... )
        >>> raster.read_image("outlines.png")[0].tolist()
        [[0, 0, 0], [255, 221, 51], [255, 221, 51], [0, 0, 0]]
    """
    path = Path(path)
    check_suffix(path, {".png", *TIFF_SUFFIXES})
    shown = _Shown(image)

    def paint(window: Window) -> NDArray[np.uint8]:
        values = np.rint(shown(window)[0]).astype(np.uint8)
        picture = values if len(values) == 3 else np.repeat(values, 3, axis=0)
        picture[:, lines(window)] = np.array(_LINE, np.uint8)[:, None]
        return picture

    _write(path, paint, image, overwrite)


def _write(path: Path, paint: Callable[[Window], NDArray[np.uint8]], image: Raster, overwrite: bool) -> None:
    """Write a (3, h, w) uint8 picture that is painted window by window."""
    size = image.height, image.width
    if path.suffix.lower() == ".png":
        _write_png(path, paint, size, overwrite)
        return
    names = ("red", "green", "blue")
    with BandsWriter(path, 3, *size, np.uint8, like=image, band_names=names, overwrite=overwrite) as writer:
        for window, _ in tiles(*size, _TILE_PX):
            writer.write(window, paint(window))


class _Shown:
    """(3 or 1, h, w) float32 values of any window scaled to 0..255 for display, and their (h, w) validity."""

    def __init__(self, image: Raster) -> None:
        self._image = image
        self._bands = (1, 2, 3) if image.n_bands >= 3 else (1,)
        self._low, self._high = (0.0, 255.0) if image.dtype == np.uint8 else self._limits()

    def _limits(self) -> tuple[float, float]:
        values, valid = overview(self._image, 512)
        if not valid.any():
            return 0.0, 1.0
        low, high = np.percentile(values[[b - 1 for b in self._bands]][:, valid], (2, 98))
        return float(low), float(max(high, low + 1e-6))

    def __call__(self, window: Window) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        values, valid = self._image.read(window, bands=self._bands)
        scaled = np.where(valid, (values.astype(np.float32) - self._low) * (255 / (self._high - self._low)), 0)
        return np.clip(scaled, 0, 255), valid


class _Painter:
    """(3, h, w) uint8 picture of any window."""

    def __init__(self, image: Raster, read: Any, legend: Legend, alpha: float) -> None:
        self._shown, self._read = _Shown(image), read
        self._tint = legend.palette().astype(np.float32).T * alpha
        self._left = np.full(256, 1 - alpha, np.float32)
        self._left[legend.n_classes :] = 1  # 255, and values that are not a class
        self._tint[:, legend.n_classes :] = 0

    def __call__(self, window: Window) -> NDArray[np.uint8]:
        values, valid = self._shown(window)
        labels = np.where(valid, self._read(window), IGNORE)
        return np.rint(values * self._left[labels] + self._tint[:, labels]).astype(np.uint8)


def _reader(labels: NDArray[np.uint8] | Path | str, stack: ExitStack) -> tuple[tuple[int, ...], Any]:
    """Size of a label map, and a function that reads its windows; a TIFF stays on the disk."""
    if not isinstance(labels, np.ndarray) and Path(labels).suffix.lower() in TIFF_SUFFIXES:
        opened = stack.enter_context(GdalRaster(Path(labels), "GTiff", expand_palette=False))
        return (opened.height, opened.width), lambda window: opened.read(window, bands=(1,))[0][0]
    values = labels if isinstance(labels, np.ndarray) else read_mask(labels)
    return values.shape, lambda w: values[w.row : w.row + w.height, w.column : w.column + w.width]


def _write_png(
    path: Path, paint: Callable[[Window], NDArray[np.uint8]], size: tuple[int, int], overwrite: bool
) -> None:
    check_size(path, *size)
    with atomic_output(path, overwrite) as temporary:
        picture = np.empty((*size, 3), np.uint8)
        for window, _ in tiles(*size, _TILE_PX):
            rows = slice(window.row, window.row + window.height)
            columns = slice(window.column, window.column + window.width)
            picture[rows, columns] = np.moveaxis(paint(window), 0, 2)
        save_png(Image.fromarray(picture), temporary)
