"""Normalized cuts of the pixels of an image (Shi & Malik, PAMI 22(8), 2000, doi:10.1109/34.868688).

Pixels nearer than a radius are joined by edges weighted by their similarity (`pixel_affinities`); the segments are the
k parts with the least sum of cut(part, rest) / association(part, all). The eigenvectors of the relaxed problem come
from multigrid (`pixel_spectral`), the segments from their discretisation (Yu & Shi, ICCV 2003); then pixels at segment
borders change sides while that lowers the cut itself (`pixel_refinement`).

Method: Normalized cuts of pixels.
Source: Shi, Malik, PAMI 22(8), 2000, doi:10.1109/34.868688; k parts: Yu, Shi, ICCV 2003.
As printed: weights of neighbours within a radius, the relaxed eigenproblem, the sum of the cuts of k parts.
Departs: eigenvectors by multigrid in place of Lanczos; pixels at borders then change sides while that lowers the cut,
    since the discretisation of the relaxed solution is no minimum.
Held by: tests/regions/normalized_cuts/test_pixels.py, tests/regions/normalized_cuts/test_pixel_spectral.py,
    tests/regions/normalized_cuts/test_pixel_affinity.py.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from densa.checks import as_count, as_positive
from densa.errors import InputError
from densa.parallel import share_pixels
from densa.regions.normalized_cuts.discretisation import discretise
from densa.regions.normalized_cuts.graph import WeightedGraph, best_threshold, cut_of_labels, in_order_of_first
from densa.regions.normalized_cuts.pixel_affinity import PixelGraph, sum_of_weights
from densa.regions.normalized_cuts.pixel_refinement import cut_and_association, refine_pixels
from densa.regions.normalized_cuts.pixel_spectral import pixel_eigenvectors

__all__ = ["ncut_eigenvectors", "ncut_value", "normalized_cuts", "recursive_normalized_cuts"]


def normalized_cuts(graph: PixelGraph, n_segments: int, *, refine: bool = True) -> NDArray[np.int32]:
    """Cut an image into `n_segments` segments of pixels that are similar and close to each other.

    Args:
        graph: of the pixels, from `pixel_affinities`.
        n_segments: 1 to the number of pixels inside the mask.
        refine: let pixels at segment borders change sides while that lowers the k-way cut. False: Yu & Shi's labels.

    Returns:
        (h, w) int32 segments from 1, in the order of their first pixels, 0 outside the mask; sometimes fewer than
        requested, and a segment may consist of several pieces.

    Raises:
        InputError: more segments than pixels.

    Examples:
        >>> import numpy as np
        >>> from densa import regions
        >>> image = np.repeat([[0.0, 1.0]], 4, axis=1).repeat(4, axis=0)  # a black and a white half
        >>> regions.normalized_cuts(regions.pixel_affinities(image), 2)[0]
        array([1, 1, 1, 1, 2, 2, 2, 2], dtype=int32)
    """
    nodes = graph.nodes
    n_nodes, count = int(np.count_nonzero(nodes)), as_count(n_segments, "n_segments")
    if count > n_nodes:
        raise InputError(f"n_segments must be at most the number of pixels {n_nodes}, got {count}")
    labels = np.full(graph.shape, -1, np.int32)
    if count in (1, n_nodes):
        labels[nodes] = np.arange(n_nodes) if count > 1 else 0
        return in_order_of_first(labels)
    _, vectors = pixel_eigenvectors(graph, count)
    labels[nodes] = discretise(np.ascontiguousarray(vectors[:, nodes]))
    return in_order_of_first(refine_pixels(graph, labels, count) if refine else labels)


def recursive_normalized_cuts(
    graph: PixelGraph, max_cut: float, *, stability: float = 0.06, max_segments: int = 100
) -> NDArray[np.int32]:
    """Halve an image, and the halves again, while the best two-way cut is at most `max_cut` (Shi & Malik, section 3).

    Of ten thresholds between the extremes of the second eigenvector, the one of least cut is taken; the degrees of a
    part are those of its own graph.

    Args:
        graph: of the pixels, from `pixel_affinities`.
        max_cut: largest Ncut (0..2) of a two-way cut that is still made. Bounds from the literature are for graphs with
            edges of pixels to themselves: `pixel_affinities(..., self_affinity=1)`.
        stability: largest ratio of the emptiest to the fullest of 20 bins of the eigenvector; a vector whose values
            are spread evenly shows no clear cut. 1 disables the test.
        max_segments: stop at so many; larger parts are halved first.

    Returns:
        (h, w) int32 segments from 1, in the order of their first pixels; 0 outside the mask.

    Raises:
        InputError: a bound or a number that is not above 0.

    Examples:
        >>> import numpy as np
        >>> from densa import regions
        >>> image = np.repeat([[0.0, 1.0]], 4, axis=1).repeat(4, axis=0)  # a black and a white half
        >>> regions.recursive_normalized_cuts(regions.pixel_affinities(image), max_cut=0.1)[0]
        array([1, 1, 1, 1, 2, 2, 2, 2], dtype=int32)
    """
    bound, steadiness = as_positive(max_cut, "max_cut"), as_positive(stability, "stability")
    most = as_count(max_segments, "max_segments")
    labels = np.where(graph.nodes, 0, -1).astype(np.int32)
    waiting, n_labels = [0], 1
    while waiting and n_labels < most:
        sizes = [int(np.count_nonzero(labels == part)) for part in waiting]
        part = waiting.pop(int(np.argmax(sizes)))
        side = _two_way(graph, labels == part, bound, steadiness)
        if side is not None:
            labels[side] = n_labels
            waiting += [part, n_labels]
            n_labels += 1
    return in_order_of_first(labels)


def ncut_eigenvectors(graph: PixelGraph, n_vectors: int) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """The relaxed cuts: smallest eigenvalues and eigenvectors of (D - W) y = lambda D y, to inspect or to cluster.

    Args:
        graph: of the pixels, from `pixel_affinities`.
        n_vectors: 1 to the number of pixels with edges; the first vector is constant.

    Returns:
        (n,) values in 0..2, smallest first, and (n, h, w) vectors, 0 outside the mask. Values are approximations from
        above, within some per cent for the first dozen.

    Raises:
        InputError: more vectors than pixels with edges.

    Examples:
        >>> import numpy as np
        >>> from densa import regions
        >>> image = np.repeat([[0.0, 1.0]], 4, axis=1).repeat(4, axis=0)  # a black and a white half
        >>> values, vectors = regions.ncut_eigenvectors(regions.pixel_affinities(image), 2)
        >>> vectors.shape, np.sign(vectors[1, 0] * vectors[1, 0, 0]).tolist()  # the second tells the halves apart
        ((2, 4, 8), [1.0, 1.0, 1.0, 1.0, -1.0, -1.0, -1.0, -1.0])
    """
    n_joined = int(np.count_nonzero(graph.degrees))
    count = as_count(n_vectors, "n_vectors")
    if count > n_joined:
        raise InputError(f"n_vectors must be at most the number of pixels with edges {n_joined}, got {count}")
    return pixel_eigenvectors(graph, count)


def ncut_value(graph: PixelGraph | WeightedGraph, regions: ArrayLike) -> float:
    """The k-way normalized cut, sum over the regions of cut(region, rest) / association(region, all).

    Args:
        graph: from `pixel_affinities`, `region_affinities` or `weighted_graph`.
        regions: (h, w), or (n_nodes,), integers; 0 is no region.

    Returns:
        0 to the number of regions; a region without edges counts 1.

    Raises:
        InputError: regions of another shape or type, or negative.

    Examples:
        >>> from densa import regions
        >>> graph = regions.weighted_graph(4, [(0, 1), (1, 2), (2, 3)], [2, 1, 2])
        >>> round(regions.ncut_value(graph, [1, 1, 2, 2]), 3)  # two parts, each with 1 of its 5 cut
        0.4
    """
    labels = np.asarray(regions)
    shape = graph.shape if isinstance(graph, PixelGraph) else (graph.n_nodes,)
    if labels.shape != shape or labels.dtype.kind not in "ui" or labels.min(initial=0) < 0:
        raise InputError(f"regions must be integers from 0 of shape {shape}, got {labels.dtype} of {labels.shape}")
    names, numbers = np.unique(labels, return_inverse=True)
    numbers = numbers.reshape(shape)
    none = int(len(names) > 0 and names[0] == 0)
    if isinstance(graph, WeightedGraph):
        if none:
            raise InputError("regions must be from 1 for every node of a graph, got nodes in region 0")
        return cut_of_labels(graph, numbers, len(names))
    cut, association = cut_and_association(graph, (numbers - none).astype(np.int32), len(names) - none)
    return float(np.divide(cut, association, out=np.ones_like(cut), where=association > 0).sum())


def _two_way(graph: PixelGraph, part: NDArray[np.bool_], bound: float, stability: float) -> NDArray[np.bool_] | None:
    """(h, w) pixels of the part that are to be split off, None: the part stays whole."""
    if not part.any():
        return None
    rows, columns = np.flatnonzero(part.any(axis=1)), np.flatnonzero(part.any(axis=0))
    box = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    half = _within(graph, part, box)
    joined = half.degrees > 0
    if np.count_nonzero(joined) < 2:
        return None
    _, vectors = pixel_eigenvectors(half, 2)

    def value(above: NDArray[np.bool_]) -> float:
        labels = np.full(joined.shape, -1, np.int32)
        labels[joined] = above
        cut, association = cut_and_association(half, labels, 2)
        return float((cut / np.maximum(association, 1e-30)).sum()) if association.min() > 0 else 2.0

    above = best_threshold(vectors[1][joined], value, bound, stability)
    if above is None:
        return None
    side = np.zeros(part.shape, np.bool_)
    inner = np.zeros(joined.shape, np.bool_)
    inner[joined] = above
    side[box] = inner
    return side


def _within(graph: PixelGraph, part: NDArray[np.bool_], box: tuple[slice, slice]) -> PixelGraph:
    """The part's own graph, cropped to its bounding box; degrees are those within the part."""
    inside = part[box]
    weights = graph.weights[:, box[0], box[1]] * inside
    height, width = inside.shape
    for plane, (down, across) in zip(weights, graph.offsets, strict=True):
        other = np.zeros_like(inside)
        first, last = max(0, -across), max(0, min(width, width - across))
        if down < height and first < last:
            other[: height - down, first:last] = inside[down:, first + across : last + across]
        plane *= other
    fits = (graph.offsets[:, 0] < height) & (np.abs(graph.offsets[:, 1]) < width)
    offsets, weights = graph.offsets[fits], np.ascontiguousarray(weights[fits])
    degrees = np.empty(inside.shape, np.float32)
    share_pixels(sum_of_weights, degrees.shape, offsets, weights, degrees)
    degrees[inside] += np.float32(graph.self_affinity)
    return PixelGraph(offsets, weights, degrees, inside, graph.self_affinity)
