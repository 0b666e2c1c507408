"""A tile in strips one below the other, so that what a step takes is there for one strip at a time."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from densa.raster import Window
from densa.union_find import number_sets, unite

__all__ = ["fitting_strips", "join_strips"]


def fitting_strips(core: Window, least: int, bytes_of: Callable[[Window], float], allowed: float) -> list[Window]:
    """The fewest strips of equal height that take no more than is allowed, or strips of the least height.

    Args:
        core: of the tile.
        least: height below which strips are not cut.
        bytes_of: what a strip takes.
        allowed: bytes.
    """
    n, most = 1, max(1, core.height // least)
    while True:
        edges = [core.row + k * core.height // n for k in range(n + 1)]
        strips = [Window(top, core.column, bottom - top, core.width) for top, bottom in pairwise(edges)]
        if n == most or all(bytes_of(strip) <= allowed for strip in strips):
            return strips
        n = min(n + 1 + n // 4, most)


def join_strips(strips: list[dict[str, NDArray[Any]]]) -> dict[str, NDArray[Any]]:
    """What `stitching.fragment_arrays` gives for a tile, from what it gives for its strips; empties the list."""
    if len(strips) == 1:
        return strips.pop()
    counts = [len(strip["firsts"]) for strip in strips]
    offsets = np.cumsum([0, *counts])
    parents = np.arange(offsets[-1], dtype=np.int32)
    for k, (above, below) in enumerate(pairwise(strips)):
        seam = above["down"][:, 1]
        one, other = above["fragments"][-1][seam], below["fragments"][0][seam]
        _join(parents, one - 1 + offsets[k], other - 1 + offsets[k + 1])
    numbers = np.empty(len(parents), np.int32)
    number_sets(parents, numbers)
    begins = parents == np.arange(len(parents))  # a set's first piece is its root
    firsts = np.concatenate([strip["firsts"] for strip in strips])[begins]
    right = np.concatenate([strip["right"] for strip in strips])
    down = strips[-1]["down"]
    fragments = np.empty((len(right), len(down)), np.int32)
    bottom = len(right)
    while strips:
        part = strips.pop()["fragments"]
        own = np.concatenate([np.zeros(1, np.int32), numbers[offsets[len(strips)] : offsets[len(strips) + 1]]])
        np.take(own, part, out=fragments[bottom - len(part) : bottom])
        bottom -= len(part)
    faces = np.concatenate((fragments[0], fragments[-1], fragments[:, 0], fragments[:, -1]))
    return {"fragments": fragments, "faces": faces, "firsts": firsts, "right": right, "down": down}


@njit(nogil=True, cache=True)
def _join(parents, one, other):  # type: ignore[no-untyped-def]
    for i in range(one.size):
        unite(parents, one[i], other[i])
