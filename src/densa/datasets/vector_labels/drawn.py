"""Vector labels on the grid of one image, drawn by windows."""

from __future__ import annotations

from collections.abc import Set
from typing import NamedTuple

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
        features: draws each with its place in `values`.
        values: (n,) number of the value of each feature, or `UNLABELLED`.
        met: which of the features of the file meet the image.
        interest: polygons outside which nothing is labelled; None: the image is of interest as a whole.
    """

    def __init__(
        self,
        height: int,
        width: int,
        features: Burner,
        values: NDArray[np.int32],
        met: NDArray[np.intp],
        interest: Burner | None = None,
    ) -> None:
        self.height, self.width, self.met = height, width, met
        self._features, self._values, self._interest = features, values, interest

    @property
    def has_interest(self) -> bool:
        """Whether an area of interest meets the image; True where there are none."""
        return self._interest is None or len(self._interest.meeting(Window(0, 0, self.height, self.width))) > 0

    def pieces(self) -> NDArray[np.int32]:
        """(n,) number of the value of each feature; `UNLABELLED` where none of its pixels is on the image."""
        met = self._features.meeting(Window(0, 0, self.height, self.width))
        values = np.full(len(self._values), UNLABELLED, np.int32)
        values[met] = self._values[met]
        return values

    def without_pieces(self, pieces: Set[int]) -> DrawnFeatures:
        """The same, where what some of the features cover is not labelled."""
        values = self._values.copy()
        values[sorted(pieces)] = UNLABELLED
        return DrawnFeatures(self.height, self.width, self._features, values, self.met, self._interest)

    def numbers(self, window: Window) -> NDArray[np.int32]:
        """(h, w) number of the value of each pixel of a window, `REST` or `UNLABELLED`."""
        places: NDArray[np.int32] = np.full((window.height, window.width), -1, np.int32)
        self._features.burn(places, window)
        found = np.append(self._values, np.int32(REST))[places]
        if self._interest is not None:
            areas: NDArray[np.int32] = np.full(found.shape, -1, np.int32)
            self._interest.burn(areas, window)
            found[areas < 0] = UNLABELLED
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
    burner, kept, n_nowhere = _burner(image, features, pen, all_touched)
    areas = None
    if interest is not None:
        areas, _, n = _burner(image, interest, pen, False)
        n_nowhere += n
    met = kept[burner.meeting(Window(0, 0, image.height, image.width))]
    return DrawnFeatures(image.height, image.width, burner, numbers[kept], met, areas), n_nowhere


def _burner(
    image: Raster, features: LabelFeatures, pen: Pen, all_touched: bool
) -> tuple[Burner, NDArray[np.intp], int]:
    """Draws the features near an image, each with its place; which of them these are; and how many have none there."""
    frame, layer = frame_of(image), features.layer
    scale = 1.0 if pen.unit == "px" else 1 / metres_per_pixel(image)
    widths = np.where(np.isnan(features.widths), pen.width, features.widths) * scale
    chosen = near(features.geometries, layer.crs, frame, margin=float(widths.max(initial=0)))
    found = place_on_grid(features.geometries[chosen], layer.crs, frame, path=layer.path, pixels=layer.may_be_pixels)
    kept = chosen[found.numbers]
    places = np.arange(len(kept), dtype=np.int32)
    burner = Burner(thickened(found.geometries, widths[kept]), places, all_touched=all_touched)
    return burner, kept, found.n_nowhere
