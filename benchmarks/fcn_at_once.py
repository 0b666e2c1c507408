"""FCN-8s all at once with batch normalisation: factors of pool4 and pool3, compared on street scenes (CamVid).

python benchmarks/fcn_at_once.py FOLDER [--steps 100] [--seeds 3] [--width 8]

The paper scales pool4 by 0.01 and pool3 by 0.0001 before their scores, for features of a VGG-16 without normalisation.
FOLDER (or $DENSA_REALDATA/camvid) holds the SegNet authors' `train`, `trainannot`, `val`, `valannot`. Every pair of
factors trains with the same first weights and patches per seed, on one core; scores are of every tenth image of `val`.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from machine import machine
from realdata import realdata

import densa.datasets
from densa.networks import build
from densa.segmenter import Architecture
from densa.training import Augmentation, train

FACTORS = ((0.01, 0.0001), (0.1, 0.01), (1.0, 1.0))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--width", type=int, default=8)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    splits = densa.datasets.open(realdata("camvid", arguments.folder))
    dataset, held_out = splits["train"], splits["val"]
    held_out = replace(held_out, samples=held_out.samples[::10])
    print(machine())
    print("\n| pool4, pool3 | mean IoU of each seed | mean | processor s |\n| --- | --- | ---: | ---: |", flush=True)
    own = {"width": arguments.width, "at_once": True}
    for factors in FACTORS:
        scores, started = [], time.process_time()
        for seed in range(arguments.seeds):
            torch.manual_seed(seed)
            network = build("fcn8s", 3, dataset.legend.n_classes, **own)
            network.scales = factors
            with tempfile.TemporaryDirectory() as temporary:
                result = train(
                    network, dataset, held_out, Path(temporary) / "run", architecture=Architecture("fcn8s", own),
                    steps=arguments.steps, validate_every=arguments.steps, patch_size=160, batch_size=2, seed=seed,
                    augmentation=Augmentation.flips(flip_rows=False), progress=False, device="cpu",
                )  # fmt: skip
            scores.append(result.mean_iou)
        each = ", ".join(f"{score:.3f}" for score in scores)
        used = time.process_time() - started
        print(f"| {factors[0]:g}, {factors[1]:g} | {each} | {np.mean(scores):.3f} | {used:.0f} |", flush=True)


if __name__ == "__main__":
    main()
