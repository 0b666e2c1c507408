"""Membranes in electron microscopy (ISBI 2012), the U-Net paper's first data set: pixel error after 15 minutes.

python benchmarks/isbi2012.py FOLDER [--minutes 15] [--output RUN]

FOLDER (or $DENSA_REALDATA/isbi2012) holds `images/` and `masks/` (0 membrane, 255 cell) of 20 slices, `00.png` to
`19.png`. The first 16 train, the last 4 validate: neighbouring slices look alike, so the validation slices are not
chosen from between those of training.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
from pathlib import Path

import numpy as np
import torch
from machine import machine
from realdata import realdata

import densa.datasets
from densa.datasets import Dataset, SplitRule
from densa.legend import Legend
from densa.networks import build
from densa.segmenter import Architecture, Segmenter, load_network_segmenter
from densa.training import Augmentation, train

VALIDATION = ("16", "17", "18", "19")
WIDTH = 16
SETTINGS = {
    "patch_size": 256,
    "batch_size": 2,
    "optimizer": "adamw",
    "learning_rate": 2e-3,
    "schedule": "cosine",
    "warmup": 0.05,
    "ema_decay": 0.98,
    "seed": 0,
}
AUGMENTATION = Augmentation.flips(
    flip_rows=True, flip_columns=True, quarter_turns=True, elastic=10.0, gain=0.2, offset=0.2, gamma=0.2
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--output", type=Path, help="run folder; by default a temporary one")
    arguments = parser.parse_args()
    folder = realdata("isbi2012", arguments.folder)
    print(machine())
    splits = densa.datasets.open(
        folder, legend=Legend(("membrane", "cell"), codes=(0, 255)), split=SplitRule(val_groups=VALIDATION)
    )
    with tempfile.TemporaryDirectory() as temporary:
        run = arguments.output or Path(temporary) / "run"
        architecture = Architecture("unet", {"width": WIDTH})
        torch.manual_seed(0)
        result = train(
            build("unet", 1, 2, width=WIDTH),
            splits["train"],
            splits["val"],
            run,
            architecture=architecture,
            minutes=arguments.minutes,
            augmentation=AUGMENTATION,
            **SETTINGS,
        )
        print(f"\n{result.steps} steps in {result.seconds / 60:.1f} minutes; the model is of step {result.best_step}\n")
        print_curve(run / "metrics.csv")
        error, membrane = pixel_errors(load_network_segmenter(run, build), splits["val"])
    print(f"\npixel error of the model on the 4 validation slices: {error:.4f}")
    print(f"1 - F1 of membrane alone, at its best threshold: {membrane:.4f}")


def print_curve(file: Path) -> None:
    """Pixel error (1 - global accuracy) at each validation."""
    print("| minutes | steps | training loss | pixel error |\n| --- | --- | --- | --- |")
    with file.open(newline="", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            if row["global_accuracy"]:
                error = 1 - float(row["global_accuracy"])
                print(f"| {float(row['seconds']) / 60:.1f} | {row['step']} | {row['loss']} | {error:.4f} |")


def pixel_errors(segmenter: Segmenter, dataset: Dataset) -> tuple[float, float]:
    """Share of wrong pixels, and 1 - the largest F1 of membrane over thresholds of its probability."""
    probability, membrane = [], []
    for i in range(len(dataset)):
        probability.append(segmenter.probabilities(*dataset.image(i))[0].ravel())
        membrane.append(dataset.labels(i).ravel() == 0)
    p, target = np.concatenate(probability), np.concatenate(membrane)
    thresholds = np.linspace(0, 1, 101)
    found = [p > threshold for threshold in thresholds]
    f1 = [2 * (f & target).sum() / max(f.sum() + target.sum(), 1) for f in found]
    return float(((p > 0.5) != target).mean()), float(1 - max(f1))


if __name__ == "__main__":
    main()
