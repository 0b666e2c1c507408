"""Tiles of one scene, by their pixels: tiles that share columns or rows, and borders that continue in another tile."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from densa.datasets.leaks.fingerprint import Border, Fingerprint

__all__ = ["continued_borders", "shared_strips"]

_MOST_HOLDERS = 8  # images of one column; more hold a pattern, such as a frame around all
_LEAST_SHARED = 2
_ROWS = 1024
_LEAST_CORRELATION = 0.5
_CHANCE = 1e-6  # that any two of all borders agree as well by chance
_MOST_APART = 0.5  # of smooth values along two borders, as a share of their contrast


def shared_strips(prints: Sequence[Fingerprint | None]) -> Iterator[tuple[int, int, str, int]]:
    """Pairs of images that share pixels: equal columns (or rows) at one distance.

    Yields:
        Both numbers, "columns" or "rows", and the distance of the same pixels in the two images.
    """
    for kind in ("columns", "rows"):
        parts = [(i, *one.lines[kind]) for i, one in enumerate(prints) if one is not None and kind in one.lines]
        if not parts:
            continue
        hashes = np.concatenate([part[1] for part in parts])
        places = np.concatenate([part[2] for part in parts])
        owners = np.repeat([part[0] for part in parts], [len(part[1]) for part in parts])
        order = np.argsort(hashes, kind="stable")
        hashes, places, owners = hashes[order], places[order], owners[order]
        bounds = np.flatnonzero(np.diff(hashes)) + 1
        starts, ends = np.concatenate([[0], bounds]), np.concatenate([bounds, [len(hashes)]])
        several = (ends - starts > 1) & (ends - starts <= _MOST_HOLDERS)
        found: Counter[tuple[int, int, int]] = Counter()
        for start, end in zip(starts[several], ends[several], strict=True):
            for a in range(start, end):
                for b in range(a + 1, end):
                    found[int(owners[a]), int(owners[b]), int(places[a] - places[b])] += 1
        seen = set()
        for (i, j, apart), n in found.most_common():
            copies = apart == 0 and _pixels(prints[i]) == _pixels(prints[j])
            if n >= _LEAST_SHARED and i != j and (i, j) not in seen and not copies:
                seen.add((i, j))
                yield i, j, kind, abs(apart)


def continued_borders(prints: Sequence[Fingerprint | None]) -> Iterator[tuple[int, int, str, float]]:
    """Pairs of images of which one continues the other across a border.

    Two borders must resemble each other more than any other, in their fine detail or as a whole, beyond chance, and
    have the same values along them.

    Yields:
        Both numbers, the side of the first image, and the correlation of both borders.
    """
    seen = set()
    for side, opposite in (("right", "left"), ("bottom", "top")):
        for kind in ("detail", "whole"):
            ends, starts = _lines(prints, side, kind), _lines(prints, opposite, kind)
            for length in ends.keys() & starts.keys():
                least = norm.isf(_CHANCE / (len(ends[length]) * len(starts[length])))
                for a, b, correlation in _mutual(ends[length], starts[length]):
                    lines = ends[length][a], starts[length][b]
                    borders = _borders(prints[a])[side], _borders(prints[b])[opposite]
                    if (a, b) not in seen and _sigmas(*lines, correlation) >= least and _same_values(*borders):
                        seen.add((a, b))
                        yield a, b, side, correlation


def _lines(prints: Sequence[Fingerprint | None], side: str, kind: str) -> dict[int, dict[int, NDArray[np.float32]]]:
    """One side of all images, by its length and the number of the image."""
    found: dict[int, dict[int, NDArray[np.float32]]] = defaultdict(dict)
    for i, one in enumerate(prints):
        border = _borders(one).get(side)
        line = None if border is None else border.detail if kind == "detail" else border.whole
        if border is not None and line is not None:
            found[border.length][i] = line.astype(np.float32)
    return found


def _mutual(
    ends: dict[int, NDArray[np.float32]], starts: dict[int, NDArray[np.float32]]
) -> Iterator[tuple[int, int, float]]:
    """Borders that resemble each other more than any other, with their correlation."""
    first, second = np.stack(list(ends.values())), np.stack(list(starts.values()))
    of_end, of_start = np.array(list(ends)), np.array(list(starts))
    best_of_start, value_of_start = np.full(len(of_start), -1), np.full(len(of_start), -np.inf, np.float32)
    best_of_end, value_of_end = np.zeros(len(of_end), np.int64), np.zeros(len(of_end), np.float32)
    for row in range(0, len(of_end), _ROWS):
        products = first[row : row + _ROWS] @ second.T
        products[of_end[row : row + _ROWS, None] == of_start] = -1  # an image does not continue itself
        best_of_end[row : row + _ROWS] = products.argmax(axis=1)
        value_of_end[row : row + _ROWS] = products.max(axis=1)
        rows = products.argmax(axis=0)
        values = products[rows, np.arange(len(of_start))]
        better = values > value_of_start
        best_of_start[better], value_of_start[better] = rows[better] + row, values[better]
    for k, j in enumerate(best_of_end):
        if best_of_start[j] == k and value_of_end[k] >= _LEAST_CORRELATION:
            yield int(of_end[k]), int(of_start[j]), float(value_of_end[k])


def _same_values(first: Border, second: Border) -> bool:
    """Whether the values along two borders are about the same."""
    if len(first.smooth) != len(second.smooth):
        return False
    apart = float(np.sqrt(((first.smooth.astype(np.float64) - second.smooth.astype(np.float64)) ** 2).mean()))
    return apart <= _MOST_APART * max(first.contrast, second.contrast)


def _sigmas(first: NDArray[np.float32], second: NDArray[np.float32], correlation: float) -> float:
    """A correlation in standard deviations of that of unrelated lines (Fisher 1915).

    Neighbours along a line resemble each other, so that it has fewer independent values (Bartlett 1935).
    """
    along, n = 0.0, len(first)
    for lag in range(1, n // 2):
        product = float(first[lag:] @ first[:-lag]) * float(second[lag:] @ second[:-lag])
        if product <= 0:
            break
        along += product
    independent = n / (1 + 2 * along)
    return float(np.arctanh(min(correlation, 1 - 1e-6)) * max(independent - 3, 0) ** 0.5)


def _borders(one: Fingerprint | None) -> dict[str, Border]:
    return {} if one is None else one.borders


def _pixels(one: Fingerprint | None) -> str | None:
    return None if one is None else one.pixels
