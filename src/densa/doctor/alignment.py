"""Whether a mask lies on its image: the edges of both, correlated over shifts and over turns.

Borders of classes mostly lie on edges of the image. The correlation of the mask's borders with the image's gradient is
therefore greatest where the mask belongs. A peak elsewhere counts only if it stands far above all other shifts, and
above that at 0, so that textures, coarse outlines and pictures without edges raise no alarm.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

from densa.legend import IGNORE

__all__ = ["Alignment", "best_turn", "correlation", "peak_of", "turned"]

RADIUS = 48
"""Largest shift that is looked for, in pixels."""
_BLUR = 1.0  # pixels of the gradient's Gaussian
_LEAST_SHIFT = 2.0  # pixels; borders drawn by hand are no nearer
_STRONG, _VERY_STRONG, _LESS_AT_ZERO = 6.0, 8.0, 0.6
TURNS = ("", "turned by 90 degrees", "turned by 180 degrees", "turned by 270 degrees",
         "mirrored left to right", "mirrored top to bottom", "transposed", "transposed and turned")  # fmt: skip
"""The ways in which a mask may lie on its image; see `turned`."""


class Alignment(NamedTuple):
    """The peak of a correlation of edges.

    Attributes:
        rows, columns: by which the mask lies below and right of where it belongs.
        strength: of the peak, in standard deviations of the other shifts.
        at_zero: the strength of the best shift of at most one pixel.
        around: the median strength of the shifts 5 pixels from the peak; -inf where the peak lies at the rim.
    """

    rows: int
    columns: int
    strength: float
    at_zero: float
    around: float = 0.0

    @property
    def is_shift(self) -> bool:
        """Whether the peak shows a shift beyond doubt."""
        apart = self.distance >= _LEAST_SHIFT and self.at_zero < _LESS_AT_ZERO * self.strength
        return apart and self.strength >= _STRONG and -np.inf < self.around < 0.75 * self.strength

    @property
    def is_clear_shift(self) -> bool:
        """Whether the peak of a single pair shows a shift beyond doubt."""
        return self.is_shift and self.strength >= _VERY_STRONG and self.at_zero < 0.5 * self.strength

    @property
    def distance(self) -> float:
        """Length of the shift in pixels."""
        return float(np.hypot(self.rows, self.columns))


def correlation(grey: NDArray[Any], labels: NDArray[Any]) -> NDArray[np.float32] | None:
    """Correlation of an image's edges with a mask's borders at every shift of at most `RADIUS` pixels.

    Args:
        grey: (h, w) image.
        labels: (h, w) values of the mask.

    Returns:
        (2 r + 1, 2 r + 1) float32, the shift 0 in the middle, in standard deviations; None where one of them has no
        edges, or both are too small.
    """
    radius = min(RADIUS, min(grey.shape) // 5)
    if radius < 4:
        return None
    edges, borders = _edges(grey), _borders(labels)
    if edges is None or borders is None:
        return None
    shape = [fft.next_fast_len(side + 2 * radius, real=True) for side in grey.shape]
    product = fft.rfft2(borders, shape) * np.conj(fft.rfft2(edges, shape))
    surface = fft.irfft2(product, shape)
    rows, columns = (np.r_[-radius : radius + 1] for _ in range(2))
    window = surface[np.ix_(rows, columns)]
    spread = 1.4826 * float(np.median(np.abs(window - np.median(window))))
    if not spread > 0:
        return None
    scaled: NDArray[np.float32] = ((window - np.median(window)) / spread).astype(np.float32)
    return scaled


def peak_of(surface: NDArray[np.float32]) -> Alignment:
    """The peak of a correlation, see `correlation`."""
    radius = surface.shape[0] // 2
    row, column = np.unravel_index(int(surface.argmax()), surface.shape)
    near = surface[radius - 1 : radius + 2, radius - 1 : radius + 2]
    down, right = np.ogrid[: 2 * radius + 1, : 2 * radius + 1]
    ring = np.abs(np.hypot(down - row, right - column) - 5) <= 0.5
    at_rim = min(row, column, 2 * radius - row, 2 * radius - column) == 0
    around = -np.inf if at_rim else float(np.median(surface[ring]))
    return Alignment(int(row) - radius, int(column) - radius, float(surface.max()), float(near.max()), around)


def turned(labels: NDArray[Any], how: int) -> NDArray[Any]:
    """A mask turned or mirrored in one of the ways of `TURNS`."""
    if how < 4:
        return np.rot90(labels, how)
    flips = (np.fliplr, np.flipud, np.transpose, lambda a: np.rot90(a, 2).T)
    return flips[how - 4](labels)


def best_turn(grey: NDArray[Any], labels: NDArray[Any]) -> tuple[int, NDArray[np.float64]] | None:
    """Which way of turning lays a mask on its image best.

    Args:
        grey: (h, w) image.
        labels: (h, w) or (w, h) values of the mask.

    Returns:
        Index into `TURNS`, and the correlation of each way (0 where the sizes do not allow it); None without edges.
    """
    edges = _edges(grey)
    if edges is None:
        return None
    edges = ndimage.uniform_filter(edges, 3)
    scores = np.zeros(len(TURNS))
    for how in range(len(TURNS)):
        if (way := turned(labels, how)).shape == grey.shape and (borders := _borders(way)) is not None:
            scores[how] = float((borders * edges).sum() / np.sqrt((borders**2).sum() * (edges**2).sum()))
    return int(scores.argmax()), scores


def _edges(grey: NDArray[Any]) -> NDArray[np.float32] | None:
    """Gradient of an image by rank, less its mean; None where it has none."""
    values = grey.astype(np.float32)
    size = ndimage.gaussian_gradient_magnitude(values, _BLUR)
    if not size.max() > 0:
        return None
    strong = np.minimum(size, np.percentile(size, 98))
    if not strong.max() > 0:
        strong = size
    edges: NDArray[np.float32] = np.sqrt(strong) - np.sqrt(strong).mean()
    return edges


def _borders(labels: NDArray[Any]) -> NDArray[np.float32] | None:
    """1 on both sides of a border between values, less the mean; None where there are too few of them."""
    found = np.zeros(labels.shape, np.float32)
    down, right = labels[1:] != labels[:-1], labels[:, 1:] != labels[:, :-1]
    ignored = labels == IGNORE
    if ignored.any() and ((labels > 0) & (labels < IGNORE)).any():  # beside other values, 255 is no class
        down &= ~(ignored[1:] | ignored[:-1])
        right &= ~(ignored[:, 1:] | ignored[:, :-1])
    found[1:] += down
    found[:-1] += down
    found[:, 1:] += right
    found[:, :-1] += right
    np.minimum(found, 1, out=found)
    share = float(found.mean())
    if found.sum() < 40 or share > 0.6:
        return None
    return found - share
