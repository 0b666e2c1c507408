"""Kernels of the trees: the row of values that every pixel's leaf points to, and what follows from the rows.

Eight pixels go down a tree together, level by level: their loads overlap, and no branch has to be predicted, since the
child of a leaf is the leaf itself. A node is two numbers of 32 bits, next to each other: its threshold, and which
feature it compares and where its children are. Features and thresholds are compared as whole numbers in the order of
the floats, which is exact. A block's features are copied so that a feature of eight pixels is adjacent in memory, and
all trees are evaluated on a block before the next block.
"""

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from densa.parallel import share_items

GROUP = 8  # pixels that go down a tree together
STEPS = 3  # levels between two checks whether all pixels of a group have reached a leaf
BLOCK_VALUES = 1 << 17  # features of a block: half a megabyte, which stays in a core's cache
_SIGN = np.uint32(1 << 31)
_MOST = np.uint32((1 << 31) - 1)
_NAN = np.uint32(0x7F800000)  # bits above these, without the sign, are no number


def ordered(values: NDArray[np.float32]) -> NDArray[np.uint32]:
    """Whole numbers in the order of the floats; -0 is 0, and what is no number is below all."""
    bits = (np.ascontiguousarray(values, np.float32) + np.float32(0)).view(np.uint32)
    return np.where(np.isnan(values), np.uint32(0), np.where(bits & _SIGN, ~bits, bits | _SIGN))


def packed_nodes(
    feature: NDArray[np.int32],
    threshold: NDArray[np.float32],
    child: NDArray[np.int32],
    starts: NDArray[np.int64],
    n_features: int,
) -> NDArray[Any]:
    """The nodes as pairs of numbers, flat: uint32 where trees have up to 65536 nodes, otherwise uint64.

    The first number is the threshold, or the row of a leaf. The upper half of the second is the lower child's number in
    the tree, the lower half the place of a feature in a group of pixels. A leaf is its own child and compares the
    feature after the last one, which is 0 and above no row.
    """
    leaf = feature < 0
    own = np.arange(len(feature)) - np.repeat(starts[:-1], np.diff(starts))
    narrow = np.diff(starts).max() <= 1 << 16 and (n_features + 1) * GROUP <= 1 << 16
    nodes = np.empty((len(feature), 2), np.uint32 if narrow else np.uint64)
    nodes[:, 0] = np.where(leaf, child.astype(np.uint32), ordered(threshold))
    places = np.where(leaf, n_features, feature).astype(np.uint64) * np.uint64(GROUP)
    nodes[:, 1] = np.where(leaf, own, child).astype(np.uint64) << np.uint64(16 if narrow else 32) | places
    return nodes.reshape(-1)


