"""Groups shared out to parts so that every part has its share of every class.

Iterative stratification (Sechidis, Tsoumakas and Vlahavas, ECML 2011), for amounts in place of labels: the group that
holds most of the class with the fewest pixels left goes to the part that lacks most of it. Then groups are moved and
exchanged as long as that lessens the sum of the squared deviations of all shares.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densa.errors import InputError

__all__ = ["deviations", "stratify"]

_MOST_SWAPPED = 600  # groups of which every exchange is tried
_MOST_MOVES = 2_000


def stratify(amounts: NDArray[Any], shares: Sequence[float], *, seed: int = 0) -> NDArray[np.int64]:
    """Choose a part for each group so that the amounts of all parts are as their shares.

    Args:
        amounts: (n_groups, n_kinds) amounts of each kind in each group, at least 0: pixels of the classes, and one
            column for the number of images where these are to be shared out too.
        shares: the share of each part, above 0; they need not sum to 1.
        seed: decides between equals.

    Returns:
        (n_groups,) number of the part of each group; no part is empty.

    Raises:
        InputError: fewer groups than parts, shares or amounts out of range.

    Examples:
        >>> import numpy as np
        >>> from densa import datasets
        >>> amounts = np.array([[10, 0], [0, 10], [10, 0], [0, 10]])
        >>> parts = datasets.stratify(amounts, (0.5, 0.5))
        >>> [amounts[parts == part].sum(axis=0).tolist() for part in (0, 1)]
        [[10, 10], [10, 10]]
    """
    amounts, wanted = np.asarray(amounts, np.float64), np.asarray(shares, np.float64)
    if amounts.ndim != 2 or not np.isfinite(amounts).all() or (amounts < 0).any():
        raise InputError(f"amounts must be (n_groups, n_kinds) numbers from 0, got shape {amounts.shape}")
    if wanted.ndim != 1 or not len(wanted) or not np.isfinite(wanted).all() or (wanted <= 0).any():
        raise InputError(f"shares must be above 0, got {list(shares)}")
    if len(amounts) < len(wanted):
        raise InputError(f"{len(wanted)} parts need a group each, there are {len(amounts)}")
    wanted = wanted / wanted.sum()
    totals = amounts.sum(axis=0)
    relative = amounts[:, totals > 0] / totals[totals > 0]  # every kind counts alike, however frequent it is
    rng = np.random.default_rng(seed)
    part = _first_choice(relative, wanted, rng)
    return _improved(relative, wanted, part)


def deviations(amounts: NDArray[Any], part: NDArray[Any], n_parts: int) -> NDArray[np.float64]:
    """How far the class shares of each part are from those of all parts together.

    Args:
        amounts: (n_groups, n_classes) pixels.
        part: (n_groups,) part of each group.
        n_parts: number of parts.

    Returns:
        (n_parts, n_classes) share of the class in the part minus its share in all; NaN for a part without pixels.
    """
    amounts = np.asarray(amounts, np.float64)
    sums = np.zeros((n_parts, amounts.shape[1]))
    np.add.at(sums, part, amounts)
    totals = sums.sum(axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        own = np.where(totals > 0, sums / totals, np.nan)
        whole: NDArray[np.float64] = amounts.sum(axis=0) / amounts.sum()
    return own - whole


def _first_choice(amounts: NDArray[np.float64], wanted: NDArray[np.float64], rng: np.random.Generator) -> NDArray[Any]:
    """The iterative stratification; parts that stay empty get the smallest groups of the fullest parts."""
    n_groups, n_kinds = amounts.shape
    part = np.full(n_groups, -1)
    lacks = np.repeat(wanted[:, None], n_kinds, axis=1)
    tie = rng.permutation(n_groups)
    # Of each kind the groups that hold it, the most first; of none, all groups in the order of chance.
    orders = [np.lexsort((tie, -amounts[:, k]))[: int((amounts[:, k] > 0).sum())] for k in range(n_kinds)]
    orders.append(np.argsort(tie))
    n_left, next_ = np.array([len(order) for order in orders[:-1]]), [0] * (n_kinds + 1)
    room = wanted * n_groups
    for _ in range(n_groups):
        kind = int(np.argmin(np.where(n_left > 0, n_left, n_groups + 1))) if n_kinds and n_left.any() else n_kinds
        while part[orders[kind][next_[kind]]] >= 0:
            next_[kind] += 1
        group = orders[kind][next_[kind]]
        first = -lacks[:, kind].round(12) if kind < n_kinds else -room
        best = int(np.lexsort((-room, -lacks.sum(axis=1), first))[0])
        part[group], room[best] = best, room[best] - 1
        n_left -= amounts[group] > 0
        lacks[best] -= amounts[group]
    for empty in set(range(len(wanted))) - set(part.tolist()):
        sizes = np.bincount(part, minlength=len(wanted))
        fullest = int(np.argmax(sizes / wanted))
        own = np.flatnonzero(part == fullest)
        part[own[np.argmin(amounts[own].sum(axis=1))]] = empty
    return part


def _improved(amounts: NDArray[np.float64], wanted: NDArray[np.float64], part: NDArray[Any]) -> NDArray[np.int64]:
    """Move and exchange groups while the sum over parts and kinds of (amount - share)^2 becomes smaller."""
    part = part.astype(np.int64)
    apart = np.stack([amounts[part == p].sum(axis=0) for p in range(len(wanted))]) - wanted[:, None]
    squares = (amounts**2).sum(axis=1)
    products = amounts @ amounts.T if len(amounts) <= _MOST_SWAPPED else None
    for _ in range(_MOST_MOVES):
        along = amounts @ apart.T  # (groups, parts)
        own = along[np.arange(len(part)), part]
        # Moving x from p to q changes the sum by 2 x (d_q - d_p) + 2 x x.
        change = 2 * (along - own[:, None] + squares[:, None])
        change[np.arange(len(part)), part] = 0
        change[np.bincount(part, minlength=len(wanted))[part] == 1] = 0  # no part becomes empty
        group, to = np.unravel_index(np.argmin(change), change.shape)
        least, other = change[group, to], None
        if products is not None:
            # Exchanging x of p and y of q: 2 (x - y) (d_q - d_p) + 2 |x - y|^2.
            crossed = along[:, part]
            swap = 2 * (crossed - own[:, None] - own[None, :] + crossed.T)
            swap += 2 * (squares[:, None] + squares[None, :] - 2 * products)
            swap[part[:, None] == part[None, :]] = 0
            a, b = np.unravel_index(np.argmin(swap), swap.shape)
            if swap[a, b] < least:
                least, group, other = swap[a, b], a, b
        if least > -1e-12:
            break
        if other is not None:
            exchanged = amounts[group] - amounts[other]
            apart[part[group]] -= exchanged
            apart[part[other]] += exchanged
            part[group], part[other] = part[other], part[group]
        else:
            apart[part[group]] -= amounts[group]
            apart[to] += amounts[group]
            part[group] = to
    return part
