"""Whether another version of densa gives the same results, byte for byte: weights, label maps, regions, metrics.

    python benchmarks/same_results.py OTHER_CHECKOUT [--work FOLDER]

Runs the same commands with this checkout and with the other one, and compares the files. Models are trained with both
and compared by their weights; predictions and evaluations of both use the models of the other version, so that the
files are equal to the last byte, tags included.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import rasterio
from PIL import Image
from rasterio.transform import from_origin
from scipy import ndimage
from skimage import data as photographs

HERE = Path(__file__).resolve().parents[1]
QUICK = "--steps 4 --patch-size 64 --batch-size 2 --precision float32 --device cpu"
TRAININGS = {
    "unet": f"--model unet --width 4 {QUICK} --class-weights median-frequency --elastic 5",
    "segnet": f"--model segnet --width 2 {QUICK} --optimizer sgd --border-weight 2",
    "bayesian": f"--model bayesian-segnet --width 2 {QUICK} --ema-decay 0.9",
    "largefov": f"--model deeplab-largefov --width 2 {QUICK} --recipe paper",
    "dilated": f"--model dilated6 --width 4 {QUICK} --context uniform:25-50 --sampling anchors",
    "pixel-forest": "--model pixel-forest --trees 10 --samples 2000",
    "pixel-boosting": "--model pixel-boosting --trees 10 --samples 2000",
    "region-forest": "--model region-forest --trees 10 --samples 500",
    "structured-forest": "--model structured-forest --trees 3 --samples 1000",
}
PREDICTIONS = {
    "plain": "unet {scene} --tile-size 128 --probabilities --uncertainty --polygons geojson --overlay",
    "whole": "unet {scene} --probabilities",
    "blended": "unet {scene} --blend hann --tile-size 128",
    "flips": "segnet {scene} --tta all",
    "samples": "bayesian {scene} --samples 2 --uncertainty",
    "crf": "unet {photo} --crf-parameters pydensecrf",
    "workers": "unet {scene} --tile-size 128 --workers 2 --polygons fgb --min-area 200 --simplify 1",
    "patches": "dilated {scene} --context paper",
    "pixels": "pixel-forest {scene} --tile-size 100",
    "boosting": "pixel-boosting {photo}",
    "superpixels": "region-forest {scene}",
    "structured": "structured-forest {photo}",
}
REGIONS = {
    "slic": "{scene} --method slic --count 300 --outline {out}/slic.png --statistics {out}/slic.csv",
    "slic-tiles": "{scene} --method slic --count 300 --tile-size 128 --min-size 30 --polygons {out}/slic.geojson",
    "watershed": "{scene} --method watershed --boundaries {out}/watershed-lines.tif",
    "watershed-grid": "{scene} --method watershed --count 200 --sigma 2 --tile-size 128",
    "mean-shift": "{photo} --method mean-shift --min-size 40",
    "normalized-cuts": "{photo} --method normalized-cuts --count 6 --base slic",
    "pixel-cuts": "{small} --method normalized-cuts --count 4",
    "components": "{masks} --method components --connectivity 8",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("other", type=Path, help="checkout of the other version")
    parser.add_argument("--work", type=Path, help="folder of the results; by default a temporary one")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = (arguments.work or Path(temporary)).resolve()
        folders = {"other": arguments.other.resolve(), "this": HERE}
        inputs = make_inputs(work / "inputs")
        for name, checkout in folders.items():
            run_all(checkout, work, work / name, inputs)
        differing = compare(work / "other", work / "this")
    sys.exit(1 if differing else 0)


def make_inputs(folder: Path) -> dict[str, Path]:
    """A georeferenced scene with nodata, photographs, and a data set with masks."""
    rng = np.random.default_rng(0)
    smooth = ndimage.gaussian_filter(rng.standard_normal((3, 300, 420)), (0, 8, 8))
    scene = (128 + 700 * smooth + 12 * rng.standard_normal(smooth.shape)).clip(1, 255).astype(np.uint8)
    labels = (smooth[0] > 0).astype(np.uint8) + (smooth[1] > 0.06)
    paths = {name: folder / f"{name}.tif" for name in ("scene", "masks")}
    paths |= {name: folder / f"{name}.png" for name in ("photo", "small")}
    for split in ("train", "val"):
        for kind in ("images", "masks"):
            (folder / "data" / split / kind).mkdir(parents=True, exist_ok=True)
    for i, split in enumerate(("train", "train", "val")):
        part = np.s_[:, i * 130 : i * 130 + 130]
        Image.fromarray(scene[(slice(None), *part)].transpose(1, 2, 0)).save(
            folder / "data" / split / "images" / f"{i}.png"
        )
        Image.fromarray(labels[part]).save(folder / "data" / split / "masks" / f"{i}.png")
    scene[:, :40, :60] = 0
    profile = {"driver": "GTiff", "height": 300, "width": 420, "crs": "EPSG:32723", "dtype": "uint8"}
    place = {"transform": from_origin(600_000, 7_800_000, 0.5, 0.5)}
    with rasterio.open(paths["scene"], "w", count=3, nodata=0, photometric="RGB", **profile, **place) as file:
        file.write(scene)
    with rasterio.open(paths["masks"], "w", count=1, **profile, **place) as file:
        file.write(labels[None])
    photo = photographs.astronaut()[::2, ::2]
    Image.fromarray(photo).save(paths["photo"])
    Image.fromarray(photo[:100, 60:180]).save(paths["small"])
    return paths | {"data": folder / "data"}


def run_all(checkout: Path, work: Path, out: Path, inputs: dict[str, Path]) -> None:
    """All commands with one version; predictions and evaluations use the models of the other version."""
    for kind in ("runs", "maps", "regions", "numbers"):
        (out / kind).mkdir(parents=True, exist_ok=True)
    places = {name: str(path) for name, path in inputs.items()} | {"out": str(out / "regions")}
    for name, options in TRAININGS.items():
        densa(checkout, f"train {inputs['data']} -o {out}/runs/{name} {options}")
    models = work / "other" / "runs"
    for name, command in PREDICTIONS.items():
        model, *rest = command.format(**places).split(" ")
        densa(checkout, f"predict {models}/{model} {' '.join(rest)} -o {out}/maps/{name}")
    for name, command in REGIONS.items():
        densa(checkout, f"regions {command.format(**places)} -o {out}/regions/{name}.tif")
    for name in ("unet", "pixel-forest"):
        found = densa(checkout, f"evaluate {models}/{name} {inputs['data']} --split val --json --device cpu")
        (out / "numbers" / f"{name}.json").write_text(found)
    (out / "numbers" / "check.txt").write_text(
        densa(
            checkout, f"regions {inputs['scene']} --check {work}/other/regions/slic.tif --predicate range:250", code=2
        )
    )


def densa(checkout: Path, command: str, code: int = 0) -> str:
    environment = os.environ | {"PYTHONPATH": str(checkout / "src"), "OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "2"}
    done = subprocess.run(
        [sys.executable, "-m", "densa", *shlex.split(command)], env=environment, capture_output=True, text=True
    )
    if done.returncode not in (0, code):
        sys.exit(f"{checkout}: densa {command}\n{done.stderr}")
    print(".", end="", flush=True)
    return done.stdout


def compare(one: Path, two: Path) -> int:
    """Print the files that differ, and how many are equal; weights of runs, and all other files."""
    kept = [
        path.relative_to(one) for path in sorted(one.rglob("*")) if path.is_file() and _counts(path.relative_to(one))
    ]
    differing = [path for path in kept if not (two / path).exists() or _hash(one / path) != _hash(two / path)]
    print()
    for kind in ("runs", "maps", "regions", "numbers"):
        files = [path for path in kept if path.parts[0] == kind]
        wrong = [path for path in differing if path.parts[0] == kind]
        print(f"{kind:<8} {len(files) - len(wrong):>3} of {len(files)} files equal byte for byte")
        for path in wrong:
            print(f"  differs: {path}")
    return len(differing)


def _counts(path: Path) -> bool:
    """Of a run, the weights alone: its records hold times and the names of settings."""
    return path.parts[0] != "runs" or path.name == "model.safetensors"


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    main()
