"""Pixel affinities for normalized cuts: a graph whose edges join pixels closer than a radius.

Stored as one plane of weights per offset, for half of the offsets (the graph is symmetric): there are no indices, and
sums over neighbours run along image rows.
"""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from densa.checks import as_positive
from densa.errors import InputError
from densa.jit import inner_jit, kernel_jit
from densa.parallel import share_pixels
from densa.regions.shared.checks import check_finite_image, check_mask

__all__ = ["Affinity", "PixelGraph", "pixel_affinities"]

Affinity = Literal["color", "intensity", "contour"]


class PixelGraph(NamedTuple):
    """Undirected weighted graph over the pixels of an image.

    Attributes:
        offsets: (n, 2) int64 (rows, columns) of an edge's other end, rows >= 0, and columns > 0 where rows is 0.
        weights: (n, h, w) float32: `weights[k, i, j]` joins (i, j) and (i, j) + offsets[k]; 0 where that is no pixel.
        degrees: (h, w) float32 sum of the weights of each pixel's edges, that to itself included.
        mask: (h, w) pixels that are nodes; None: all.
        self_affinity: weight of each pixel's edge to itself. (A coarse graph, whose nodes have different ones, has them
            in its degrees alone.)

    Examples:
        >>> import numpy as np
        >>> from densa import regions
        >>> graph = regions.pixel_affinities(np.array([[0.0, 0.0, 1.0]]), radius=1.5)
        >>> graph.shape, graph.offsets.tolist()
        ((1, 3), [[0, 1]])
        >>> print(graph.weights[0].round(2))  # to the right: exp(-1 / 16), and the floor across the edge
        [[0.94 0.01 0.  ]]
    """

    offsets: NDArray[np.int64]
    weights: NDArray[np.float32]
    degrees: NDArray[np.float32]
    mask: NDArray[np.bool_] | None = None
    self_affinity: float = 0.0

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the image."""
        height, width = self.degrees.shape
        return height, width

    @property
    def nodes(self) -> NDArray[np.bool_]:
        """(h, w) the mask, whether or not there is one."""
        return np.ones(self.shape, np.bool_) if self.mask is None else self.mask


def pixel_affinities(
    image: ArrayLike,
    *,
    radius: float = 5.0,
    affinity: Affinity = "color",
    value_scale: float = 0.1,
    space_scale: float = 4.0,
    floor: float = 0.01,
    self_affinity: float = 0.0,
    mask: ArrayLike | None = None,
) -> PixelGraph:
    """The graph of an image's pixels, for `normalized_cuts`, `recursive_normalized_cuts` and `ncut_eigenvectors`.

    The weight of two pixels nearer than `radius` is `exp(-(difference / value_scale)^2 - (distance / space_scale)^2)`
    (Shi & Malik, section 3, with both scales squared). Taken literally, that formula gives every pixel an edge of
    weight 1 to itself, which is `self_affinity=1`; by default there is none. The edge is in the pixel's degree but in
    no cut: it makes all values of cuts and eigenvalues smaller, most where edges are weak, and published bounds such as
    `max_cut` are of such graphs.

    Args:
        image: (h, w) or (h, w, bands). Integers count as shares of their type's largest value, floats as they are.
        radius: pixels; neighbours are strictly nearer.
        affinity: what "difference" is. "color": Euclidean over the bands; "intensity": of the grey value (Rec. 709
            luma for three bands, else the mean); "contour": the strongest edge on the line between the two pixels
            (intervening contour), an edge being the largest central difference over the bands.
        value_scale: difference at which the weight has fallen to 1/e.
        space_scale: pixels at which the weight has fallen to 1/e.
        floor: minimum weight between 4-neighbours: keeps the graph connected, and single outliers from being cut off.
        self_affinity: weight of a pixel's edge to itself, 0 or more.
        mask: (h, w) booleans; pixels that are False are not nodes of the graph.

    Raises:
        InputError: an invalid image, affinity, radius, scale, floor or self_affinity; NaN or infinite values inside the
            mask.

    Examples:
        >>> import numpy as np
        >>> from densa import regions
        >>> graph = regions.pixel_affinities(np.array([[0.0, 0.0, 1.0]]), radius=1.5, floor=0.01)
        >>> print(graph.degrees.round(2))
        [[0.94 0.95 0.01]]
    """
    valid = check_mask(mask, np.shape(image))
    bands = check_finite_image(image, valid)
    features = _features(bands, affinity)
    height, width = bands.shape[:2]
    offsets = _half_disc(as_positive(radius, "radius"), height, width)
    per_value = 1 / as_positive(value_scale, "value_scale") ** 2
    space = (offsets**2).sum(axis=1) / as_positive(space_scale, "space_scale") ** 2
    if not (np.isfinite(floor) and floor >= 0):
        raise InputError(f"floor must be a finite number from 0, got {floor!r}")
    if not (np.isfinite(self_affinity) and self_affinity >= 0):
        raise InputError(f"self_affinity must be a finite number from 0, got {self_affinity!r}")
    weights = np.empty((len(offsets), height, width), np.float32)
    floors = np.where((offsets**2).sum(axis=1) == 1, floor, 0.0).astype(np.float32)
    counts = np.ones((height, width), np.bool_) if valid is None else valid
    settings = np.stack([np.exp(-space), floors], axis=1).astype(np.float32)
    if affinity == "contour":
        starts, steps = _lines(offsets)
        arguments = _edges(features), counts, offsets, starts, steps, settings, per_value, weights
        share_pixels(_contour_weights, counts.shape, *arguments)
    else:
        share_pixels(_value_weights, counts.shape, features, counts, offsets, settings, per_value, weights)
    degrees = np.empty((height, width), np.float32)
    share_pixels(sum_of_weights, degrees.shape, offsets, weights, degrees)
    degrees[counts] += np.float32(self_affinity)
    return PixelGraph(offsets, weights, degrees, valid, float(self_affinity))


def _features(bands: NDArray[Any], affinity: str) -> NDArray[np.float32]:
    """(features, h, w) values to compare."""
    if affinity not in ("color", "intensity", "contour"):
        raise InputError(f"affinity must be 'color', 'intensity' or 'contour', got {affinity!r}")
    largest = np.iinfo(bands.dtype).max if bands.dtype.kind in "ui" else 1
    planes = np.ascontiguousarray(bands.transpose(2, 0, 1), np.float32) / np.float32(largest)
    if affinity == "intensity" and len(planes) > 1:
        mix = np.array([0.2125, 0.7154, 0.0721] if len(planes) == 3 else [1 / len(planes)] * len(planes), np.float32)
        planes = np.tensordot(mix, planes, 1)[np.newaxis]
    return np.ascontiguousarray(planes)


def _half_disc(radius: float, height: int, width: int) -> NDArray[np.int64]:
    """Offsets strictly nearer than the radius that fit into the image, one of each opposite pair."""
    down, across = (min(math.ceil(radius) - 1, side - 1) for side in (height, width))
    offsets = [
        (row, column)
        for row in range(down + 1)
        for column in range(-across, across + 1)
        if row * row + column * column < radius * radius and (row > 0 or column > 0)
    ]
    return np.array(offsets, np.int64).reshape(-1, 2)


def _edges(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """(h, w) largest central difference, over the bands, of the values two pixels apart."""
    padded = np.pad(features, ((0, 0), (1, 1), (1, 1)), mode="edge")
    down = padded[:, 2:, 1:-1] - padded[:, :-2, 1:-1]
    across = padded[:, 1:-1, 2:] - padded[:, 1:-1, :-2]
    return np.ascontiguousarray(np.sqrt((down**2 + across**2).max(axis=0)))


def _lines(offsets: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pixels on the line to each offset, both ends included: `steps[starts[k]:starts[k + 1]]` (rows, columns)."""
    starts, steps = [0], []
    for offset in offsets:
        count = int(np.abs(offset).max())
        along = np.arange(count + 1)[:, np.newaxis] / count
        steps.append(np.floor(along * offset + 0.5).astype(np.int64))
        starts.append(starts[-1] + count + 1)
    return np.array(starts), np.concatenate(steps) if steps else np.zeros((0, 2), np.int64)


