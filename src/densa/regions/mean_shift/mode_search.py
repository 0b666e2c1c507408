"""The mean-shift trajectory of every pixel of an image, or of a block of an image.

Positions are relative to the pixel, and the sums of a step depend only on the window, so a block gives the same bits as
the whole image where no window left the block. Pixels whose window did are marked: they need a larger block.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from densa.checks import as_count, as_positive
from densa.errors import InputError
from densa.parallel import share_items
from densa.regions.mean_shift.window_sums import LANES, OUTSIDE, add_gaussian_window_sums, add_window_sums

__all__ = ["BRIGHT", "Beyond", "Kernel", "ModeSearch", "is_gaussian"]

Kernel = Literal["uniform", "gaussian"]

_CHUNK = 1 << 10  # pixels of a task
BRIGHT = 80.0  # above this L, differences of L count twice


class Beyond(NamedTuple):
    """Rows and columns that the image has on each side of a block."""

    above: int = 0
    below: int = 0
    left: int = 0
    right: int = 0


WHOLE = Beyond()


@dataclass(frozen=True)
class ModeSearch:
    """Parameters of the trajectories.

    Args:
        spatial_radius: pixels; samples strictly nearer count.
        range_radius: units of the values; strictly nearer, Euclidean.
        kernel: "uniform" or "gaussian", see `mean_shift`.
        bright_rule: whether band 0 is L and its differences count twice where the window's L is above 80.
        max_iterations: maximum number of steps.
        tolerance: a trajectory has converged when its last step is shorter.

    Raises:
        InputError: a radius, `max_iterations` or `tolerance` out of range, or an unknown kernel.
    """

    spatial_radius: float
    range_radius: float
    kernel: Kernel = "uniform"
    bright_rule: bool = False
    max_iterations: int = 100
    tolerance: float = 0.1

    def __post_init__(self) -> None:
        as_positive(self.spatial_radius, "spatial_radius")
        as_positive(self.range_radius, "range_radius")
        is_gaussian(self.kernel)
        as_count(self.max_iterations, "max_iterations")
        as_positive(self.tolerance, "tolerance")

    def radius_in(self, height: int, width: int) -> float:
        """The spatial radius, limited to what covers the whole image."""
        return min(float(self.spatial_radius), float(height + width))

    def modes(
        self,
        values: NDArray[np.float32],
        valid: NDArray[np.bool_],
        wanted: NDArray[np.bool_] | None = None,
        beyond: Beyond = WHOLE,
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Range values of the modes that the trajectories of pixels lead to, computed in place.

        Args:
            values: (h, w, bands) finite, of a block or the whole image. Overwritten.
            valid: (h, w) pixels that are samples.
            wanted: (h, w) valid pixels whose modes are wanted; None: all valid ones.
            beyond: extent of the image outside the block.

        Returns:
            `values`, replaced by the modes where they are wanted; (h, w) pixels whose window left the block: they need
            a larger block, and keep their values.
        """
        height, width, n_bands = values.shape
        radius = self.radius_in(height + beyond.above + beyond.below, width + beyond.left + beyond.right)
        settings = np.array([radius, self.range_radius, self.tolerance**2], np.float32)
        # The last columns of a strip may lie to the right of the block; after the last row they need extra items.
        planes = np.full((n_bands, height + 1, width + LANES), OUTSIDE, np.float32)
        np.copyto(planes[:, :height, :width], values.transpose(2, 0, 1), where=valid)
        cut = np.zeros(valid.shape, np.bool_)
        share_items(
            _climb,
            height,
            (0.0,) * n_bands,
            planes,
            settings,
            int(self.max_iterations),
            self.bright_rule,
            self.kernel == "gaussian",
            np.array(beyond, np.int64),
            valid if wanted is None else wanted,
            values,
            cut,
            chunk=max(1, _CHUNK // max(1, width)),
        )
        return values, cut


def is_gaussian(kernel: Kernel) -> bool:
    """Whether the kernel is the Gaussian one; InputError for an unknown kernel."""
    if kernel not in ("uniform", "gaussian"):
        raise InputError(f"kernel must be 'uniform' or 'gaussian', got {kernel!r}")
    return kernel == "gaussian"


@njit(nogil=True, cache=True, error_model="numpy")
def _climb(
    bands: Any,
    planes: Any,
    settings: Any,
    max_iterations: int,
    bright_rule: bool,
    gaussian: bool,
    beyond: Any,
    wanted: Any,
    modes: Any,
    cut: Any,
    first_row: int,
    end_row: int,
) -> None:
    """Run the trajectories of the wanted pixels, each until it converges or its window leaves the block."""
    height, width = wanted.shape
    row_stride = planes.shape[2]
    plane_stride = row_stride * planes.shape[1]
    items = planes.reshape(-1)
    n_bands = len(bands)
    radius = settings[0]
    for row in range(first_row, end_row):
        place = np.empty(7 + n_bands, np.float32)  # see add_window_sums
        sums = np.empty(3 + n_bands, np.float32)
        place[4], place[5], place[6] = radius * radius, settings[1] * settings[1], 1
        for column in range(width):
            if not wanted[row, column]:
                continue
            site = row * row_stride + column
            for band in range(n_bands):
                place[7 + band] = items[site + band * plane_stride]
            place[2] = place[3] = 0
            for _ in range(max_iterations):
                top: Any = max(math.ceil(place[2] - radius), -row - beyond[0])
                bottom = min(math.floor(place[2] + radius), height - 1 - row + beyond[1])
                left = max(math.ceil(place[3] - radius), -column - beyond[2])
                right = min(math.floor(place[3] + radius), width - 1 - column + beyond[3])
                if top < -row or bottom >= height - row or left < -column or right >= width - column:
                    cut[row, column] = True
                    break
                place[0] = top
                if bright_rule:
                    place[6] = 4 if place[7] > BRIGHT else 1
                sums[:] = 0
                for first in range(left, right + 1, LANES):
                    place[1] = first
                    corner = site + top * row_stride + first
                    n_rows = bottom - top + 1
                    if gaussian:
                        add_gaussian_window_sums(bands, items, corner, row_stride, plane_stride, n_rows, place, sums)
                    else:
                        add_window_sums(bands, items, corner, row_stride, plane_stride, n_rows, place, sums)
                if sums[0] <= 0:
                    break  # rounding has left the window empty: stop here
                moved = np.float32(0)
                for number in range(2 + n_bands):
                    at = 2 + number if number < 2 else 5 + number
                    mean = sums[1 + number] / sums[0]
                    moved += (mean - place[at]) * (mean - place[at])
                    place[at] = mean
                if moved < settings[2]:
                    break
            if not cut[row, column]:
                for band in range(n_bands):
                    modes[row, column, band] = place[7 + band]
