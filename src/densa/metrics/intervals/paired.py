"""Paired differences of runs on the same units: intervals, permutation tests, Holm's correction, ranks.

Method: Paired comparison of runs.
Source: Good, Permutation Tests, 2000; Holm, Scand. J. Statistics 6 (1979); ranks from pairwise tests as in Mogstad,
    Romano, Shaikh, Wilhelm, Review of Economic Studies 91 (2024).
As printed: under the hypothesis the two runs may be exchanged in each unit; all exchanges where they are few, otherwise
    random ones; p-values of all pairs of runs stepped down; the rank of a run between those that are better and worse.
Departs: nothing.
Held by: tests/metrics/intervals/test_paired.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densa.errors import InputError
from densa.metrics.intervals.bootstrap import Interval, Resampled, Statistic, intervals_of, resample
from densa.metrics.intervals.measured import BY_DEFAULT, IntervalRule
from densa.metrics.intervals.sums import HEADLINE, Number, numbers_of, scores_of, sizes_of
from densa.metrics.intervals.units import UnitSums, UnitTable
from densa.metrics.scores import AbsentRule

__all__ = ["Difference", "PairedComparison", "compare_runs", "holm", "permutation_test", "tables_of_runs"]

SIGNIFICANT = 0.05
RANKED = ("global_accuracy", "class_average", "mean_iou", "boundary_f1", "frequency_weighted_iou", "kappa")
"""Scores of which more is better."""
PAIRED_PER_CLASS = ("iou", "accuracy")

_CHUNK_BYTES = 1 << 26


@dataclass(frozen=True)
class Difference:
    """Difference of a score between two runs.

    Attributes:
        value: of the second run less the first.
        interval: 95 %; None where there is none.
        p: probability of such a difference, or a larger one, between runs that are alike.
        p_holm: corrected for all pairs of runs.

    Examples:
        >>> from densa.metrics import intervals
        >>> found = intervals.Difference(0.02, None, 0.01, 0.03)
        >>> found.is_significant
        True
    """

    value: float
    interval: Interval | None
    p: float
    p_holm: float

    @property
    def is_significant(self) -> bool:
        """Whether the runs differ: a corrected p-value below 0.05, and an interval that leaves out 0."""
        outside = self.interval is None or self.interval.low > 0 or self.interval.high < 0
        return self.p_holm < SIGNIFICANT and outside

    def __str__(self) -> str:
        ends = "" if self.interval is None else f" ({self.interval.low:+.4f} to {self.interval.high:+.4f})"
        return f"{self.value:+.4f}{ends}, p {_p(self.p_holm)}"

    def to_json(self) -> dict[str, Any]:
        """The difference as in `metrics.json`."""
        ends = None if self.interval is None else self.interval.to_json()
        return {"difference": self.value, "interval": ends, "p": self.p, "p_holm": self.p_holm}


def _p(value: float) -> str:
    return "undefined" if np.isnan(value) else "< 0.001" if value < 0.001 else f"{value:.3f}"


@dataclass(frozen=True)
class PairedComparison:
    """Runs compared on the same units.

    Attributes:
        runs: their names.
        table: the units of the first run.
        differences: of each score of each pair of runs, (first, second) numbers of runs.
        test: how the p-values were computed, in words.
        rule: resamples and seed.

    Examples:
        >>> import numpy as np
        >>> from densa.metrics import intervals
        >>> runs = {"a": intervals.UnitSums(2), "b": intervals.UnitSums(2)}
        >>> for i in range(8):
        ...     runs["a"].add(np.array([[0, 1]]), np.array([[0, 0]]), image=f"{i}")
        ...     runs["b"].add(np.array([[0, 1]]), np.array([[0, 1]]), image=f"{i}")
        ...
        >>> found = intervals.compare_runs(runs)
        >>> print(found.of(0, 1, "global_accuracy"))
        +0.5000 (+0.5000 to +0.5000), p 0.008
        >>> found.best("global_accuracy"), found.ranks("global_accuracy")
        (1, [(2, 2), (1, 1)])
    """

    runs: tuple[str, ...]
    table: UnitTable
    differences: Mapping[tuple[int, int], Mapping[Number, Difference]]
    test: str
    rule: IntervalRule

    def of(self, first: int, second: int, name: str, label: int | None = None) -> Difference | None:
        """The difference of a score, of the second run less the first; None where it is undefined."""
        return self.differences[first, second].get((name, label))

    def ranks(self, name: str, label: int | None = None) -> list[tuple[int, int]]:
        """The lowest and highest rank that each run may have: 1 and those better, all but those worse."""
        n = len(self.runs)
        better, worse = np.zeros(n, int), np.zeros(n, int)
        for (first, second), found in self.differences.items():
            difference = found.get((name, label))
            if difference is not None and difference.is_significant:
                winner, loser = (second, first) if difference.value > 0 else (first, second)
                better[loser] += 1
                worse[winner] += 1
        return [(1 + int(b), n - int(w)) for b, w in zip(better, worse, strict=True)]

    def best(self, name: str, label: int | None = None) -> int | None:
        """Number of the run that is better than every other one; None where none is."""
        return next((i for i, rank in enumerate(self.ranks(name, label)) if rank == (1, 1)), None)

    @property
    def text(self) -> str:
        """How the runs were compared, in words."""
        n = len(self.differences)
        corrected = f"; p-values corrected for {n} pairs (Holm)" if n > 1 else ""
        return f"paired over {self.table.text}: {self.test}{corrected}"

    def to_json(self, class_names: Sequence[str]) -> dict[str, Any]:
        """The content of `paired` in `metrics.json`."""
        table = self.table

        def shown(found: Mapping[Number, Difference], name: str, label: int | None = None) -> dict[str, Any] | None:
            return found[name, label].to_json() if (name, label) in found else None

        return {
            "runs": list(self.runs),
            "unit": {"kind": table.kind, "number": table.number, "side_px": table.side, "text": table.text},
            "test": self.test,
            "correction": "Holm, over the pairs of runs, for each score by itself",
            "resamples": self.rule.resamples,
            "seed": self.rule.seed,
            "warnings": [table.warning] if table.warning else [],
            "differences": [
                {
                    "first": self.runs[first],
                    "second": self.runs[second],
                    **{name: shown(found, name) for name in HEADLINE},
                    "classes": [
                        {"name": name, **{score: shown(found, score, k) for score in PAIRED_PER_CLASS}}
                        for k, name in enumerate(class_names)
                    ],
                }
                for (first, second), found in self.differences.items()
            ],
            "ranks": {name: dict(zip(self.runs, map(list, self.ranks(name)), strict=True)) for name in RANKED},
            "best": {name: None if (i := self.best(name)) is None else self.runs[i] for name in RANKED},
        }


def compare_runs(
    runs: Mapping[str, UnitSums],
    *,
    absent: AbsentRule = "skip",
    rule: IntervalRule = BY_DEFAULT,
    progress: Callable[[int, int], None] | None = None,
) -> PairedComparison:
    """Compare runs on the same units.

    Args:
        runs: sums of each run by its name, of the same images and masks.
        absent: rule for classes that do not occur, see `ConfusionMatrix.summary`.
        rule: resamples and seed; permutations are as many as resamples.
        progress: called with (steps done, steps in all).

    Returns:
        Differences of every pair of runs, in the order of `runs`.

    Raises:
        InputError: fewer than two runs, or runs of other images or masks.

    Examples:
        >>> import numpy as np
        >>> from densa.metrics import intervals
        >>> runs = {"a": intervals.UnitSums(2), "b": intervals.UnitSums(2)}
        >>> for i in range(3):
        ...     for sums in runs.values():
        ...         sums.add(np.array([[0, 1]]), np.array([[0, 0]]), image=f"{i}")
        ...
        >>> found = intervals.compare_runs(runs)
        >>> found.of(0, 1, "mean_iou").p, found.best("mean_iou")
        (1.0, None)
    """
    if len(runs) < 2:
        raise InputError(f"two runs or more are compared, got {len(runs)}")
    tables = tables_of_runs(runs)
    n_classes = tables[0].n_classes
    numbers = numbers_of(n_classes, PAIRED_PER_CLASS)

    def statistic(sums: NDArray[np.float64]) -> NDArray[np.float64]:
        return scores_of(sums, n_classes, absent, PAIRED_PER_CLASS)

    pairs = list(combinations(range(len(tables)), 2))
    n_steps, done = len(tables) + len(pairs), 0
    drawn: list[Resampled] = []
    for table in tables:
        sizes = sizes_of(table.sums, n_classes, PAIRED_PER_CLASS)
        beside = table.neighbours
        drawn.append(
            resample(table.sums, statistic, rule.resamples, sizes=sizes, neighbours=beside, seed=rule.seed)
            if table.number > 1
            else resample(table.sums, statistic, 2)
        )
        done += 1
        if progress:
            progress(done, n_steps)
    p = np.empty((len(pairs), len(numbers)))
    for row, (first, second) in zip(p, pairs, strict=True):
        row[:] = permutation_test(tables[first].sums, tables[second].sums, statistic, rule.resamples, seed=rule.seed)
        done += 1
        if progress:
            progress(done, n_steps)
    corrected = np.stack([holm(column) for column in p.T], 1)
    found: dict[tuple[int, int], dict[Number, Difference]] = {}
    for place, (first, second) in enumerate(pairs):
        difference = drawn[second] - drawn[first]
        values = zip(
            numbers,
            difference.value,
            intervals_of(difference),
            p[place].tolist(),
            corrected[place].tolist(),
            strict=True,
        )
        found[first, second] = {
            number: Difference(float(value), interval, *both) for number, value, interval, *both in values
            if not np.isnan(value)
        }  # fmt: skip
    n = len(tables[0].names)
    test = (
        f"all {2**n} permutations"
        if _are_few(n, rule.resamples)
        else f"{rule.resamples} random permutations, seed {rule.seed}"
    )
    return PairedComparison(tuple(runs), tables[0], found, test, rule)


def tables_of_runs(runs: Mapping[str, UnitSums]) -> list[UnitTable]:
    """The units of each run, blocks of one side; units in which nothing counts are left out."""
    kinds = {sums.kind() for sums in runs.values()}
    side = max(sums.side_of_blocks() for sums in runs.values()) if kinds == {"block"} else None
    tables = [sums.table(side) for sums in runs.values()]
    names = list(runs)
    for name, table in zip(names, tables, strict=True):
        n = table.n_classes
        if table.names != tables[0].names or n != tables[0].n_classes:
            raise InputError(f"runs are compared on the same images, and {name} has others than {names[0]}")
        if not np.array_equal(table.sums[:, n : 2 * n], tables[0].sums[:, n : 2 * n]):
            raise InputError(f"runs are compared on the same masks, and {name} has others than {names[0]}")
    return tables


def permutation_test(
    first: NDArray[np.float64],
    second: NDArray[np.float64],
    statistic: Statistic,
    n_permutations: int = 10_000,
    *,
    seed: int = 0,
) -> NDArray[np.float64]:
    """Two-sided p-values of the differences of scores between two runs, which are exchanged unit by unit.

    Args:
        first: (n_units, width) sums of the first run.
        second: (n_units, width) sums of the second run, of the same units.
        statistic: gives (..., k) scores of (..., width) sums, NaN where undefined.
        n_permutations: all exchanges are tried where they are no more; otherwise as many random ones.
        seed: decides the random ones.

    Returns:
        (k,) p-values; NaN where the difference is undefined.

    Examples:
        >>> import numpy as np
        >>> from densa.metrics import intervals
        >>> first, second = np.full((5, 2), [6.0, 10.0]), np.full((5, 2), [8.0, 10.0])
        >>> intervals.permutation_test(first, second, lambda sums: sums[..., :1] / sums[..., 1:])
        array([0.0625])
    """
    change = second - first
    observed = statistic(second.sum(0)) - statistic(first.sum(0))
    least = np.abs(observed) - 1e-12
    as_large, n_defined = np.zeros(observed.shape, np.int64), np.zeros(observed.shape, np.int64)
    exact = _are_few(len(first), n_permutations)
    for swapped in _exchanges(len(first), n_permutations, seed, exact=exact, row_bytes=24 * change.shape[1]):
        moved = swapped @ change
        found = np.abs(statistic(second.sum(0) - moved) - statistic(first.sum(0) + moved))
        as_large += (found >= least).sum(0)
        n_defined += (~np.isnan(found)).sum(0)
    own = 0 if exact else 1  # the exchange that changes nothing is among all of them
    return np.where(np.isnan(observed), np.nan, (as_large + own) / np.maximum(n_defined + own, 1))


def _are_few(n_units: int, n_permutations: int) -> bool:
    """Whether all exchanges are tried."""
    return n_units < n_permutations.bit_length()


def _exchanges(
    n_units: int, n_permutations: int, seed: int, *, exact: bool, row_bytes: int
) -> Iterator[NDArray[np.float64]]:
    """(rows, n_units) 1 where a unit is exchanged, a part of the permutations at a time."""
    step = max(1, _CHUNK_BYTES // (row_bytes + 8 * n_units))
    if exact:
        for first in range(0, 2**n_units, step):
            codes = np.arange(first, min(first + step, 2**n_units))
            yield (codes[:, None] >> np.arange(n_units) & 1).astype(np.float64)
        return
    rng = np.random.default_rng(seed)
    for first in range(0, n_permutations, step):
        yield rng.integers(0, 2, (min(step, n_permutations - first), n_units)).astype(np.float64)


def holm(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """P-values corrected for their number by Holm's step-down method; NaN stay and do not count.

    Examples:
        >>> import numpy as np
        >>> from densa.metrics import intervals
        >>> intervals.holm(np.array([0.01, 0.04, 0.03])).round(3).tolist()
        [0.03, 0.06, 0.06]
    """
    out = np.full(p.shape, np.nan)
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known], kind="stable")]
    steps = p[order] * np.arange(len(order), 0, -1)
    out[order] = np.minimum(1, np.maximum.accumulate(steps))
    return out
