"""Street scenes (CamVid, 11 classes, 360x480): mean IoU on `val` after 30 minutes of training from nothing.

python benchmarks/camvid.py FOLDER [--minutes 30] [--output RUN]

FOLDER (or $DENSA_REALDATA/camvid) holds the SegNet authors' `train`, `trainannot`, `val`, `valannot`. While it trains,
every tenth image of `val` shows the progress; the table at the end is over all 101, of the model at the end.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from machine import machine
from realdata import realdata

import densa.datasets
from densa.metrics import Summary
from densa.networks import build
from densa.segmenter import Architecture, load_network_segmenter
from densa.training import Augmentation, train
from densa.training.loop.validation import validate

WIDTH = 16
SETTINGS: dict[str, Any] = {
    "patch_size": 256,
    "batch_size": 2,
    "optimizer": "adamw",
    "learning_rate": 2e-3,
    "weight_decay": 1e-2,
    "schedule": "cosine",
    "warmup": 0.05,
    "class_weights": "median-frequency",
    "ema_decay": 0.99,
    "seed": 0,
}
AUGMENTATION = Augmentation.flips(flip_rows=False, flip_columns=True, scale=0.5, gain=0.2, offset=0.2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--steps", type=int, help="stop after so many steps, to compare settings")
    parser.add_argument("--output", type=Path, help="run folder; by default a temporary one")
    parser.add_argument("--network", default="unet")
    parser.add_argument("--width", type=int, default=WIDTH)
    for name, value in SETTINGS.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value)
    arguments = parser.parse_args()
    folder = realdata("camvid", arguments.folder)
    print(machine())
    splits = densa.datasets.open(folder)
    dataset, held_out = splits["train"], splits["val"]
    settings = {name: getattr(arguments, name) for name in SETTINGS}
    n_classes = dataset.legend.n_classes
    with tempfile.TemporaryDirectory() as temporary:
        run = arguments.output or Path(temporary) / "run"
        torch.manual_seed(0)
        result = train(
            build(arguments.network, 3, n_classes, width=arguments.width),
            dataset,
            replace(held_out, samples=held_out.samples[::10]),
            run,
            architecture=Architecture(arguments.network, {"width": arguments.width}),
            steps=arguments.steps,
            minutes=arguments.minutes,
            augmentation=AUGMENTATION,
            **settings,
        )
        print(f"\n{arguments.network} of width {arguments.width}, {settings}, {AUGMENTATION}")
        print(f"{result.steps} steps in {result.seconds / 60:.1f} minutes; the model is of step {result.best_step}\n")
        print_curve(run / "metrics.csv")
        started = time.perf_counter()
        scores = validate(load_network_segmenter(run, build), held_out).summary()
    print(f"\nall {len(held_out)} images of val, predicted in {time.perf_counter() - started:.0f} s\n")
    print_scores(scores, dataset.legend.class_names)


def print_curve(file: Path) -> None:
    """Scores of every validation."""
    print("| minutes | steps | training loss | global accuracy | class average | mean IoU |")
    print("| --- | --- | --- | --- | --- | --- |")
    with file.open(newline="", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            if row["mean_iou"]:
                scores = " | ".join(row[name] for name in ("loss", "global_accuracy", "class_average", "mean_iou"))
                print(f"| {float(row['seconds']) / 60:.1f} | {row['step']} | {scores} |")


def print_scores(scores: Summary, names: tuple[str, ...]) -> None:
    """The table of the final model."""
    print("| class | IoU | accuracy |\n| --- | --- | --- |")
    for name, iou, accuracy in zip(names, scores.iou, scores.accuracy, strict=True):
        print(f"| {name} | {iou:.3f} | {accuracy:.3f} |")
    print(f"| **mean** | **{scores.mean_iou:.3f}** | {scores.class_average:.3f} |")
    print(
        f"\nglobal accuracy {scores.global_accuracy:.3f}; void pixels: {scores.void}; absent classes: {scores.absent}"
    )


if __name__ == "__main__":
    main()
