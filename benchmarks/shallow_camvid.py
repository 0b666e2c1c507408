"""Shallow methods on street scenes (CamVid, 11 classes, 360x480): forests and boosting, plain and with CRFs.

    NUMBA_NUM_THREADS=1 OMP_NUM_THREADS=1 python benchmarks/shallow_camvid.py FOLDER [--every 1] [--every-val 1]

FOLDER (or $DENSA_REALDATA/camvid) holds the SegNet authors' `train`, `trainannot`, `val`, `valannot`. Methods are
trained on every `--every`-th image of `train` and measured on every `--every-val`-th of `val`, which comes from a drive
that `train` also has frames of. No depth, no video. Classes are sampled alike; `prior` says how far their frequencies
in the labels come back in: 0 is best for the class average, 1 for the share of correct pixels. CRFs refine the
probabilities of prior 0.5: the pairwise one with contrast weights, the higher-order one with robust P^n potentials of
mean-shift regions besides. Writes a table in Markdown.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from machine import machine
from numpy.typing import NDArray
from realdata import realdata

import densa.datasets
from densa.crf import RegionPotential, grid_crf, region_weights
from densa.metrics import ConfusionMatrix
from densa.regions import mean_shift
from densa.shallow import (
    PixelFeatures,
    RegionFeatures,
    Trees,
    class_factors,
    fit_structured_forest,
    fit_trees,
    sample_pixels,
    sample_regions,
    vote,
)
from densa.training.shallow import Windows

SETS = ("colours", "multi-scale", "surroundings", "position")
KINDS = ("gaussian", "gradient", "structure", "hessian")
PRIORS = (0.0, 0.5, 1.0)
OF_CRF = 0.5  # prior of the probabilities that CRFs refine
PAIRWISE = 1.0
REGION = 0.5  # cost of a mixed region per pixel; a quarter of deviating pixels costs as much as any mixture

METHODS = ("pixel-forest", "pixel-boosting", "region-forest", "region-boosting", "structured-forest")
LECTURE = (
    ("Boosting (Sturgess et al. 2009), lecture, test split", 76.4, 59.8),
    ("Boosting + pairwise CRF, lecture, test split", 79.8, 59.9),
    ("Boosting + higher order, lecture, test split", 83.8, 59.2),
)


Tables = dict[tuple[str, str], ConfusionMatrix]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--every-val", type=int, default=1)
    parser.add_argument("--samples", type=int, default=60_000)
    parser.add_argument("--trees", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--methods", default=",".join(METHODS), help="some of them, with commas between")
    parser.add_argument("--output", type=Path, help="file of the table, written anew after every image")
    arguments = parser.parse_args()
    splits = densa.datasets.open(realdata("camvid", arguments.folder))
    train = replace(splits["train"], samples=splits["train"].samples[:: arguments.every])
    val = replace(splits["val"], samples=splits["val"].samples[:: arguments.every_val])
    pixels = PixelFeatures(SETS, (1.0, 2.0, 4.0, 8.0), KINDS, (12, 40))
    regions = RegionFeatures(pixels, 12)
    models, factors, seconds = fit(train, pixels, regions, arguments)
    tables: Tables = {}
    lines: list[str] = []
    for i in range(len(val)):
        evaluate(val, i, pixels, regions, models, factors, tables)
        lines = report(tables, seconds, len(train), i + 1)
        if arguments.output:
            arguments.output.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


def fit(train: Any, pixels: PixelFeatures, regions: RegionFeatures, arguments: Any) -> Any:
    """Trees of every method, the classes' frequencies, and seconds of each step."""
    n = train.legend.n_classes
    seconds: dict[str, float] = {}
    images = Windows(train)

    def timed(name: str, call: Any) -> Any:
        start = time.perf_counter()
        found = call()
        seconds[name] = time.perf_counter() - start
        print(f"{name}: {seconds[name]:.0f} s", file=sys.stderr, flush=True)
        return found

    count, wanted = arguments.samples, arguments.methods.split(",")
    kinds = {"forest": ("random-forest", arguments.trees), "boosting": ("boosting", arguments.rounds)}
    of: Any = None
    on: Any = None
    if any(not method.startswith("region") for method in wanted):
        of = timed("features of pixels", lambda: sample_pixels(images, pixels, n, n_samples=count, patch_side=11))
    if any(method.startswith("region") for method in wanted):
        on = timed("features of regions", lambda: sample_regions(images, regions, n, n_samples=count))
    models = {}
    for method in wanted:
        unit, _, kind = method.partition("-")
        if unit == "structured":
            models[method] = timed(method, lambda: fit_structured_forest(of.features, of.patches, n, n_trees=8))
            continue
        data, (classifier, trees) = on if unit == "region" else of, kinds[kind]
        fitting = partial(fit_trees, data.features, data.labels, n, classifier, n_trees=trees, min_leaf=3)
        models[method] = timed(method, fitting)
    return models, {prior: class_factors((of or on).counts, prior) for prior in PRIORS}, seconds