@njit(nogil=True, cache=True, inline="always")
def _exp_of_negative(exponent: Any) -> Any:
    """exp(-exponent), relative error below 1e-5, 0 from 60 on; only arithmetic, so that loops are vectorised."""
    step = min(exponent, np.float32(60)) * np.float32(-1 / 128)
    part = np.float32(1) + step * (
        np.float32(1)
        + step
        * (np.float32(0.5) + step * (np.float32(1 / 6) + step * (np.float32(1 / 24) + step * np.float32(1 / 120))))
    )
    for _ in range(7):
        part = part * part
    return part if exponent < np.float32(60) else np.float32(0)


@njit(nogil=True, cache=True, error_model="numpy")
def _value_weights(
    features: Any, counts: Any, offsets: Any, settings: Any, per_value: float, weights: Any, top: int, end: int
) -> None:
    n_features, height, width = features.shape
    for row in range(top, end):
        for k in range(offsets.shape[0]):
            target = weights[k, row]
            target[:] = 0
            down, across = offsets[k, 0], offsets[k, 1]
            if row + down >= height:
                continue
            first, n_columns = max(0, -across), width - abs(across)
            here = target[first : first + n_columns]
            for feature in range(n_features):
                one = features[feature, row][first : first + n_columns]
                other = features[feature, row + down][first + across : first + across + n_columns]
                for column in range(n_columns):
                    difference = one[column] - other[column]
                    here[column] += difference * difference
            one_counts = counts[row][first : first + n_columns]
            other_counts = counts[row + down][first + across : first + across + n_columns]
            _finish(here, one_counts, other_counts, settings[k, 0], settings[k, 1], per_value)


