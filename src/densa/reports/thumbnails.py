"""Thumbnails of images and label maps."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["shrink_image", "shrink_labels", "shrink_probabilities", "thumbnail_size", "to_rgb"]

_MISSING_GREY = 190  # for pixels that are not valid


def thumbnail_size(shape: tuple[int, ...], side: int) -> tuple[int, int]:
    """Height and width with the image's proportions whose longer side is at most `side`; not larger than the image."""
    height, width = shape
    scale = min(1.0, side / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def shrink_labels(labels: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """(H, W) labels reduced to (h, w): the label in the middle of each cell, so no new labels appear."""
    rows, columns = _middles(labels.shape[0], size[0]), _middles(labels.shape[1], size[1])
    return labels[rows[:, None], columns]


def shrink_probabilities(
    probabilities: NDArray[Any], size: tuple[int, int], classes: list[int]
) -> dict[int, NDArray[np.uint8]]:
    """(h, w) uint8 of 0..255 for each of `classes`, from (n_classes, H, W) of 0..1, or of uint8 0..255."""
    rows, columns = _middles(probabilities.shape[1], size[0]), _middles(probabilities.shape[2], size[1])
    if probabilities.dtype == np.uint8:
        return {k: probabilities[k][rows[:, None], columns] for k in classes}
    small = {k: np.nan_to_num(probabilities[k][rows[:, None], columns].astype(np.float32)) for k in classes}
    return {k: np.round(255 * np.clip(values, 0, 1)).astype(np.uint8) for k, values in small.items()}


def shrink_image(image: NDArray[Any], valid: NDArray[np.bool_], size: tuple[int, int]) -> NDArray[np.uint8]:
    """(h, w, 3) uint8 picture of an image: means over cells, grey for cells without a valid pixel.

    Args:
        image: (bands, H, W) of any numeric type; the first three bands are shown, or the first if there are fewer.
        valid: (H, W) bool.
        size: height and width of the picture, at most those of the image.
    """
    bands = [image[b] for b in ((0, 1, 2) if len(image) >= 3 else (0, 0, 0))]
    rows = np.arange(size[0]) * valid.shape[0] // size[0]
    columns = np.arange(size[1]) * valid.shape[1] // size[1]
    weight = _cell_sums(valid.astype(np.float32), rows, columns)
    means: list[NDArray[Any]] = []
    for place, band in enumerate(bands):
        if place and band is bands[0]:
            means.append(means[0])
            continue
        values = np.where(valid, band.astype(np.float32), np.float32(0))
        means.append(_cell_sums(values, rows, columns) / np.maximum(weight, 1))
    return to_rgb(np.stack(means), weight > 0, is_photo=image.dtype == np.uint8)


def to_rgb(image: NDArray[np.float32], valid: NDArray[np.bool_], *, is_photo: bool) -> NDArray[np.uint8]:
    """(h, w, 3) uint8 picture of a (3, h, w) image.

    Args:
        image: three bands.
        valid: (h, w) bool; other pixels become grey.
        is_photo: values are 0..255 and kept; otherwise all bands are stretched together between the 2nd and the 98th
            percentile.
    """
    rgb = np.moveaxis(image, 0, -1)
    if not is_photo and valid.any():
        low, high = np.percentile(rgb[valid], (2, 98))
        rgb = (rgb - low) * (255 / (high - low) if high > low else 1.0)
    picture = np.clip(np.nan_to_num(rgb), 0, 255).round().astype(np.uint8)
    picture[~valid] = _MISSING_GREY
    return picture


def _middles(n: int, m: int) -> NDArray[np.intp]:
    """The index in the middle of each of `m` cells of `n` pixels."""
    return ((2 * np.arange(m) + 1) * n) // (2 * m)


def _cell_sums(values: NDArray[np.float32], rows: NDArray[Any], columns: NDArray[Any]) -> NDArray[np.float32]:
    return np.add.reduceat(np.add.reduceat(values, rows, axis=0), columns, axis=1)