def evaluate(
    val: Any,
    i: int,
    pixels: PixelFeatures,
    regions: RegionFeatures,
    models: dict[str, Trees],
    factors: Any,
    tables: Tables,
) -> None:
    """Count image `i` into the confusion matrices of all methods and what follows them."""
    start = time.perf_counter()
    (image, _), target = val.image(i), val.labels(i)
    on_regions = [method.startswith("region") for method in models]
    features = None if all(on_regions) else pixels.compute(image)
    table, labels = regions.compute(image) if any(on_regions) else (None, None)
    shifted = mean_shift(np.ascontiguousarray(image.transpose(1, 2, 0)), 7, 6.5, 60)
    potential = RegionPotential(shifted, region_weights(shifted, 1.0, REGION), 0.25)

    def count(method: str, after: str, probabilities: NDArray[Any]) -> None:
        found = tables.setdefault((method, after), ConfusionMatrix(val.legend.n_classes))
        found.update(target, probabilities.argmax(axis=0).astype(np.uint8))

    for method, trees in models.items():
        if method.startswith("region"):
            even = trees.probabilities(np.ascontiguousarray(table.T))[:, labels - 1]
        elif method.startswith("structured"):
            even = vote(trees, trees.rows(features))
        else:
            even = trees.probabilities(features)
        for prior, of_class in factors.items():
            found = even * of_class.astype(np.float32)[:, None, None]
            found /= np.maximum(found.sum(axis=0), 1e-30)
            count(method, f"prior {prior:g}", found)
            if prior == OF_CRF:
                count(method, "pairwise CRF", grid_crf(found, image, PAIRWISE))
                count(method, "higher-order CRF", grid_crf(found, image, PAIRWISE, regions=potential))
    print(f"image {i + 1} of {len(val)}: {time.perf_counter() - start:.1f} s", file=sys.stderr, flush=True)


def report(tables: Any, seconds: dict[str, float], n_train: int, n_val: int) -> list[str]:
    lines = [
        f"{machine()}  ",
        f"`{' '.join(['python', *sys.argv])}`  ",
        f"Trained on {n_train} of 367 images, measured on {n_val} of 101 of `val`; global and class average (%).",
        "",
        "| method | after it | global | class average | mean IoU |",
        "| --- | --- | --- | --- | --- |",
    ]
    for (method, after), table in tables.items():
        scores = table.summary()
        numbers = (scores.global_accuracy, scores.class_average, scores.mean_iou)
        lines.append(f"| {method} | {after} | {' | '.join(f'{100 * v:.1f}' for v in numbers)} |")
    lines += [f"| {name} | | {overall} | {average} | |" for name, overall, average in LECTURE]
    lines += ["", "Seconds to train: " + ", ".join(f"{name} {value:.0f}" for name, value in seconds.items()) + "."]
    return lines


if __name__ == "__main__":
    main()
