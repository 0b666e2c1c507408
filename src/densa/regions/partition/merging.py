"""Merging of regions on their adjacency graph: thresholds, hierarchies, predicates, small regions.

Every cut is a table of new numbers: entry k is the new number of region k, from 1 in the order of the smallest old
number, and entry 0 is 0. So `table[regions]` is the merged partition.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from densa.errors import InputError
from densa.jit import kernel_jit
from densa.regions.partition._absorb_kernel import absorb
from densa.regions.partition._merge_kernel import COSTS, PREDICATES, merge_greedily
from densa.regions.partition.graph import RegionGraph
from densa.regions.partition.statistics import Predicate
from densa.union_find import find, unite

__all__ = ["MergeTree", "absorb_small_regions", "felzenszwalb_cut", "merge_by_predicate", "merge_tree", "threshold_cut"]

MOST_EDGES = 2**30 - 1  # half-edges are numbered in 32 bits


@dataclass(frozen=True)
class MergeTree:
    """Merges in the order in which they were made.

    Attributes:
        present: (n + 1,) whether a region has pixels.
        merges: (M, 2) int32: the second region was merged into the first, which keeps its number and is the lower.
        costs: (M,) float64; not always ascending, since a merge can make other regions neighbours.

    Examples:
        >>> import numpy as np
        >>> from densa import regions
        >>> image = np.array([[0, 0, 10, 12, 50]])
        >>> tree = regions.merge_tree(regions.region_graph(image, np.array([[1, 1, 2, 3, 4]])))
        >>> tree.merges.tolist(), tree.costs.tolist()
        ([[2, 3], [1, 2], [1, 4]], [2.0, 11.0, 44.5])
        >>> tree.cut(n_regions=2)  # new number of regions 0 (none) to 4
        array([0, 1, 1, 1, 2], dtype=int32)
    """

    present: NDArray[np.bool_]
    merges: NDArray[np.int32]
    costs: NDArray[np.float64]

    def cut(self, *, cost: float | None = None, n_regions: int | None = None) -> NDArray[np.int32]:
        """The partition at a level of the hierarchy.

        Args:
            cost: make the merges before the first that costs this much or more.
            n_regions: make merges until this many regions are left, or there are no more merges.

        Returns:
            (n + 1,) int32 new number of each region.

        Raises:
            InputError: both or neither of the two are given, or `n_regions` is below 1.
        """
        if cost is not None and n_regions is None:
            reached = np.flatnonzero(~(self.costs < cost))
            n_merges = int(reached[0]) if len(reached) else len(self.costs)
        elif n_regions is not None and cost is None:
            if n_regions < 1:
                raise InputError(f"n_regions must be 1 or more, got {n_regions}")
            n_merges = max(0, int(np.count_nonzero(self.present)) - n_regions)
        else:
            raise InputError("give either cost or n_regions, not both")
        return _table(self.merges[:n_merges], self.present)


def merge_tree(graph: RegionGraph, cost: str = "mean", *, max_cost: float = math.inf, n_regions: int = 1) -> MergeTree:
    """Merge the cheapest pair of adjacent regions repeatedly, with costs updated after each merge.

    Args:
        graph: adjacency graph.
        cost: "mean": distance of the mean colours; "ward": growth of the total squared error (1963); "border":
            mean strength along the common border. Ties: the pair of lowest numbers.
        max_cost: stop before the first merge that costs this much or more.
        n_regions: stop when this many are left.

    Returns:
        The merges; `MergeTree.cut` gives the partition at a level.

    Raises:
        InputError: an unknown cost, `n_regions` below 1, `max_cost` is NaN, or more than 2^30 - 1 edges.

    Examples:
        >>> import numpy as np
        >>> from densa import regions
        >>> labels = np.array([[1, 2, 3, 4]])
        >>> graph = regions.region_graph(np.array([[0, 1, 10, 12]]), labels)
        >>> tree = regions.merge_tree(graph, "ward")
        >>> tree.cut(n_regions=2)[labels]
        array([[1, 1, 2, 2]], dtype=int32)
    """
    return _greedy(graph, cost, None, max_cost, n_regions)


def merge_by_predicate(
    graph: RegionGraph, predicate: Predicate, cost: str = "mean", *, n_regions: int = 1
) -> NDArray[np.int32]:
    """Merge adjacent regions while P holds for their union, cheapest first.

    If axioms (a) to (d) hold for the partition, every merge preserves them; at the end (e) holds too, unless
    `n_regions` stopped the merging.

    Args:
        graph: adjacency graph.
        predicate: P, such as `range_at_most(10)`.
        cost: order of the merges, as for `merge_tree`.
        n_regions: stop when this many are left.

    Returns:
        (n + 1,) int32 new number of each region.

    Raises:
        InputError: an unknown cost, `n_regions` below 1, or more than 2^30 - 1 edges.

    Examples:
        >>> import numpy as np
        >>> from densa import regions
        >>> labels = np.array([[1, 2, 3, 4]])
        >>> graph = regions.region_graph(np.array([[0, 4, 8, 40]]), labels)
        >>> regions.merge_by_predicate(graph, regions.range_at_most(10))[labels]
        array([[1, 1, 1, 2]], dtype=int32)
    """
    return _greedy(graph, cost, predicate, math.inf, n_regions).cut(n_regions=n_regions)


def _greedy(graph: RegionGraph, cost: str, predicate: Predicate | None, max_cost: float, n_regions: int) -> MergeTree:
    if cost not in COSTS:
        raise InputError(f"cost must be one of {', '.join(COSTS)}, got {cost!r}")
    if n_regions < 1:
        raise InputError(f"n_regions must be 1 or more, got {n_regions}")
    if math.isnan(max_cost):
        raise InputError("max_cost must be a number, got NaN")
    _check_edges(graph)
    s = graph.statistics
    merges = np.empty((graph.n_regions, 2), np.int32)
    costs = np.empty(graph.n_regions, np.float64)
    state = (s.n_pixels.copy(), s.mean.copy(), s.squares.copy(), s.low.copy(), s.high.copy())
    kind = PREDICATES.index(predicate.kind) if predicate else 0
    threshold = float(predicate.threshold) if predicate else 0.0
    n = merge_greedily(
        graph.edges, graph.lengths, graph.strengths, *state,
        COSTS.index(cost), kind, threshold, float(max_cost), n_regions, merges, costs,
    )  # fmt: skip
    return MergeTree(s.n_pixels > 0, merges[:n].copy(), costs[:n].copy())


def threshold_cut(
    graph: RegionGraph, threshold: float, weights: NDArray[np.float64] | None = None
) -> NDArray[np.int32]:
    """Join all regions that are connected by edges below a threshold, in one pass; the order of edges does not matter.

    Chains of such edges can join very different regions; `merge_tree` updates the means instead.

    Args:
        graph: adjacency graph.
        threshold: edges of this weight or more separate regions.
        weights: (E,) weights of the edges; None: distances of mean colours.

    Returns:
        (n + 1,) int32 new number of each region.

    Raises:
        InputError: `weights` do not match the edges, or a weight or the threshold is NaN.

    Examples:
        >>> import numpy as np
        >>> from densa import regions
        >>> labels = np.array([[1, 2, 3, 4]])
        >>> graph = regions.region_graph(np.array([[0, 4, 8, 40]]), labels)
        >>> regions.threshold_cut(graph, 5)[labels]
        array([[1, 1, 1, 2]], dtype=int32)
    """
    values = _weights(graph, weights)
    if math.isnan(threshold):
        raise InputError("threshold must be a number, got NaN")
    return _table(graph.edges[values < threshold], graph.statistics.n_pixels > 0)


def felzenszwalb_cut(
    graph: RegionGraph, scale: float, *, min_size: int = 1, weights: NDArray[np.float64] | None = None
) -> NDArray[np.int32]:
    """Merge by the criterion of Felzenszwalb & Huttenlocher (IJCV 59(2), 2004) on a region graph.

    Edges in ascending order join A and B if their weight is at most
    ``min(Int(A) + scale / |A|, Int(B) + scale / |B|)``, where Int is the largest weight that
    joined a part so far, and ``|A|`` its number of pixels.

    Args:
        graph: adjacency graph; a graph of single pixels gives the original method.
        scale: `k` of the paper, in units of the weights times pixels, 0 or more; larger gives larger regions.
        min_size: afterwards, edges in the same order join parts of fewer pixels than this.
        weights: (E,) weights of the edges; None: distances of mean colours.

    Returns:
        (n + 1,) int32 new number of each region.

    Raises:
        InputError: a negative scale, or `weights` do not match the edges.

    Examples:
        >>> import numpy as np
        >>> from densa import regions
        >>> labels = np.array([[1, 2, 3, 4, 5]])
        >>> graph = regions.region_graph(np.array([[0, 1, 2, 50, 51]]), labels)
        >>> regions.felzenszwalb_cut(graph, scale=10)[labels]
        array([[1, 1, 1, 2, 2]], dtype=int32)
    """
    values = _weights(graph, weights)
    if not scale >= 0:
        raise InputError(f"scale must be 0 or more, got {scale}")
    order = np.argsort(values, kind="stable")
    parent = np.arange(graph.n_regions + 1)
    _felzenszwalb(graph.edges[order], values[order], graph.statistics.n_pixels.copy(), scale, min_size, parent)
    merges = np.column_stack((parent, np.arange(len(parent)))).astype(np.int32)
    return _table(merges[parent != np.arange(len(parent))], graph.statistics.n_pixels > 0)


def absorb_small_regions(graph: RegionGraph, min_size: int) -> NDArray[np.int32]:
    """Merge every region of fewer pixels than `min_size` into the neighbour of nearest mean, the smallest region first.

    Args:
        graph: adjacency graph.
        min_size: pixels. A region without neighbours remains. Ties: the lower number.

    Returns:
        (n + 1,) int32 new number of each region.

    Raises:
        InputError: more than 2^30 - 1 edges.

    Examples:
        >>> import numpy as np
        >>> from densa import regions
        >>> labels = np.array([[1, 1, 1, 2, 3, 3]])
        >>> graph = regions.region_graph(np.array([[0, 0, 0, 4, 9, 9]]), labels)
        >>> regions.absorb_small_regions(graph, min_size=2)[labels]
        array([[1, 1, 1, 1, 2, 2]], dtype=int32)
    """
    _check_edges(graph)
    s = graph.statistics
    merges = np.empty((graph.n_regions, 2), np.int32)
    n = absorb(graph.edges, s.n_pixels.copy(), s.mean.copy(), min_size, merges)
    return _table(merges[:n], s.n_pixels > 0)


def _check_edges(graph: RegionGraph) -> None:
    if len(graph.edges) > MOST_EDGES:
        raise InputError(
            f"a graph must have at most {MOST_EDGES} edges to be merged, got {len(graph.edges)}; divide it"
        )


def _weights(graph: RegionGraph, weights: NDArray[np.float64] | None) -> NDArray[np.float64]:
    values = graph.color_distances() if weights is None else np.asarray(weights, np.float64)
    if values.shape != (len(graph.edges),):
        raise InputError(f"weights must have shape ({len(graph.edges)},), one per edge, got {values.shape}")
    if np.isnan(values).any():
        raise InputError("weights must be numbers, got NaN")
    return values


def _table(merges: NDArray[np.int32], present: NDArray[np.bool_]) -> NDArray[np.int32]:
    """New numbers after joining pairs, in the order of the smallest old number."""
    parent = np.arange(len(present))
    return _join(merges, parent, present)


@kernel_jit
def _join(merges, parent, present):  # type: ignore[no-untyped-def]
    for m in range(merges.shape[0]):
        unite(parent, np.int64(merges[m, 0]), np.int64(merges[m, 1]))
    table = np.zeros(parent.size, np.int32)
    n = 0
    for k in range(1, parent.size):
        if present[k]:
            kept = find(parent, k)
            if kept == k:
                n += 1
                table[k] = n
            else:
                table[k] = table[kept]
    return table


@kernel_jit
def _felzenszwalb(edges, weights, sizes, scale, min_size, parent):  # type: ignore[no-untyped-def]
    internal = np.zeros(parent.size)
    for step in range(2):
        for e in range(weights.size):
            a, b = find(parent, np.int64(edges[e, 0])), find(parent, np.int64(edges[e, 1]))
            if a == b:
                continue
            if step == 0:
                joins = weights[e] <= min(internal[a] + scale / sizes[a], internal[b] + scale / sizes[b])
            else:
                joins = min(sizes[a], sizes[b]) < min_size
            if joins:
                kept, gone = min(a, b), max(a, b)
                parent[gone] = kept
                sizes[kept] += sizes[gone]
                internal[kept] = weights[e]
