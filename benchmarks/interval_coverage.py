"""Coverage of the 95 % intervals: the share of simulated evaluations whose intervals hold the true scores.

Images: 3 classes whose shares and accuracies differ from image to image, so that the errors of an image are correlated;
of equal sizes, of very different ones, and of a model that is nearly always right. The true scores are those of the
infinite population, of 400 000 images. Scenes: one image whose classes and errors are random fields, cut into blocks by
the measured range of the errors; the true scores follow from the probabilities of the fields.

python benchmarks/interval_coverage.py --trials 2000
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from densa.metrics.intervals import UnitSums, UnitTable, intervals_of, resample
from densa.metrics.intervals.sums import Columns, numbers_of, scores_of, sizes_of

sys.path.insert(0, str(Path(__file__).parent))
from machine import machine

N_CLASSES = 3
COLUMNS = Columns(N_CLASSES)
NUMBERS = numbers_of(N_CLASSES)
SHOWN = {
    "global accuracy": [("global_accuracy", None)],
    "mean IoU": [("mean_iou", None)],
    "class average": [("class_average", None)],
    "IoU of a class": [("iou", k) for k in range(N_CLASSES)],
    "F1 of a class": [("f1", k) for k in range(N_CLASSES)],
}
RESAMPLES = 2000
Array = NDArray[np.float64]


def images(
    rng: np.random.Generator, n: int, *, spread: float = 0.0, odds: tuple[float, ...] = (2.2, 1.5, 0.8)
) -> Array:
    """(n, width) sums of images; `spread` of the logarithms of their sizes, `odds` (log) of a right pixel by class."""
    sums = np.zeros((n, COLUMNS.width))
    size = 4000 * rng.lognormal(0, spread, n)
    target = np.floor(size[:, None] * rng.dirichlet((6.0, 3.0, 1.5), n))
    logits = np.array(odds) + rng.normal(0, 0.9, (n, 1)) + rng.normal(0, 0.5, (n, N_CLASSES))
    right = np.floor(target / (1 + np.exp(-logits)))
    wrong = target - right
    taken_for = np.floor(wrong * rng.beta(2, 2, (n, 1)))  # the next class; the rest for the one after it
    predicted = right + np.roll(taken_for, 1, 1) + np.roll(wrong - taken_for, 2, 1)
    total = target.sum(1, keepdims=True)
    sums[:, : COLUMNS.n_pixel_columns] = np.hstack(
        [right, target, predicted, total, total, 0 * total, total, 0 * total]
    )
    return sums


def table_of(sums: Array) -> UnitTable:
    """Images as units."""
    return UnitTable("image", tuple(map(str, range(len(sums)))), sums, N_CLASSES)


def field(rng: np.random.Generator, side: int, length: float) -> Array:
    """A Gaussian random field of mean 0 and variance 1 whose correlation has the given length in pixels."""
    frequencies = np.fft.fftfreq(side)[:, None] ** 2 + np.fft.rfftfreq(side)[None] ** 2
    shape = np.exp(-2 * (np.pi * length) ** 2 * frequencies)
    found = np.fft.irfft2(np.fft.rfft2(rng.standard_normal((side, side))) * shape, (side, side))
    power = np.fft.irfft2(shape**2, (side, side))[0, 0]
    return np.asarray(found / np.sqrt(power))


SHARES, ACCURACIES = np.array([0.5, 0.3, 0.2]), np.array([0.9, 0.8, 0.7])


def scene(rng: np.random.Generator, side: int, length: float) -> UnitTable:
    """The blocks of one scene, as densa cuts it; errors correlate over about three lengths."""
    target = np.searchsorted(ndtri(np.cumsum(SHARES)[:-1]), field(rng, side, 2 * length)).astype(np.uint8)
    wrong = field(rng, side, length) > ndtri(ACCURACIES)[target]
    other = 1 + (field(rng, side, length) > 0)
    predicted = np.where(wrong, (target + other) % N_CLASSES, target).astype(np.uint8)
    sums = UnitSums(N_CLASSES)
    sums.add(target, predicted, image="scene")
    return sums.table()


def true_scores_of_scenes() -> Array:
    """The scores of an infinite scene."""
    wrong = SHARES * (1 - ACCURACIES) / 2
    matrix = np.diag(SHARES * ACCURACIES) + np.where(np.eye(N_CLASSES), 0, wrong[:, None])
    row = np.hstack([np.diagonal(matrix), matrix.sum(1), matrix.sum(0), 1, 1, 0, 1, 0, np.zeros(2 * N_CLASSES + 2)])
    return scores_of(row, N_CLASSES, "skip")


def covered(table: UnitTable, truth: Array, seed: int) -> tuple[Array, Array]:
    """Whether the BCa and the percentile interval of each score hold the true one; NaN where there is no interval."""
    drawn = resample(
        table.sums,
        lambda sums: scores_of(sums, N_CLASSES, "skip"),
        RESAMPLES,
        sizes=sizes_of(table.sums, N_CLASSES),
        neighbours=table.neighbours,
        seed=seed,
    )
    found = intervals_of(drawn)
    ends = [(i.low, i.high, *i.percentile) if i else (np.nan,) * 4 for i in found]
    low, high, low_p, high_p = np.array(ends).T
    none = np.isnan(low)
    inside = (low <= truth) & (truth <= high), (low_p <= truth) & (truth <= high_p)
    return np.where(none, np.nan, inside[0]), np.where(none, np.nan, inside[1])


def row(name: str, n_units: str, draw: Callable[[], UnitTable], truth: Array, trials: int) -> str:
    """A row of the table: coverage in per cent, BCa and percentile, by score."""
    results = [covered(draw(), truth, trial) for trial in range(trials)]
    cells = []
    for numbers in SHOWN.values():
        places = [NUMBERS.index(number) for number in numbers]
        shares = [100 * np.nanmean([result[method][places] for result in results]) for method in (0, 1)]
        cells.append(f"{shares[0]:.1f} / {shares[1]:.1f}")
    return f"| {name} | {n_units} | {' | '.join(cells)} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=2000)
    parser.add_argument("--scenes", type=int, default=400, help="trials of scenes, which take longer")
    given = parser.parse_args()
    command = f"python benchmarks/interval_coverage.py --trials {given.trials} --scenes {given.scenes}"
    print(f"# Coverage of the 95 % intervals\n\n`{command}`. {machine()}\n")
    print(f"In per cent, BCa / percentile; {given.trials} trials (of scenes {given.scenes}), {RESAMPLES} resamples.\n")
    print(f"| world | units | {' | '.join(SHOWN)} |\n| --- | ---: | {' | '.join('---:' for _ in SHOWN)} |", flush=True)
    worlds: dict[str, dict[str, object]] = {
        "images of one size": {},
        "images of 1 to 10 times the size": {"spread": 0.6},
        "nearly always right": {"odds": (4.0, 3.5, 3.0)},
    }
    for name, options in worlds.items():
        truth = scores_of(images(np.random.default_rng(1), 400_000, **options).sum(0), N_CLASSES, "skip")  # type: ignore[arg-type]
        for n in (5, 10, 20, 50, 100):
            rng = np.random.default_rng(n)
            print(row(name, str(n), lambda: table_of(images(rng, n, **options)), truth, given.trials), flush=True)  # type: ignore[arg-type]  # noqa: B023
    truth = true_scores_of_scenes()
    for side, length in ((256, 20.0), (256, 12.0), (256, 6.0), (512, 6.0)):
        rng, numbers = np.random.default_rng(side), list[int]()

        def draw() -> UnitTable:
            table = scene(rng, side, length)  # noqa: B023
            numbers.append(table.number)  # noqa: B023
            return table

        text = row(f"a scene of {side} px, length {length:g}", "{}", draw, truth, given.scenes)
        print(text.replace("{}", f"{np.mean(numbers):.0f}"), flush=True)


if __name__ == "__main__":
    main()