@inner_jit
def _finish(here: Any, one_counts: Any, other_counts: Any, space: float, floor: float, per_value: float) -> None:
    """Squared differences to weights, in place."""
    scale = np.float32(per_value)  # float64 would halve the speed
    for column in range(here.size):
        weight = max(_exp_of_negative(here[column] * scale) * space, floor)
        here[column] = weight if one_counts[column] & other_counts[column] else np.float32(0)


@njit(nogil=True, cache=True, error_model="numpy")
def _contour_weights(
    edges: Any,
    counts: Any,
    offsets: Any,
    starts: Any,
    steps: Any,
    settings: Any,
    per_value: float,
    weights: Any,
    top: int,
    end: int,
) -> None:
    height, width = edges.shape
    for row in range(top, end):
        for k in range(offsets.shape[0]):
            target = weights[k, row]
            target[:] = 0
            down, across = offsets[k, 0], offsets[k, 1]
            if row + down >= height:
                continue
            first, n_columns = max(0, -across), width - abs(across)
            here = target[first : first + n_columns]
            for step in range(starts[k], starts[k + 1]):
                begin = first + steps[step, 1]
                passed = edges[row + steps[step, 0]][begin : begin + n_columns]
                for column in range(n_columns):
                    here[column] = max(here[column], passed[column])
            for column in range(n_columns):
                here[column] *= here[column]
            one_counts = counts[row][first : first + n_columns]
            other_counts = counts[row + down][first + across : first + across + n_columns]
            _finish(here, one_counts, other_counts, settings[k, 0], settings[k, 1], per_value)


@kernel_jit
def sum_of_weights(offsets: Any, weights: Any, degrees: Any, top: int, end: int) -> None:
    """Fill `degrees` with the sums over each pixel's edges, both ways."""
    width = weights.shape[2]
    for row in range(top, end):
        total = degrees[row]
        total[:] = 0
        for k in range(offsets.shape[0]):
            down, across = offsets[k, 0], offsets[k, 1]
            forward = weights[k, row]
            for column in range(width):
                total[column] += forward[column]
            if row >= down:
                first, n_columns = max(0, -across), width - abs(across)
                back = weights[k, row - down][first : first + n_columns]
                here = total[first + across : first + across + n_columns]
                for column in range(n_columns):
                    here[column] += back[column]
