"""A generated aerial scene of any size, predicted within a memory budget and judged by its exact truth.

python benchmarks/large_rasters.py [--height 100000] [--width 20000] [--memory 2GB] [--polygons gpkg] [--folder FOLDER]

A small U-Net is trained on other scenes (other seeds). The scene is written by windows; `densa predict` runs in a
process of its own, first with --dry-run, then in earnest; its peak is what the system says (ru_maxrss) or the most that
was seen, ten times a second. Accuracy is counted strip by strip against the truth. FOLDER keeps all files.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import torch
from engine_memory import ONE
from machine import load, machine
from rasterio.windows import Window

from densa.datasets import Dataset, Sample
from densa.datasets.synthetic import SCENE, write_scene
from densa.engine import parse_bytes
from densa.metrics import ConfusionMatrix
from densa.networks import build
from densa.segmenter import Architecture
from densa.training import Augmentation, train

TRAINING_SEEDS, SIDE = (1, 2, 3, 4), 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--height", type=int, default=100_000)
    parser.add_argument("--width", type=int, default=20_000)
    parser.add_argument("--memory", default="2GB")
    parser.add_argument("--network-width", type=int, default=8)
    parser.add_argument("--minutes", type=float, default=5, help="of training")
    parser.add_argument("--polygons", help="gpkg, geojson or fgb")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--train-only", action="store_true")
    arguments = parser.parse_args()
    print(machine(), "\n", flush=True)
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        model = folder / "model"
        if not (model / "model.json").exists():
            learn(model, folder / "training", arguments.network_width, arguments.minutes)
        if arguments.train_only:
            return
        scene = folder / f"scene_{arguments.height}x{arguments.width}"
        if not (scene / "legend.json").exists():
            started = time.perf_counter()
            write_scene(scene, arguments.height, arguments.width, overwrite=True)
            print(f"scene written in {time.perf_counter() - started:.0f} s", flush=True)
        size = (scene / "image.tif").stat().st_size
        print(f"{arguments.height} x {arguments.width}, {size / 1e9:.2f} GB on the disk")
        options = ["--memory", arguments.memory, "--device", "cpu", "--precision", arguments.precision, "--json"]
        options += ["--polygons", arguments.polygons] if arguments.polygons else []
        command = [model, scene / "image.tif", "-o", scene / "map.tif", "--overwrite", *options]
        estimated = run([*command, "--dry-run"], scene)
        happened = run(command, scene)
        print_comparison(estimated, happened, parse_bytes(arguments.memory))
        for file in sorted(scene.glob("map*")):
            print(f"{file.name}: {file.stat().st_size / 1e6:.1f} MB")
        print_accuracy(scene)


def learn(model: Path, folder: Path, width: int, minutes: float) -> None:
    """Train on small scenes of other seeds."""
    samples = []
    for seed in TRAINING_SEEDS:
        place = write_scene(folder / str(seed), SIDE, SIDE, seed=seed, overwrite=True)
        samples.append(Sample(str(seed), place / "image.tif", place / "labels.tif", str(seed)))
    torch.manual_seed(0)
    started = time.process_time()
    result = train(
        build("unet", 3, SCENE.n_classes, width=width),
        Dataset(tuple(samples), SCENE),
        None,
        model,
        architecture=Architecture("unet", {"width": width}),
        minutes=minutes,
        patch_size=256,
        batch_size=2,
        learning_rate=3e-3,
        ema_decay=0.98,
        class_weights="tempered",
        augmentation=Augmentation.flips(quarter_turns=True),
        progress=False,
        overwrite=True,
    )
    used = (time.process_time() - started) / 60
    print(f"U-Net of width {width}: {result.steps} steps, {used:.1f} minutes of processor time", flush=True)


def run(command: list[Any], scene: Path) -> dict[str, Any]:
    """`densa predict` in a process of its own: its JSON, seconds, peak memory, and the most disk that it took."""
    before, most, seen = used_bytes(scene), 0, 0
    started = time.perf_counter()
    with tempfile.TemporaryFile("w+") as output:
        child = subprocess.Popen([sys.executable, "-c", ONE, "predict", *map(str, command)], stdout=output)
        while child.poll() is None:
            most = max(most, used_bytes(scene) - before)
            seen = max(seen, resident_bytes(child.pid))
            time.sleep(0.1)
        wall = time.perf_counter() - started
        if child.returncode:
            raise SystemExit(f"densa predict ended with {child.returncode}")
        output.seek(0)
        said, _, peak = output.read().rpartition("peak")
    return json.loads(said)[0] | {"wall": wall, "peak": max(int(peak), seen), "disk": most, "load": load()}


def resident_bytes(process: int) -> int:
    """Bytes that a process holds now; densa resets the system's own peak while it tries the model."""
    try:
        for line in Path(f"/proc/{process}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return 1024 * int(line.split()[1])
    except OSError:
        pass
    return 0


def used_bytes(folder: Path) -> int:
    """Bytes of the files of a folder, some of which may vanish meanwhile."""
    total = 0
    for file in folder.rglob("*"):
        try:
            total += file.stat().st_size
        except FileNotFoundError:
            continue
    return total


def print_comparison(estimated: dict[str, Any], happened: dict[str, Any], budget: int) -> None:
    pixels = happened["height"] * happened["width"]
    print(
        f"{estimated['tiles']} tiles of {estimated['tile_size']} px, halo {estimated['halo']} px, "
        f"{estimated['overhead']:.1%} computed twice; the dry run took {estimated['wall']:.0f} s\n"
    )
    print("| | estimated | happened | estimated / happened |\n| --- | --- | --- | --- |")
    for name, guess, fact, unit, scale in (
        ("time", estimated["seconds"], happened["wall"], "s", 1),
        ("disk at the most", estimated["disk_bytes"], happened["disk"], "MB", 1e6),
        ("peak memory", estimated["memory_bytes"], happened["peak"], "MB", 1e6),
    ):
        print(f"| {name} | {guess / scale:.0f} {unit} | {fact / scale:.0f} {unit} | {guess / max(fact, 1):.2f} |")
    print(
        f"\n{pixels / happened['wall'] / 1e6:.2f} Mpixel/s; peak {happened['peak'] / budget:.1%} of the budget; load "
        f"{estimated['load']} after the dry run, {happened['load']} after the prediction\n",
        flush=True,
    )


def print_accuracy(scene: Path) -> None:
    """The map beside the truth, in strips."""
    confusion = ConfusionMatrix(SCENE.n_classes)
    with rasterio.open(scene / "labels.tif") as truth, rasterio.open(scene / "map.tif") as made:
        for row in range(0, truth.height, 512):
            strip = Window(0, row, truth.width, min(512, truth.height - row))
            confusion.update(truth.read(1, window=strip), made.read(1, window=strip))
    scores = confusion.summary()
    print("\n| class | IoU | share |\n| --- | --- | --- |")
    shares = confusion.matrix.sum(axis=1) / np.maximum(confusion.matrix.sum(), 1)
    for name, iou, share in zip(SCENE.class_names, scores.iou, shares, strict=True):
        print(f"| {name} | {iou:.3f} | {share:.2%} |")
    print(f"| **mean** | **{scores.mean_iou:.3f}** | |\n\nglobal accuracy {scores.global_accuracy:.4f}")


if __name__ == "__main__":
    main()
