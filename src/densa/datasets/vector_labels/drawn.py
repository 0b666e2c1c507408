"""Vector labels on the grid of one image, drawn by windows."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from densa.datasets.class_table import REST, UNLABELLED
from densa.datasets.vector_labels.label_features import LabelFeatures
from densa.raster import Raster, Window
from densa.raster.alignment import frame_of
from densa.raster.shapes.burning import Burner
from densa.raster.shapes.on_grid import metres_per_pixel, near, place_on_grid, thickened

__all__ = ["PEN", "DrawnFeatures", "Pen", "draw_features"]


class Pen(NamedTuple):
    """Width of lines and points that have none of their own, and the unit of all widths: "px" or "m"."""

    width: float = 5.0
    unit: str = "px"


PEN = Pen()


class DrawnFeatures:
    """Vector labels on the grid of one image, by the numbers of their values; a `Numbered`.

    Args:
        height, width: of the image.
        features: with the numbers of their values.
        met: which of the features of the file meet the image.
        interest: polygons outside which nothing is labelled; None: the image is of interest as a whole.
    """

    def __init__(
        self, height: int, width: int, features: Burner, met: NDArray[np.intp], interest: Burner | None = None
    ) -> None:
        self.height, self.width, self.met = height, width, met
        self._features, self._interest = features, interest

    @property
    def has_interest(self) -> bool:
        """Whether an area of interest meets the image; True where there are none."""
        return self._interest is None or len(self._interest.meeting(Window(0, 0, self.height, self.width))) > 0

    def numbers(self, window: Window) -> NDArray[np.int32]:
        """(h, w) number of the value of each pixel of a window, `REST` or `UNLABELLED`."""
        found: NDArray[np.int32] = np.full((window.height, window.width), REST, np.int32)
        self._features.burn(found, window)
        if self._interest is not None:
            inside = np.zeros(found.shape, np.uint8)
            self._interest.burn(inside, window)
            found[inside == 0] = UNLABELLED
        return found


def draw_features(
    image: Raster,
    features: LabelFeatures,
    numbers: NDArray[np.int32],
    *,
    interest: LabelFeatures | None = None,
    pen: Pen = PEN,
    all_touched: bool = False,
) -> tuple[DrawnFeatures, int]:
    """Place vector labels on the grid of an image.

    Args:
        image: open; only its header is read.
        features: of the vector file.
        numbers: (n,) number of the value of each feature.
        interest: areas of interest.
        pen: of lines and points.
        all_touched: draw all pixels that a feature touches.

    Returns:
        What is drawn, and the number of features near the image that have no place in its reference system.

    Raises:
        InputError: file and image cannot be laid over each other.
    """
    burner, kept, n_nowhere = _burner(image, features, numbers, pen, all_touched)
    areas = None
    if interest is not None:
        areas, _, n = _burner(image, interest, np.ones(len(interest.geometries), np.uint8), pen, False)
        n_nowhere += n
    met = kept[burner.meeting(Window(0, 0, image.height, image.width))]
    return DrawnFeatures(image.height, image.width, burner, met, areas), n_nowhere


def _burner(
    image: Raster, features: LabelFeatures, values: NDArray[Any], pen: Pen, all_touched: bool
) -> tuple[Burner, NDArray[np.intp], int]:
    """Draws the features near an image; which of them these are; and how many have no place there."""
    frame, layer = frame_of(image), features.layer
    scale = 1.0 if pen.unit == "px" else 1 / metres_per_pixel(image)
    widths = np.where(np.isnan(features.widths), pen.width, features.widths) * scale
    chosen = near(features.geometries, layer.crs, frame, margin=float(widths.max(initial=0)))
    found = place_on_grid(features.geometries[chosen], layer.crs, frame, path=layer.path, pixels=layer.may_be_pixels)
    kept = chosen[found.numbers]
    burner = Burner(thickened(found.geometries, widths[kept]), values[kept], all_touched=all_touched)
    return burner, kept, found.n_nowhere
