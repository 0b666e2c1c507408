"""Mean shift filtering and segmentation (Comaniciu & Meer, PAMI 24(5), 2002, doi:10.1109/34.1000236).

Joint spatial-range domain: from every pixel a window is moved to the mean of its samples until it rests; the pixel
takes the range value of that mode. Regions are the joined modes, with the rules and constants of the authors' EDISON.
No basins are re-used between pixels (EDISON's "medium" and "high" speed-ups): each trajectory is run in full, so that
a pixel depends on nothing farther than `max_iterations * spatial_radius` and on no order.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
from numba import njit, prange
from numpy.typing import ArrayLike, NDArray

from densa.errors import InputError
from densa.regions.image_values import as_bands, as_count, as_mask, as_positive
from densa.regions.luv import luv_to_rgb, rgb_to_luv
from densa.regions.mode_fusion import BRIGHT, fuse_modes
from densa.regions.window_sums import LANES, OUTSIDE, add_gaussian_window_sums, add_window_sums

__all__ = ["mean_shift", "mean_shift_filter", "mean_shift_trajectory"]

Kernel = Literal["uniform", "gaussian"]
Color = Literal["auto", "luv", "as-is"]


def mean_shift(
    image: ArrayLike,
    spatial_radius: float,
    range_radius: float,
    min_size: int,
    *,
    kernel: Kernel = "uniform",
    color: Color = "auto",
    lightness_rule: bool = True,
    join_threshold: float | None = None,
    max_iterations: int = 100,
    tolerance: float = 0.1,
    mask: ArrayLike | None = None,
) -> NDArray[np.int32]:
    """Partition an image into the regions whose pixels climb to the same mode of colour and place.

    Three steps follow the filter: 8-neighbours of nearly the same mode are joined; adjacent regions with modes closer
    than half a range radius are joined, over and over until none is left (transitive closure); regions below `min_size`
    go to the adjacent region (over a pixel edge) with the nearest mode, smallest first.

    Args:
        image: (h, w) or (h, w, bands), any numeric type. 8-bit images of three bands are taken as RGB and filtered in
            Luv (as EDISON computes it, without undoing the gamma); everything else as it is, in float32.
        spatial_radius: h_s, pixels; samples count when strictly nearer.
        range_radius: h_r, in units of Luv, or of the image where it is not converted; strictly nearer, Euclidean.
        min_size: smallest region, pixels; 1 keeps all.
        kernel: "uniform" weighs all samples in the window alike (the Epanechnikov kernel's gradient); "gaussian" by a
            normal density of standard deviation radius / 3 in both domains, cut at the same two radii.
        color: "luv" converts 8-bit RGB, "as-is" never, "auto" 8-bit images of three bands.
        lightness_rule: EDISON's: where L is above 80, differences of L count twice. Only where Luv is used.
        join_threshold: 8-neighbours whose modes differ by less in every band are one region; None: 1.0 in Luv
            (EDISON's), range_radius / 6.5 otherwise (the same share at EDISON's usual range radius of 6.5).
        max_iterations: steps of a trajectory at most.
        tolerance: a trajectory rests when its last step, over pixels and range units together, is shorter.
        mask: (h, w) booleans; pixels that are False are no samples and get region 0.

    Returns:
        (h, w) int32 regions from 1, in the order of their first pixels, each 8-connected; 0 outside the mask.

    Raises:
        InputError: no such image, radius, count or kernel; NaN or infinite values within the mask.
    """
    values, valid, as_luv = _prepared(image, mask, color)
    least = as_count(min_size, "min_size")
    reach = as_positive(range_radius, "range_radius")
    join = (1.0 if as_luv else reach / 6.5) if join_threshold is None else as_positive(join_threshold, "join_threshold")
    bright_rule = as_luv and lightness_rule
    filtered = _filtered(values, valid, spatial_radius, reach, kernel, bright_rule, max_iterations, tolerance)
    return fuse_modes(filtered, valid, reach, join, least, bright_rule)


def mean_shift_filter(
    image: ArrayLike,
    spatial_radius: float,
    range_radius: float,
    *,
    kernel: Kernel = "uniform",
    color: Color = "auto",
    lightness_rule: bool = True,
    max_iterations: int = 100,
    tolerance: float = 0.1,
    mask: ArrayLike | None = None,
) -> NDArray[np.float32]:
    """Smooth an image and keep its edges: every pixel takes the range value of the mode it climbs to.

    Args: as in `mean_shift`.

    Returns:
        float32 of the image's shape, in the image's own units (RGB again where it was filtered in Luv, 0..255, not
        rounded); pixels outside the mask as they were.

    Raises:
        InputError: as `mean_shift`.
    """
    values, valid, as_luv = _prepared(image, mask, color)
    bright_rule = as_luv and lightness_rule
    reach = as_positive(range_radius, "range_radius")
    filtered = _filtered(values, valid, spatial_radius, reach, kernel, bright_rule, max_iterations, tolerance)
    if as_luv:
        filtered = luv_to_rgb(filtered)
    shaped = filtered.reshape(np.shape(image))
    if mask is not None:
        shaped[~valid] = np.asarray(image)[~valid]
    return shaped


def mean_shift_trajectory(
    points: ArrayLike,
    start: ArrayLike,
    bandwidth: float,
    *,
    kernel: Kernel = "uniform",
    max_iterations: int = 100,
    tolerance: float = 1e-3,
) -> NDArray[np.float64]:
    """The path of one window over a cloud of points, as the lecture draws it.

    Args:
        points: (n, d) samples.
        start: (d,) first centre.
        bandwidth: radius of the window; samples count when strictly nearer.
        kernel: "uniform", or "gaussian" of standard deviation bandwidth / 3 cut at the bandwidth.
        max_iterations: steps at most.
        tolerance: the path ends with the first step shorter than this.

    Returns:
        (steps + 1, d) centres, from `start` to the mode; the differences are the mean-shift vectors.

    Raises:
        InputError: shapes that do not fit, values that are not finite, or no sample within the bandwidth of `start`.
    """
    samples = np.asarray(points, np.float64)
    centre = np.asarray(start, np.float64)
    if samples.ndim != 2 or centre.shape != samples.shape[1:]:
        raise InputError(f"points must be (n, d) and start (d,), got {samples.shape} and {centre.shape}")
    if not (np.isfinite(samples).all() and np.isfinite(centre).all()):
        raise InputError("points and start must be finite; drop the samples that are not")
    radius, _ = as_positive(bandwidth, "bandwidth"), _is_gaussian(kernel)
    path = [centre]
    for _ in range(as_count(max_iterations, "max_iterations")):
        squared = ((samples - path[-1]) ** 2).sum(axis=1) / radius**2
        within = squared < 1
        if not within.any():
            raise InputError(
                f"no point is within bandwidth {radius} of {path[-1]}; start nearer or widen the bandwidth"
            )
        weights = np.exp(-4.5 * squared[within]) if kernel == "gaussian" else np.ones(within.sum())
        path.append(weights @ samples[within] / weights.sum())
        if np.linalg.norm(path[-1] - path[-2]) < tolerance:
            break
    return np.array(path)


def _prepared(
    image: ArrayLike, mask: ArrayLike | None, color: Color
) -> tuple[NDArray[np.float32], NDArray[np.bool_], bool]:
    """(h, w, bands) float32 to filter, (h, w) which pixels count, and whether the bands are Luv."""
    valid = as_mask(mask, np.shape(image))
    bands = as_bands(image, valid)
    is_rgb = bands.dtype == np.uint8 and bands.shape[2] == 3
    if color not in ("auto", "luv", "as-is"):
        raise InputError(f"color must be 'auto', 'luv' or 'as-is', got {color!r}")
    if color == "luv" and not is_rgb:
        raise InputError(
            f"color='luv' needs 8-bit RGB, got {bands.dtype} with {bands.shape[2]} bands; use color='as-is'"
        )
    valid = np.ones(bands.shape[:2], np.bool_) if valid is None else valid
    if is_rgb and color != "as-is":
        return rgb_to_luv(bands), valid, True
    return bands.astype(np.float32), valid, False


def _is_gaussian(kernel: Kernel) -> bool:
    if kernel not in ("uniform", "gaussian"):
        raise InputError(f"kernel must be 'uniform' or 'gaussian', got {kernel!r}")
    return kernel == "gaussian"


def _filtered(
    values: NDArray[np.float32],
    valid: NDArray[np.bool_],
    spatial_radius: float,
    range_radius: float,
    kernel: Kernel,
    bright_rule: bool,
    max_iterations: int,
    tolerance: float,
) -> NDArray[np.float32]:
    """(h, w, bands) range value of each pixel's mode."""
    height, width, n_bands = values.shape
    radius = min(as_positive(spatial_radius, "spatial_radius"), float(height + width))  # the whole image at most
    settings = np.array([radius, range_radius, as_positive(tolerance, "tolerance") ** 2], np.float32)
    # The last columns of a strip may lie right of the image; after the last row they need items of their own.
    planes = np.full((n_bands, height + 1, width + LANES), OUTSIDE, np.float32)
    planes[:, :height, :width] = np.where(valid, values.transpose(2, 0, 1), np.float32(OUTSIDE))
    modes = np.empty_like(values)
    _climb(
        (0.0,) * n_bands,
        planes,
        settings,
        as_count(max_iterations, "max_iterations"),
        bright_rule,
        _is_gaussian(kernel),
        valid,
        modes,
    )
    return modes


@njit(nogil=True, cache=True, parallel=True, error_model="numpy")
def _climb(
    bands: Any,
    planes: Any,
    settings: Any,
    max_iterations: int,
    bright_rule: bool,
    gaussian: bool,
    valid: Any,
    modes: Any,
) -> None:
    """Run every pixel's trajectory; places are relative to the pixel: a tile is rounded as the whole image."""
    height, width = valid.shape
    row_stride = planes.shape[2]
    plane_stride = row_stride * planes.shape[1]
    items = planes.reshape(-1)
    n_bands = len(bands)
    radius = settings[0]
    for unsigned_row in prange(height):
        row = np.int64(unsigned_row)  # prange counts unsigned: -row would be huge
        place = np.empty(7 + n_bands, np.float32)  # see add_window_sums
        sums = np.empty(3 + n_bands, np.float32)
        place[4], place[5], place[6] = radius * radius, settings[1] * settings[1], 1
        for column in range(width):
            site = row * row_stride + column
            for band in range(n_bands):
                place[7 + band] = items[site + band * plane_stride]
                modes[row, column, band] = place[7 + band]
            if not valid[row, column]:
                continue
            place[2] = place[3] = 0
            for _ in range(max_iterations):
                top: Any = max(math.ceil(place[2] - radius), -row)
                bottom = min(math.floor(place[2] + radius), height - 1 - row)
                left = max(math.ceil(place[3] - radius), -column)
                right = min(math.floor(place[3] + radius), width - 1 - column)
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
                    break  # rounding has left the window empty: rest here
                moved = np.float32(0)
                for number in range(2 + n_bands):
                    at = 2 + number if number < 2 else 5 + number
                    mean = sums[1 + number] / sums[0]
                    moved += (mean - place[at]) * (mean - place[at])
                    place[at] = mean
                if moved < settings[2]:
                    break
            for band in range(n_bands):
                modes[row, column, band] = place[7 + band]
