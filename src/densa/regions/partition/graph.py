"""Region adjacency graph: which regions touch, along how many pixel sides, and how strong the border is."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from densa.checks import largest_number
from densa.errors import InputError
from densa.jit import kernel_jit
from densa.regions.partition.statistics import RegionStatistics, statistics_of
from densa.regions.shared.checks import check_connectivity, check_image, check_pair, check_regions
from densa.regions.shared.hashing import doubled, grown, slot_of

__all__ = ["RegionGraph", "region_graph"]


@dataclass(frozen=True)
class RegionGraph:
    """Nodes are regions 1 to n_regions, edges pairs of adjacent ones.

    Attributes:
        n_regions: largest region number.
        edges: (E, 2) int32 pairs (i, j), i < j, in ascending order.
        lengths: (E,) int64 pairs of neighbouring pixels on either side of the border; with 4 neighbours its length in
            pixel sides.
        strengths: (E,) float64 mean over those pairs of the edge map's values there or, without one, of the distance of
            the two pixels' colours.
        statistics: of the regions.

    Examples:
        >>> import numpy as np
        >>> from densa import regions
        >>> image = np.array([[0, 0, 3], [0, 0, 9]])
        >>> graph = regions.region_graph(image, np.array([[1, 1, 2], [1, 1, 3]]))
        >>> graph.edges.tolist(), graph.lengths.tolist()
        ([[1, 2], [1, 3], [2, 3]], [1, 1, 1])
        >>> graph.color_distances().tolist()
        [3.0, 9.0, 6.0]
    """

    n_regions: int
    edges: NDArray[np.int32]
    lengths: NDArray[np.int64]
    strengths: NDArray[np.float64]
    statistics: RegionStatistics

    def color_distances(self) -> NDArray[np.float64]:
        """(E,): Euclidean distance of the mean colours of each pair."""
        mean = self.statistics.mean
        return np.linalg.norm(mean[self.edges[:, 0]] - mean[self.edges[:, 1]], axis=1)

    def ward_costs(self) -> NDArray[np.float64]:
        """(E,): ``n_i n_j / (n_i + n_j) |m_i - m_j|^2``, the growth of the total squared error by a merger."""
        n = self.statistics.n_pixels.astype(np.float64)
        n_i, n_j = n[self.edges[:, 0]], n[self.edges[:, 1]]
        return n_i * n_j / np.maximum(n_i + n_j, 1) * self.color_distances() ** 2

    def neighbours(self) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """Compressed rows: neighbours of region k are indices[pointers[k] : pointers[k + 1]], ascending."""
        both = np.concatenate((self.edges, self.edges[:, ::-1]))
        both = both[np.lexsort((both[:, 1], both[:, 0]))]
        pointers = np.zeros(self.n_regions + 2, np.int64)
        np.cumsum(np.bincount(both[:, 0], minlength=self.n_regions + 1), out=pointers[1:])
        return pointers, np.ascontiguousarray(both[:, 1])


def region_graph(
    image: ArrayLike, regions: ArrayLike, *, connectivity: int = 1, edge_map: ArrayLike | None = None
) -> RegionGraph:
    """Adjacency graph of a partition, in one pass over the pixels.

    Args:
        image: (H, W) or (H, W, B), any integer or floating type; finite inside the regions.
        regions: (H, W) integers from 1; 0: no region. Regions separated by a line of 0 are not adjacent.
        connectivity: 1: pixels have 4 neighbours, 2: 8.
        edge_map: (H, W) boundary evidence such as a gradient magnitude; the strength of a pair of pixels is the mean of
            its two values.

    Returns:
        The graph, with the statistics of the regions.

    Raises:
        InputError: shapes differ, the image is not finite, or a region number is negative.

    Examples:
        >>> import numpy as np
        >>> from densa import regions
        >>> image = np.array([[0, 0, 3], [0, 0, 9]])
        >>> graph = regions.region_graph(image, np.array([[1, 1, 2], [1, 1, 3]]))
        >>> for pair, length, strength in zip(graph.edges, graph.lengths, graph.strengths, strict=True):
        ...     print(pair, length, strength)
        [1 2] 1 3.0
        [1 3] 1 9.0
        [2 3] 1 6.0
    """
    bands, numbers = check_pair(image, regions)
    reach = check_connectivity(connectivity)
    evidence = np.empty((0, 0))
    if edge_map is not None:
        plane = check_image(edge_map)
        if plane.shape != (*numbers.shape, 1):
            raise InputError(f"edge_map must have the regions' shape {numbers.shape}, got {np.shape(edge_map)}")
        evidence = np.ascontiguousarray(plane[:, :, 0], np.float64)
        if not np.isfinite(evidence).all():
            raise InputError("edge_map must be finite, it holds NaN or infinite values")
    n_regions = largest_number(numbers)
    keys, lengths, totals = _collect(bands, numbers, evidence, reach, n_regions + 1)
    order = np.argsort(keys)
    keys, lengths, totals = keys[order], lengths[order], totals[order]
    edges = np.column_stack((keys // (n_regions + 1), keys % (n_regions + 1))).astype(np.int32)
    return RegionGraph(n_regions, edges, lengths, totals / np.maximum(lengths, 1), statistics_of(bands, numbers))


def adjacent_pairs(regions: ArrayLike, connectivity: int = 1) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Only edges (E, 2) and their lengths (E,), as in `RegionGraph`."""
    numbers = check_regions(regions)
    n = int(numbers.max()) + 1
    none = np.empty((0, 0, 0), np.uint8)
    keys, lengths, _ = _collect(none, numbers, np.empty((0, 0)), check_connectivity(connectivity), n)
    order = np.argsort(keys)
    return np.column_stack((keys[order] // n, keys[order] % n)).astype(np.int32), lengths[order]


@kernel_jit
def _collect(image, regions, evidence, reach, stride):  # type: ignore[no-untyped-def]
    """Keys i * stride + j (i < j) of adjacent regions, numbers of pixel pairs and sums of their strengths."""
    height, width = regions.shape
    n_bands = image.shape[2]
    keys = np.empty(1024, np.int64)
    lengths = np.empty(1024, np.int64)
    totals = np.empty(1024, np.float64)
    table = np.full(4096, -1, np.int64)
    n = 0
    last_key, last = np.int64(-1), 0
    for y in range(height):
        for x in range(width):
            k = regions[y, x]
            for direction in range(2 * reach):
                y2 = y + (direction != 0)
                x2 = x + (1 if direction in (0, 2) else 0) - (direction == 3)
                if k == 0 or y2 >= height or x2 < 0 or x2 >= width:
                    continue
                other = regions[y2, x2]
                if other == k or other == 0:
                    continue
                key = np.int64(min(k, other)) * stride + max(k, other)
                if key != last_key:  # consecutive pixels mostly belong to one border
                    at = slot_of(table, keys, key)
                    if table[at] < 0:
                        if n == keys.size:
                            keys, lengths, totals = doubled(keys), doubled(lengths), doubled(totals)
                        keys[n], lengths[n], totals[n] = key, 0, 0.0
                        table[at] = n
                        n += 1
                        if 4 * n > table.size:
                            table = grown(table, keys, n)
                            at = slot_of(table, keys, key)
                    last_key, last = key, table[at]
                lengths[last] += 1
                if evidence.size:
                    totals[last] += (evidence[y, x] + evidence[y2, x2]) / 2
                elif n_bands:
                    squared = 0.0
                    for b in range(n_bands):
                        difference = np.float64(image[y, x, b]) - np.float64(image[y2, x2, b])
                        squared += difference * difference
                    totals[last] += np.sqrt(squared)
    return keys[:n], lengths[:n], totals[:n]
