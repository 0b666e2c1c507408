"""densa's exact tiles and its blending beside MONAI's SlidingWindowInferer: the same network, weights and image.

pip install monai
python benchmarks/sliding_window_peer.py [--side 4096] [--model FOLDER] [--image FILE]

Every row is a process of its own, from a GeoTIFF to labels: densa writes its Cloud-Optimized GeoTIFF, journal included;
MONAI's labels stay in memory. MONAI is given the network as densa prepares it (batch normalisation folded), so that
only the windows differ. "Whole" is one pass over the whole image; "other size" compares windows of 512 with those of
768. Without --model a U-Net of width 8 is trained for five minutes on other scenes; without --image a scene is made.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from large_rasters import learn
from machine import load, machine
from numpy.typing import NDArray

from densa import raster
from densa.datasets.synthetic import write_scene
from densa.engine import PredictionFiles, Work, predict_to_file
from densa.networks import build
from densa.segmenter import NetworkSegmenter, load_network_segmenter

# program, how, overlap, precision; the windows' sides follow
ROWS = (
    ("whole", "", 0.0, "float32", (0,)),
    ("densa", "exact", 0.0, "float32", (512, 768, 2048)),
    ("densa", "hann", 0.5, "float32", (512, 768)),
    ("MONAI", "gaussian", 0.25, "float32", (512, 768)),
    ("MONAI", "gaussian", 0.5, "float32", (512, 768)),
    ("MONAI", "constant", 0.25, "float32", (512, 768)),
    ("MONAI", "constant", 0.5, "float32", (512, 768)),
    ("densa", "exact", 0.0, "bfloat16", (512, 768, 2048)),
    ("MONAI", "gaussian", 0.25, "bfloat16", (512, 768)),
    ("MONAI", "gaussian", 0.5, "bfloat16", (512, 768)),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=4096)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--image", type=Path)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--labels", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        one(arguments.model, arguments.image, arguments.one, arguments.labels)
        return
    print(machine(), "\n", flush=True)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        model, image = arguments.model, arguments.image
        if model is None:
            model = folder / "model"
            learn(model, folder / "training", 8, 5)
        if image is None:
            image = write_scene(folder / "scene", arguments.side, arguments.side, seed=7) / "image.tif"
        table(model, image, folder)


def table(model: Path, image: Path, folder: Path) -> None:
    print("| program | windows | overlap | precision | s | processor s | peak MB | of it the start | load |", end="")
    print(" differ from whole | from the other size |")
    print("| --- | --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    whole = None
    for program, how, overlap, precision, sides in ROWS:
        first = None
        for side in sides:
            file = folder / "labels.npy"
            case = json.dumps([program, how, overlap, precision, side])
            command = [sys.executable, __file__, "--one", case, "--model", model, "--image", image, "--labels", file]
            done = subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True)
            found, labels = json.loads(done.stdout.splitlines()[-1]), np.load(file)
            whole = labels if program == "whole" else whole
            others = f"{(labels != whole).mean():.4%} | " + (f"{(labels != first).mean():.4%}" if side == 768 else "")
            first = labels if side == 512 else first
            windows = f"{side} {how} | {overlap:.0%}" if side else "|"
            figures = f"{found['s']:.1f} | {found['cpu']:.1f} | {found['peak']:.0f} | {found['start']:.0f} | {load()}"
            print(f"| {program} | {windows} | {precision} | {figures} | {others} |", flush=True)


def one(model: Path, image: Path, case: str, labels: Path) -> None:
    """One row, in this process: prints seconds and memory, writes the labels."""
    program, how, overlap, precision, side = json.loads(case)
    segmenter = load_network_segmenter(model, build, device="cpu", precision=precision)
    if program == "MONAI":
        from monai.inferers import SlidingWindowInferer

        inferer = SlidingWindowInferer(roi_size=(side, side), sw_batch_size=1, overlap=overlap, mode=how)
    start = peak()
    began, used = time.perf_counter(), time.process_time()
    if program == "densa":
        with tempfile.TemporaryDirectory() as temporary, raster.open(image) as opened:
            files = PredictionFiles(Path(temporary) / "map.tif")
            blend = None if how == "exact" else how
            predict_to_file(segmenter, opened, files, Work(tile_size=side), blend=blend, fingerprint="same")
            began, used = time.perf_counter() - began, time.process_time() - used
            most = peak()
            found = raster.read_mask(files.labels)
    else:
        pixels = whole_image(segmenter, image)
        with torch.inference_mode():
            run = segmenter.network if program == "whole" else lambda x: inferer(x, segmenter.network)
            found = run(pixels)[0].argmax(dim=0).to(torch.uint8).numpy()
        began, used = time.perf_counter() - began, time.process_time() - used
        most = peak()
    np.save(labels, found)
    print(json.dumps({"s": began, "cpu": used, "peak": most, "start": start}))


def whole_image(segmenter: NetworkSegmenter, image: Path) -> torch.Tensor:
    """(1, bands, h, w), normalised and of the network's type."""
    with raster.open(image) as opened:
        block: NDArray[np.uint8] = opened.read()[0]
    return segmenter.pixels(block)


def peak() -> float:
    """MB that this process has held at the most."""
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


if __name__ == "__main__":
    main()
