"""Tiles of an image: cores that partition it, blocks that surround them with context."""

from __future__ import annotations

from collections.abc import Iterator

from densa.errors import InputError
from densa.raster.raster import Window

__all__ = ["tiles"]


def tiles(
    height: int, width: int, tile_size: int, *, halo: int = 0, stride: int = 1
) -> Iterator[tuple[Window, Window]]:
    """Cut an image into tiles, row by row.

    Args:
        height, width: of the image, in pixels.
        tile_size: side of a core in pixels, a multiple of `stride`.
        halo: pixels around a core that decide its result.
        stride: origins of cores and blocks are multiples of it.

    Yields:
        The core window (the cores partition the image) and the block window: the core, at least `halo` pixels around it
        (more at the top and left, up to the next multiple of `stride`), clipped to the image.

    Raises:
        InputError: a size below 1, a negative halo, or a tile size that is no multiple of the stride.
    """
    if min(height, width, tile_size, stride) < 1 or halo < 0:
        raise InputError(
            "height, width, tile_size and stride must be at least 1 and halo at least 0,"
            f" got {height}, {width}, {tile_size}, {stride} and {halo}"
        )
    if tile_size % stride:
        below = tile_size // stride * stride
        use = f"{below} or {below + stride}" if below else f"{stride}"
        raise InputError(f"tile_size must be a multiple of the stride {stride}, got {tile_size}; use {use}")
    return _tiles(height, width, tile_size, halo, stride)


def _tiles(height: int, width: int, tile_size: int, halo: int, stride: int) -> Iterator[tuple[Window, Window]]:
    columns = list(_spans(width, tile_size, halo, stride))
    for row, core_height, top, block_height in _spans(height, tile_size, halo, stride):
        for column, core_width, left, block_width in columns:
            yield Window(row, column, core_height, core_width), Window(top, left, block_height, block_width)


def _spans(size: int, tile_size: int, halo: int, stride: int) -> Iterator[tuple[int, int, int, int]]:
    """Start and length of the cores along one axis, and of their blocks."""
    for start in range(0, size, tile_size):
        length = min(tile_size, size - start)
        first = max(start - halo, 0) // stride * stride
        yield start, length, first, min(start + length + halo, size) - first
