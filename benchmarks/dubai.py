"""Aerial tiles (Dubai, MBRSC): a U-Net trained on tiles 1-6, tile 8 stitched to 6447x4438 and predicted by the engine.

python benchmarks/dubai.py FOLDER [--minutes 15] [--output OUT] [--precision auto] [--memory 2GB]

FOLDER (or $DENSA_REALDATA/dubai) holds `Tile 1` to `Tile 6` and `Tile 8`, each cut 3x3. The parts are put together
again, so that the split is by tile. The network is trained at half the resolution; the engine predicts the full one,
reducing and enlarging inside every tile (`Augmented`, one scale). OUT keeps the run, the map and a picture of it.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch
from machine import machine
from numpy.typing import NDArray
from PIL import Image
from realdata import realdata

import densa.datasets
from densa import raster
from densa.engine import PredictionFiles, Work, parse_bytes, predict_to_file
from densa.legend import IGNORE, Legend
from densa.metrics import ConfusionMatrix, Summary
from densa.networks import build
from densa.segmenter import Architecture, Augmented, load_network_segmenter
from densa.segmenter.resampling import resample
from densa.training import Augmentation, train

LEGEND = Legend(
    ("building", "land", "road", "vegetation", "water"),
    ((0x3C, 0x10, 0x98), (0x84, 0x29, 0xF6), (0x6E, 0xC1, 0xE4), (0xFE, 0xDD, 0x3A), (0xE2, 0xA9, 0x29)),
    ignored_colors=((0x9B, 0x9B, 0x9B), (0, 0, 0)),
)
TRAIN, TEST = (1, 2, 3, 4, 5, 6), 8
HALF = Fraction(1, 2)
WIDTH = 16
SETTINGS: dict[str, Any] = {
    "patch_size": 256,
    "batch_size": 2,
    "optimizer": "adamw",
    "learning_rate": 2e-3,
    "weight_decay": 1e-2,
    "schedule": "cosine",
    "warmup": 0.05,
    "class_weights": "tempered",
    "ema_decay": 0.98,
    "seed": 0,
}
AUGMENTATION = Augmentation.flips(
    quarter_turns=True, scale=0.25, gain=0.2, offset=0.2
)  # and flips, which are the default


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--output", type=Path, help="keeps run and map; a run that is there is not trained anew")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--memory", help="budget of the prediction, as 2GB")
    parser.add_argument("--predict-only", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.predict_only:
        predict(arguments.output, arguments.precision, arguments.memory)
        return
    folder = realdata("dubai", arguments.folder)
    print(machine())
    with tempfile.TemporaryDirectory() as temporary:
        output = arguments.output or Path(temporary)
        if not (output / "data" / "legend.json").exists():
            put_together(folder, output)
        if not (output / "run" / "model.json").exists():
            learn(output, arguments.minutes)
        # A process of its own, so that its peak memory is that of the prediction.
        command = [sys.executable, __file__, "--predict-only", "--output", output, "--precision", arguments.precision]
        command += ["--memory", arguments.memory] if arguments.memory else []
        subprocess.run(list(map(str, command)), check=True)
        show(output)


def put_together(folder: Path, output: Path) -> None:
    """Tiles 1-6 at half the resolution as a data set, tile 8 at its own."""
    data = output / "data"
    for kind in ("images", "masks"):
        (data / "train" / kind).mkdir(parents=True, exist_ok=True)
    for tile in TRAIN:
        image, labels = stitched(folder / f"Tile {tile}")
        height, width = (side // 2 * 2 for side in labels.shape)
        halved = resample(image[:, :height, :width], HALF).round().astype(np.uint8)
        raster.write_bands(data / "train" / "images" / f"tile{tile}.tif", halved, overwrite=True)
        mask = labels[:height:2, :width:2]
        raster.write_label_map(data / "train" / "masks" / f"tile{tile}.tif", mask, LEGEND, overwrite=True)
    image, labels = stitched(folder / f"Tile {TEST}")
    raster.write_bands(output / "tile8.tif", image, overwrite=True)
    raster.write_label_map(output / "truth8.tif", labels, LEGEND, overwrite=True)
    (data / "legend.json").write_text(json.dumps({"classes": LEGEND.to_dict()["classes"], "ignore": IGNORE}))


def stitched(folder: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """(3, h, w) image and (h, w) labels of the 3x3 parts; masks are colours or palettes of them."""
    images, labels = [], []
    for row in range(3):
        parts = [f"image_part_{3 * row + column + 1:03d}" for column in range(3)]
        images.append(np.hstack([np.asarray(Image.open(folder / "images" / f"{part}.jpg")) for part in parts]))
        masks = [np.asarray(Image.open(folder / "masks" / f"{part}.png").convert("RGB")) for part in parts]
        labels.append(np.hstack([LEGEND.labels_of_colors(mask) for mask in masks]))
    return np.ascontiguousarray(np.moveaxis(np.vstack(images), 2, 0)), np.vstack(labels)


def learn(output: Path, minutes: float) -> None:
    dataset = densa.datasets.open(output / "data")["train"]
    torch.manual_seed(0)
    before = time.process_time()
    result = train(
        build("unet", 3, LEGEND.n_classes, width=WIDTH),
        dataset,
        None,
        output / "run",
        architecture=Architecture("unet", {"width": WIDTH}),
        minutes=minutes,
        augmentation=AUGMENTATION,
        progress=False,
        overwrite=True,
        **SETTINGS,
    )
    print(f"unet of width {WIDTH} at half the resolution, {SETTINGS}, {AUGMENTATION}")
    print(
        f"{result.steps} steps in {result.seconds / 60:.1f} minutes, {(time.process_time() - before) / 60:.1f} minutes "
        f"of processor time with {torch.get_num_threads()} threads; no validation, the last weights are kept",
        flush=True,
    )


def predict(output: Path, precision: str, memory: str | None) -> None:
    """Predict tile 8 and say how good the map is, how long it took and what it needed."""
    network = load_network_segmenter(output / "run", build, precision=precision)
    segmenter = Augmented(network, flips=(), quarter_turns=False, scales=(HALF,))
    started, used = time.perf_counter(), time.process_time()
    with raster.open(output / "tile8.tif") as image:
        work = Work(memory=parse_bytes(memory) if memory else None, overwrite=True)
        predict_to_file(segmenter, image, PredictionFiles(output / "map8.tif"), work)
    seconds, used = time.perf_counter() - started, time.process_time() - used
    peak = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(
        f"\npredicted in {seconds:.1f} s ({used:.1f} s of processor time, {torch.get_num_threads()} threads), ", end=""
    )
    print(f"precision {network.dtype}, halo {segmenter.halo} px, peak {peak / 1e6:.0f} MB; {machine()}\n")
    confusion = ConfusionMatrix(LEGEND.n_classes)
    target = raster.read_mask(output / "truth8.tif")
    confusion.update(target, raster.read_mask(output / "map8.tif"))
    print_scores(confusion.summary())
    print(f"\n{(target == IGNORE).mean():.2%} of the pixels are not labelled and left out", flush=True)


def print_scores(scores: Summary) -> None:
    print("| class | IoU | accuracy |\n| --- | --- | --- |")
    for name, iou, accuracy in zip(LEGEND.class_names, scores.iou, scores.accuracy, strict=True):
        print(f"| {name} | {iou:.3f} | {accuracy:.3f} |")
    print(f"| **mean** | **{scores.mean_iou:.3f}** | {scores.class_average:.3f} |")
    print(f"\nglobal accuracy {scores.global_accuracy:.3f}")


def show(output: Path) -> None:
    """tile8.png: image, truth and map side by side, an eighth of the size."""
    palette = LEGEND.palette()
    with raster.open(output / "tile8.tif") as image:
        small, _ = raster.overview(image, image.width // 8)
    pictures = [np.moveaxis(small, 0, 2).round().astype(np.uint8)]
    pictures += [palette[raster.read_mask(output / name)[::8, ::8]] for name in ("truth8.tif", "map8.tif")]
    height, width = (min(picture.shape[axis] for picture in pictures) for axis in (0, 1))
    side_by_side = np.hstack([picture[:height, :width, :3] for picture in pictures])
    raster.write_picture(output / "tile8.png", side_by_side, overwrite=True)


if __name__ == "__main__":
    main()
