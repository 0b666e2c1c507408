"""Kernels of the trees: the leaf that every pixel reaches, and the values of the leaves.

Pixels go down a tree in groups, level by level: their loads overlap, and no branch has to be predicted, since the child
of a leaf is the leaf itself. A block's features are copied so that those of a pixel are adjacent in memory, and all
trees are evaluated on a block before the next block.
"""

from typing import Any

import numpy as np
from numba import njit

from densa.parallel import share_items

GROUP = 8  # pixels that go down a tree together
STEPS = 3  # levels between two checks whether all pixels of a group have reached a leaf
BLOCK_VALUES = 1 << 17  # features of a block: half a megabyte, which stays in a core's cache


def block_length(n_features: int) -> int:
    """Number of pixels of a block, a multiple of the group."""
    return int(max(GROUP, BLOCK_VALUES // max(1, n_features) // GROUP * GROUP))


def share_blocks(kernel: Any, n_pixels: int, block: int, *arguments: Any) -> None:
    """Call `kernel(*arguments, block, first, last)` for all blocks, on as many threads as kernels may use."""
    n_blocks = -(-n_pixels // block)
    share_items(kernel, n_blocks, *arguments, block, chunk=max(1, min(8, n_blocks // 8)))


@njit(nogil=True, cache=True)
def _leaves(rows: Any, nodes: Any, root: int, at: Any) -> None:
    """Leaf of each row of features (n, f), n a multiple of the group, in the tree at `root`."""
    place = np.empty(GROUP, np.int32)
    for first in range(0, rows.shape[0], GROUP):
        for q in range(GROUP):
            place[q] = root
        moved = np.int32(1)
        while moved != 0:
            for _ in range(STEPS):
                moved = np.int32(0)
                for q in range(GROUP):
                    node = place[q]
                    below = nodes[node].child + np.int32(rows[first + q, nodes[node].feature] > nodes[node].threshold)
                    moved |= below ^ node
                    place[q] = below
        for q in range(GROUP):
            at[first + q] = place[q]


@njit(nogil=True, cache=True)
def _load(features: Any, start: int, rows: Any) -> int:
    """Copy features (f, n) of the pixels from `start` on, a pixel per row; returns the number of pixels copied."""
    count = min(rows.shape[0], features.shape[1] - start)
    for f in range(features.shape[0]):
        for i in range(count):
            rows[i, f] = features[f, start + i]
    return count


@njit(nogil=True, cache=True)
def mean_of_leaves(
    features: Any, nodes: Any, starts: Any, row_of: Any, values: Any, out: Any, block: int, top: int, end: int
) -> None:
    """out (C, n): mean over the trees of the rows of `values` (r, C) that the leaves point to."""
    n_classes, n_trees = values.shape[1], starts.size - 1
    rows = np.zeros((block, features.shape[0]), np.float32)
    at = np.empty(block, np.int32)
    sums = np.empty((block, n_classes))
    for b in range(top, end):
        count = _load(features, b * block, rows)
        sums[:] = 0
        for t in range(n_trees):
            _leaves(rows, nodes, starts[t], at)
            for i in range(count):
                row = row_of[at[i]]
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
    row_of: Any,
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
    rows = np.zeros((block, features.shape[0]), np.float32)
    at = np.empty(block, np.int32)
    sums = np.empty((n_classes, block))
    for b in range(top, end):
        count = _load(features, b * block, rows)
        for k in range(n_classes):
            sums[k] = baseline[k]
        for t in range(n_trees):
            _leaves(rows, nodes, starts[t], at)
            for i in range(count):
                sums[classes[t], i] += values[row_of[at[i]], 0]
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
def rows_of_leaves(
    features: Any, nodes: Any, starts: Any, row_of: Any, out: Any, block: int, top: int, end: int
) -> None:
    """out (trees, n): the row that each pixel's leaf points to."""
    rows = np.zeros((block, features.shape[0]), np.float32)
    at = np.empty(block, np.int32)
    for b in range(top, end):
        count = _load(features, b * block, rows)
        for t in range(starts.size - 1):
            _leaves(rows, nodes, starts[t], at)
            for i in range(count):
                out[t, b * block + i] = row_of[at[i]]


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