def block_length(n_features: int) -> int:
    """Number of pixels of a block, a multiple of the group."""
    return int(max(GROUP, BLOCK_VALUES // max(1, n_features) // GROUP * GROUP))


def share_blocks(kernel: Any, n_pixels: int, block: int, *arguments: Any) -> None:
    """Call `kernel(*arguments, block, first, last)` for all blocks, on as many threads as kernels may use."""
    n_blocks = -(-n_pixels // block)
    share_items(kernel, n_blocks, *arguments, block, chunk=max(1, min(8, n_blocks // 8)))


@njit(nogil=True, cache=True)
def _step(nodes: Any, group: Any, q: Any, place: Any) -> Any:
    """The node below a node: the lower child, or the one after it where the feature of pixel q is above."""
    half = np.uint64(4 * nodes.itemsize)  # bits
    link = np.uint64(nodes[np.uint64(2) * place + np.uint64(1)])
    value = np.uint64(group[(link & ((np.uint64(1) << half) - np.uint64(1))) + np.uint64(q)])
    return (link >> half) + np.uint64(np.uint64(nodes[np.uint64(2) * place]) < value)


@njit(nogil=True, cache=True)
def _rows_of_a_tree(groups: Any, nodes: Any, at: Any) -> None:
    """Row of the leaf of each pixel in a tree of these nodes; groups (n, (f + 1) * 8), at (n * 8,)."""
    for g in range(groups.shape[0]):
        # one name for each pixel: an array would be written and read in every step
        group = groups[g]
        p0 = p1 = p2 = p3 = p4 = p5 = p6 = p7 = np.uint64(0)
        o0 = o1 = o2 = o3 = o4 = o5 = o6 = o7 = np.uint64(0)
        moved = np.uint64(1)
        while moved != 0:
            for _ in range(STEPS):
                o0, p0 = p0, _step(nodes, group, 0, p0)
                o1, p1 = p1, _step(nodes, group, 1, p1)
                o2, p2 = p2, _step(nodes, group, 2, p2)
                o3, p3 = p3, _step(nodes, group, 3, p3)
                o4, p4 = p4, _step(nodes, group, 4, p4)
                o5, p5 = p5, _step(nodes, group, 5, p5)
                o6, p6 = p6, _step(nodes, group, 6, p6)
                o7, p7 = p7, _step(nodes, group, 7, p7)
            moved = (o0 ^ p0) | (o1 ^ p1) | (o2 ^ p2) | (o3 ^ p3) | (o4 ^ p4) | (o5 ^ p5) | (o6 ^ p6) | (o7 ^ p7)
        for q, place in enumerate((p0, p1, p2, p3, p4, p5, p6, p7)):
            at[g * GROUP + q] = nodes[np.uint64(2) * place]


@njit(nogil=True, cache=True)
def _load(features: Any, start: int, groups: Any) -> int:
    """Copy the bits of features (f, n) of the pixels from `start` on as ordered numbers; returns how many pixels."""
    count = min(groups.shape[0] * GROUP, features.shape[1] - start)
    for f in range(features.shape[0]):
        for first in range(0, count, GROUP):
            group = groups[first // GROUP, f * GROUP :]
            for q in range(min(GROUP, count - first)):
                bits = np.uint32(features[f, start + first + q])
                size = np.uint32(bits & _MOST)
                sign = np.uint32(0) if size == 0 else np.uint32(bits & _SIGN)
                value = np.uint32(size | _SIGN) if sign == 0 else np.uint32(_MOST - size)
                group[q] = np.uint32(0) if size > _NAN else value
    return count


@njit(nogil=True, cache=True)
def mean_of_leaves(
    features: Any, nodes: Any, starts: Any, values: Any, out: Any, block: int, top: int, end: int
) -> None:
    """out (C, n): mean over the trees of the rows of `values` (r, C) that the leaves point to."""
    n_classes, n_trees = values.shape[1], starts.size - 1
    groups = np.zeros((block // GROUP, (features.shape[0] + 1) * GROUP), np.uint32)
    at = np.empty(block, np.int32)
    sums = np.empty((block, n_classes))
    for b in range(top, end):
        count = _load(features, b * block, groups)
        sums[:] = 0
        for t in range(n_trees):
            _rows_of_a_tree(groups, nodes[2 * starts[t] : 2 * starts[t + 1]], at)
            for i in range(count):
                row = at[i]
                for k in range(n_classes):
                    sums[i, k] += values[row, k]
        for k in range(n_classes):
            for i in range(count):
                out[k, b * block + i] = sums[i, k] / n_trees


@njit(nogil=True, cache=True)
def softmax_of_leaves(
    features: Any,
    nodes: Any,
    starts: Any,
    values: Any,
    classes: Any,
    baseline: Any,
    out: Any,
    block: int,
    top: int,
    end: int,
) -> None:
    """out (C, n): softmax of the baseline plus, for the class of each tree, the value that its leaf points to."""
    n_classes, n_trees = baseline.size, starts.size - 1
    groups = np.zeros((block // GROUP, (features.shape[0] + 1) * GROUP), np.uint32)
    at = np.empty(block, np.int32)
    sums = np.empty((n_classes, block))
    for b in range(top, end):
        count = _load(features, b * block, groups)
        for k in range(n_classes):
            sums[k] = baseline[k]
        for t in range(n_trees):
            _rows_of_a_tree(groups, nodes[2 * starts[t] : 2 * starts[t + 1]], at)
            for i in range(count):
                sums[classes[t], i] += values[at[i], 0]
        for i in range(count):
            largest = sums[0, i]
            for k in range(1, n_classes):
                largest = max(largest, sums[k, i])
            total = 0.0
            for k in range(n_classes):
                sums[k, i] = np.exp(sums[k, i] - largest)
                total += sums[k, i]
            for k in range(n_classes):
                out[k, b * block + i] = sums[k, i] / total


@njit(nogil=True, cache=True)
def rows_of_leaves(features: Any, nodes: Any, starts: Any, out: Any, block: int, top: int, end: int) -> None:
    """out (trees, n): the row that each pixel's leaf points to."""
    groups = np.zeros((block // GROUP, (features.shape[0] + 1) * GROUP), np.uint32)
    at = np.empty(block, np.int32)
    for b in range(top, end):
        count = _load(features, b * block, groups)
        for t in range(starts.size - 1):
            _rows_of_a_tree(groups, nodes[2 * starts[t] : 2 * starts[t + 1]], at)
            for i in range(count):
                out[t, b * block + i] = at[i]


@njit(nogil=True, cache=True)
def order_tree(left: Any, right: Any, new: Any) -> None:
    """Fill `new` with new numbers of a tree's nodes, depth first, siblings adjacent; the root is 0."""
    stack = np.empty(left.size, np.int64)
    stack[0], height = 0, 1
    new[0], count = 0, 1
    while height > 0:
        height -= 1
        node = stack[height]
        if left[node] < 0:
            continue
        new[left[node]], new[right[node]] = count, count + 1
        count += 2
        stack[height], stack[height + 1] = right[node], left[node]
        height += 2
