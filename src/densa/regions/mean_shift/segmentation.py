"""Mean shift filtering and segmentation (Comaniciu & Meer, PAMI 24(5), 2002, doi:10.1109/34.1000236).

In the joint spatial-range domain, a window is moved from every pixel to the mean of its samples until it converges; the
pixel takes the range value of that mode. Regions are the joined modes, with the rules and constants of the authors'
EDISON. Trajectories are not shared between pixels (EDISON's "medium" and "high" speed-ups): each is run in full, so a
pixel depends only on pixels within `max_iterations * spatial_radius`, and not on the order of processing.

Method: Mean shift (`mean-shift`).
Source: Comaniciu, Meer, PAMI 24(5), 2002, doi:10.1109/34.1000236; the authors' EDISON.
As printed: filtering in the joint domain with either kernel, windows and stopping rule; rules and constants of the
    fusion are EDISON's.
Departs: every trajectory is run in full, without EDISON's speed-ups that share them, so that a pixel depends on near
    pixels alone; the rule for bright places holds for Luv only, EDISON has it for grey images too.
Held by: tests/regions/mean_shift/test_segmentation.py, tests/regions/mean_shift/test_mode_search.py,
    tests/regions/mean_shift/test_luv.py.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from densa.checks import as_count, as_positive
from densa.errors import InputError
from densa.regions.mean_shift.luv import luv_to_rgb, rgb_to_luv
from densa.regions.mean_shift.mode_fusion import fuse_modes
from densa.regions.mean_shift.mode_search import Kernel, ModeSearch, is_gaussian
from densa.regions.shared.checks import check_finite_image, check_mask

__all__ = [
    "Color",
    "is_luv",
    "join_distance",
    "largest_of_type",
    "mean_shift",
    "mean_shift_filter",
    "mean_shift_trajectory",
    "prepare",
]

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
    """Partition an image into regions whose pixels lead to the same mode of colour and position.

    Three steps follow the filter: 8-neighbours of nearly the same mode are joined; adjacent regions with modes closer
    than half a range radius are joined repeatedly until there are none (transitive closure); regions below `min_size`
    are merged into the adjacent region (across a pixel edge) with the nearest mode, smallest first.

    Args:
        image: (h, w) or (h, w, bands), any numeric type. 8-bit images of three bands are interpreted as RGB and
            filtered in Luv (as EDISON computes it, without undoing the gamma); all others as they are, in float32.
        spatial_radius: h_s, pixels; samples strictly nearer count.
        range_radius: h_r, in units of Luv, or of the image where it is not converted; strictly nearer, Euclidean.
        min_size: smallest region, pixels; 1 keeps all.
        kernel: "uniform" weights all samples in the window equally (the gradient of the Epanechnikov kernel);
            "gaussian" by a normal density of standard deviation radius / 3 in both domains, truncated at the two radii.
        color: "luv" converts 8-bit RGB, "as-is" never, "auto" 8-bit images of three bands.
        lightness_rule: as in EDISON, differences of L count twice where the L of the window's centre is above 80, and
            in the transitive closure between two modes above 80. Only where Luv is used: EDISON also does this to grey
            images, whose values of 0..255 it takes as they are.
        join_threshold: 8-neighbours whose modes differ by less in every band are one region; None: 1.0 in Luv
            (EDISON's), range_radius / 6.5 otherwise (the same ratio at EDISON's usual range radius of 6.5).
        max_iterations: maximum number of steps of a trajectory.
        tolerance: a trajectory has converged when its last step, in pixels and range units together, is shorter.
        mask: (h, w) booleans; pixels that are False are not samples and get region 0.

    Returns:
        (h, w) int32 regions from 1, in the order of their first pixels, each 8-connected; 0 outside the mask.

    Raises:
        InputError: an invalid image, radius, size, kernel, colour space or number; NaN or infinite values inside the
            mask.

    Examples:
        >>> import numpy as np
        >>> from densa import regions
        >>> image = np.array([[10, 11, 10, 90, 91, 90]] * 3)
        >>> regions.mean_shift(image, spatial_radius=2, range_radius=20, min_size=1)
        array([[1, 1, 1, 2, 2, 2],
               [1, 1, 1, 2, 2, 2],
               [1, 1, 1, 2, 2, 2]], dtype=int32)
    """
    values, valid, as_luv = prepare(image, mask, color)
    least = as_count(min_size, "min_size")
    bright_rule = as_luv and lightness_rule
    search = ModeSearch(spatial_radius, range_radius, kernel, bright_rule, max_iterations, tolerance)
    join = join_distance(join_threshold, range_radius, as_luv)
    modes, _ = search.modes(values, valid)
    return fuse_modes(modes, valid, _largest(image, valid), range_radius, join, least, bright_rule)


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
    """Smooth an image and keep its edges: every pixel takes the range value of the mode that its trajectory leads to.

    Args: as in `mean_shift`.

    Returns:
        float32 of the image's shape, in the image's own units (RGB again where it was filtered in Luv, 0..255, not
        rounded); pixels outside the mask are unchanged.

    Raises:
        InputError: as `mean_shift`.

    Examples:
        >>> import numpy as np
        >>> from densa import regions
        >>> image = np.array([[10, 12, 10, 90, 92, 90]] * 3)
        >>> smooth = regions.mean_shift_filter(image, spatial_radius=3, range_radius=20)
        >>> print(np.ptp(smooth[:, :3]) < 2, np.ptp(smooth[:, 3:]) < 2)
        True True
    """
    values, valid, as_luv = prepare(image, mask, color)
    bright_rule = as_luv and lightness_rule
    search = ModeSearch(spatial_radius, range_radius, kernel, bright_rule, max_iterations, tolerance)
    filtered, _ = search.modes(values, valid)
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
    """The path of a single window over a cloud of points.

    Args:
        points: (n, d) samples.
        start: (d,) first centre.
        bandwidth: radius of the window; samples strictly nearer count.
        kernel: "uniform", or "gaussian" of standard deviation bandwidth / 3 truncated at the bandwidth.
        max_iterations: maximum number of steps.
        tolerance: the path ends with the first step shorter than this.

    Returns:
        (steps + 1, d) centres, from `start` to the mode; the differences are the mean-shift vectors.

    Raises:
        InputError: incompatible shapes, values that are not finite, or no sample within the bandwidth of `start`.

    Examples:
        >>> from densa import regions
        >>> points = [[0.0], [1.0], [2.0], [9.0]]
        >>> regions.mean_shift_trajectory(points, start=[-0.5], bandwidth=2).tolist()
        [[-0.5], [0.5], [1.0], [1.0]]
    """
    samples = np.asarray(points, np.float64)
    centre = np.asarray(start, np.float64)
    if samples.ndim != 2 or centre.shape != samples.shape[1:]:
        raise InputError(f"points must be (n, d) and start (d,), got {samples.shape} and {centre.shape}")
    if not (np.isfinite(samples).all() and np.isfinite(centre).all()):
        raise InputError("points and start must be finite; remove the samples that are not")
    radius, _ = as_positive(bandwidth, "bandwidth"), is_gaussian(kernel)
    path = [centre]
    for _ in range(as_count(max_iterations, "max_iterations")):
        squared = ((samples - path[-1]) ** 2).sum(axis=1) / radius**2
        within = squared < 1
        if not within.any():
            raise InputError(f"no point is within bandwidth {radius} of {path[-1]}; start nearer or increase bandwidth")
        weights = np.exp(-4.5 * squared[within]) if kernel == "gaussian" else np.ones(within.sum())
        path.append(weights @ samples[within] / weights.sum())
        if np.linalg.norm(path[-1] - path[-2]) < tolerance:
            break
    return np.array(path)


def prepare(
    image: ArrayLike, mask: ArrayLike | None, color: Color
) -> tuple[NDArray[np.float32], NDArray[np.bool_], bool]:
    """An image as the filter takes it.

    Returns:
        (h, w, bands) float32 values, (h, w) pixels that are samples, and whether the bands are Luv.
    """
    valid = check_mask(mask, np.shape(image))
    bands = check_finite_image(image, valid)
    as_luv = is_luv(color, bands.dtype, bands.shape[2])
    valid = np.ones(bands.shape[:2], np.bool_) if valid is None else valid
    return (rgb_to_luv(bands) if as_luv else bands.astype(np.float32)), valid, as_luv


def is_luv(color: Color, dtype: np.dtype[Any], n_bands: int) -> bool:
    """Whether an image is converted to Luv; InputError where `color` does not suit it."""
    is_rgb = dtype == np.uint8 and n_bands == 3
    if color not in ("auto", "luv", "as-is"):
        raise InputError(f"color must be 'auto', 'luv' or 'as-is', got {color!r}")
    if color == "luv" and not is_rgb:
        raise InputError(f"color='luv' needs 8-bit RGB, got {dtype} with {n_bands} bands; use color='as-is'")
    return is_rgb and color != "as-is"


def join_distance(join_threshold: float | None, range_radius: float, as_luv: bool) -> float:
    """The join threshold, checked, or by default the one for this range radius."""
    if join_threshold is None:
        return 1.0 if as_luv else range_radius / 6.5
    return as_positive(join_threshold, "join_threshold")


def largest_of_type(dtype: np.dtype[Any]) -> float | None:
    """Bound of the absolute values of images of a dtype, in Luv or as they are; None: it depends on the image."""
    if dtype.kind == "b" or (dtype.kind in "ui" and dtype.itemsize <= 2):
        return 1.0 if dtype.kind == "b" else float(-np.iinfo(dtype).min or np.iinfo(dtype).max)
    return None


def _largest(image: ArrayLike, valid: NDArray[np.bool_]) -> float:
    """Bound of the absolute values inside the mask."""
    values: NDArray[Any] = np.asarray(image)
    largest = largest_of_type(values.dtype)
    if largest is None:
        values = values[valid]
        largest = max(-float(values.min(initial=0)), float(values.max(initial=0)))
    return largest
