"""Normalized cuts of a partition's adjacency graph: superpixels, watershed basins and the like become segments."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from densa.checks import as_count, as_positive
from densa.errors import InputError
from densa.jit import kernel_jit
from densa.regions.normalized_cuts.graph import (
    WeightedGraph,
    in_order_of_first,
    normalized_cuts_of_graph,
    recursive_cuts_of_graph,
)
from densa.regions.shared.checks import check_finite_image
from densa.regions.shared.distinct import distinct

__all__ = ["check_region_cuts", "cut_region_graph", "normalized_cuts_of_regions", "region_affinities", "weigh_by_means"]


def normalized_cuts_of_regions(
    image: ArrayLike,
    regions: ArrayLike,
    n_segments: int | None = None,
    *,
    max_cut: float | None = None,
    value_scale: float = 0.1,
    floor: float = 0.001,
    max_segments: int = 100,
) -> NDArray[np.int32]:
    """Cut the adjacency graph of a partition (superpixels, watershed basins) into segments.

    Args:
        image: (h, w) or (h, w, bands), as in `normalized_cuts`.
        regions: (h, w) integers, regions from 1, 0 is no region.
        n_segments: 1 to the number of regions.
        max_cut: instead of `n_segments`: halve while a two-way cut is at most this, see `recursive_cuts_of_graph`.
        value_scale: distance of mean colours at which two neighbours' weight has fallen to 1/e.
        floor: minimum weight of two neighbours. Far below 0.001, single regions unlike all their neighbours become
            segments.
        max_segments: with `max_cut`, stop at so many.

    Returns:
        (h, w) int32 segments from 1, in the order of their first pixels, sometimes fewer than requested; 0 where
        there is no region. A segment may consist of several pieces.

    Raises:
        InputError: as `region_affinities` and `normalized_cuts_of_graph`; both or neither of `n_segments` and
            `max_cut`.

    Examples:
        >>> import numpy as np
        >>> from densa import regions
        >>> image = np.array([[0.0, 0.02, 0.9, 0.92]] * 2)
        >>> regions.normalized_cuts_of_regions(image, np.array([[1, 2, 3, 4]] * 2), 2)
        array([[1, 1, 2, 2],
               [1, 1, 2, 2]], dtype=int32)
    """
    check_region_cuts(n_segments, max_cut, value_scale, floor, max_segments)
    graph, numbers = region_affinities(image, regions, value_scale=value_scale, floor=floor)
    segments = cut_region_graph(graph, n_segments, max_cut, max_segments)
    return in_order_of_first(np.concatenate([[-1], segments])[numbers + 1].astype(np.int32))


def check_region_cuts(
    n_segments: int | None, max_cut: float | None, value_scale: float, floor: float, max_segments: int
) -> None:
    """Raise InputError for invalid parameters of `normalized_cuts_of_regions`."""
    if (n_segments is None) == (max_cut is None):
        raise InputError("give either n_segments, a number of segments, or max_cut, the largest cut to make")
    if n_segments is not None:
        as_count(n_segments, "n_segments")
    if max_cut is not None:
        as_positive(max_cut, "max_cut")
    as_positive(value_scale, "value_scale")
    as_positive(floor, "floor")
    as_count(max_segments, "max_segments")


def weigh_by_means(
    means: NDArray[np.float64], edges: NDArray[np.integer[Any]], value_scale: float, floor: float
) -> WeightedGraph:
    """The graph of `region_affinities`, from means and edges.

    Args:
        means: (n, bands) mean of each region, integers as shares of their type's largest value.
        edges: (m, 2) regions from 0 that share a pixel side, i < j, in ascending order.
        value_scale, floor: as there.
    """
    weights = np.zeros(len(edges))
    for band in means.T:
        weights += (band[edges[:, 0]] - band[edges[:, 1]]) ** 2
    weights /= -(value_scale**2)
    np.exp(weights, out=weights)
    return WeightedGraph(len(means), edges, np.maximum(weights, floor, out=weights))


def cut_region_graph(
    graph: WeightedGraph, n_segments: int | None, max_cut: float | None, max_segments: int
) -> NDArray[np.int32]:
    """(n,) segment of each region of a graph that is cut as by `normalized_cuts_of_regions`."""
    if n_segments is not None:
        return normalized_cuts_of_graph(*graph, n_segments)
    assert max_cut is not None
    return recursive_cuts_of_graph(*graph, max_cut, max_segments=max_segments)


def region_affinities(
    image: ArrayLike, regions: ArrayLike, *, value_scale: float = 0.1, floor: float = 0.001
) -> tuple[WeightedGraph, NDArray[np.int32]]:
    """Adjacency graph of a partition: regions that share a pixel edge, weighted by their mean colours.

    The weight is exp(-(distance of the means / value_scale)^2), as between pixels, and at least `floor`.

    Args:
        image, regions, value_scale, floor: as in `normalized_cuts_of_regions`.

    Returns:
        The graph, and (h, w) int32 node of every pixel, -1 where there is no region.

    Raises:
        InputError: an invalid image, regions of another shape or dtype, or no region.

    Examples:
        >>> import numpy as np
        >>> from densa import regions
        >>> image = np.array([[0.0, 0.1, 0.9]])
        >>> graph, nodes = regions.region_affinities(image, np.array([[1, 2, 3]]))
        >>> graph.edges.tolist(), graph.weights.round(3).tolist()
        ([[0, 1], [1, 2]], [0.368, 0.001])
    """
    bands = check_finite_image(image)
    labels = np.asarray(regions)
    if labels.shape != bands.shape[:2] or labels.dtype.kind not in "ui":
        raise InputError(
            f"regions must be integers of the image's shape {bands.shape[:2]}, got {labels.dtype} of {labels.shape}"
        )
    scale, least = as_positive(value_scale, "value_scale"), as_positive(floor, "floor")
    numbers, n_nodes = _numbered(labels)
    if not n_nodes:
        raise InputError("regions must hold at least one region from 1, got none")
    largest = np.iinfo(bands.dtype).max if bands.dtype.kind in "ui" else 1
    sums = np.zeros((n_nodes, bands.shape[2] + 1))
    pairs = np.empty((2 * labels.size, 2), np.int32)
    n_pairs = _sums_and_pairs(bands, numbers, sums, pairs)
    means = sums[:, :-1] / sums[:, -1:] / largest
    keys = distinct(pairs[:n_pairs, 0].astype(np.int64) * n_nodes + pairs[:n_pairs, 1])
    edges = np.stack([keys // n_nodes, keys % n_nodes], axis=1)
    return weigh_by_means(means, edges, scale, least), numbers


def _numbered(labels: NDArray[Any]) -> tuple[NDArray[np.int32], int]:
    """Regions as numbers from 0 without gaps, -1 for no region, and their count."""
    least, most = int(labels.min()), int(labels.max())
    if least < 0:
        raise InputError(f"regions must be integers from 0, got {least}")
    if most > 4 * labels.size:  # else the table is larger than the image
        names, found = np.unique(labels, return_inverse=True)
        return (found.reshape(labels.shape) - int(names[0] == 0)).astype(np.int32), len(names) - int(names[0] == 0)
    table = np.zeros(most + 1, np.int32)
    table[labels] = 1
    table[0] = 0
    n_nodes = int(table.sum())
    table = np.cumsum(table, dtype=np.int32) - 1
    table[0] = -1
    return table[labels], n_nodes


@kernel_jit
def _sums_and_pairs(bands: Any, numbers: Any, sums: Any, pairs: Any) -> int:
    """Sums of values and counts per region; pairs of regions over pixel edges, smaller first."""
    height, width, n_bands = bands.shape
    n_pairs = 0
    for row in range(height):
        for column in range(width):
            here = numbers[row, column]
            if here < 0:
                continue
            for band in range(n_bands):
                sums[here, band] += bands[row, column, band]
            sums[here, n_bands] += 1
            for way in range(2):
                if (column == 0) if way == 0 else (row == 0):
                    continue
                there = numbers[row, column - 1] if way == 0 else numbers[row - 1, column]
                if there >= 0 and there != here:
                    one, other = min(here, there), max(here, there)
                    if n_pairs == 0 or pairs[n_pairs - 1, 0] != one or pairs[n_pairs - 1, 1] != other:
                        pairs[n_pairs, 0], pairs[n_pairs, 1] = one, other
                        n_pairs += 1
    return n_pairs
