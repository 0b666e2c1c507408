"""Many mixed commands in one process: files, threads and memory must not grow, and nothing may be left behind.

python benchmarks/soak.py --commands 500 --images FOLDER

Every command of a list is run in an order drawn from the seed, on the rasters of FOLDER (photographs and GeoTIFFs; by
default images of scikit-image), with wrong input among them. The table shows what the process holds every 50 commands;
it ends with 1 where a command came to another code than it should, memory grew by more than 100 MB from the first
third to the last, or a descriptor, a thread, a child process or a temporary file is left.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import io
import os
import random
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

from densa import raster
from densa.cli import app
from densa.engine.resources.memory import peak_bytes, resident_bytes
from densa.errors import InputError
from densa.legend import Legend


def memory() -> tuple[int, int]:
    """MB that the process holds now, and at most so far."""
    return resident_bytes() // 2**20, peak_bytes() // 2**20


def descriptors() -> list[str]:
    """What is open, but for the listing itself."""
    names = []
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            names.append(os.readlink(entry))
    return sorted(name for name in names if "/proc/" not in name)


def data_set(folder: Path) -> Path:
    """A small data set of three classes."""
    rng = np.random.default_rng(0)
    for split, count in (("train", 3), ("val", 2)):
        for kind in ("images", "masks"):
            (folder / split / kind).mkdir(parents=True)
        for k in range(count):
            labels = np.zeros((96, 96), np.uint8)
            labels[10:50, 20:70], labels[60:] = 1, 2
            image = rng.normal(60 + 60 * labels, 10, (3, 96, 96)).clip(0, 255).astype(np.uint8)
            raster.write_bands(folder / split / "images" / f"{k}.tif", image)
            raster.write_label_map(folder / split / "masks" / f"{k}.png", labels, Legend(("a", "b", "c")))
    return folder


def scenes(given: Path | None, folder: Path) -> list[Path]:
    """The images to work on, cut to at most 700 x 700 pixels of three bands."""
    from skimage import data

    folder.mkdir()
    found = [] if given is None else sorted(p for p in given.rglob("*") if p.suffix in {".jpg", ".png", ".tif"})
    images = []
    for path in found:
        with contextlib.suppress(InputError), raster.open(path) as image:
            if image.n_bands >= 3 and image.dtype == np.uint8:
                part = raster.Window(0, 0, min(image.height, 700), min(image.width, 700))
                values, _ = image.read(part, bands=(1, 2, 3))
                images.append(folder / f"{len(images)}.tif")
                raster.write_bands(images[-1], values, like=image.georeference)
        if len(images) == 40:
            return images
    for picture in (data.astronaut(), data.chelsea(), data.coffee()):
        images.append(folder / f"{len(images)}.tif")
        raster.write_bands(images[-1], np.moveaxis(picture, 2, 0))
    return images


def commands(data: Path, images: list[Path], work: Path, chance: random.Random) -> list[tuple[int, list[object]]]:
    """Commands and the codes with which they must end: 0, or 2 for input that is wrong."""
    image, other = chance.sample(images, 2)
    forest, net, maps = work / "forest", work / "net", work / f"maps{chance.randrange(3)}"
    out = work / "regions.tif"
    regions = ["regions", image, "-o", out, "--overwrite"]
    wrong = work / "wrong.tif"
    wrong.write_bytes(image.read_bytes()[:3000])
    tiles = ["--tile-size", chance.choice([128, 256]), "--workers", chance.choice([1, 2])]
    return [
        (0, [*regions, "--method", "slic", "--count", 200]),
        (0, [*regions, "--method", "slic", "--count", 300, *tiles, "--outline", work / "outline.png"]),
        (0, [*regions, "--method", "watershed", "--count", 100, *tiles]),
        (0, [*regions, "--method", "mean-shift", *tiles]),
        (0, [*regions, "--method", "components", "--polygons", work / "regions.gpkg"]),
        (0, [*regions, "--method", "normalized-cuts", "--count", 8]),
        (0, [*regions, "--count", 20, "--dry-run"]),
        (0, ["predict", forest, image, other, "-o", maps, "--overwrite", *tiles]),
        (0, ["predict", net, image, "-o", maps, "--overwrite", "--probabilities", "--polygons", "gpkg"]),
        (0, ["predict", net, image, "-o", maps, "--overwrite", *tiles]),
        (0, ["predict", net, image, other, "-o", maps, "--dry-run"]),
        (0, ["train", data, "-o", forest, "--overwrite", "--model", "pixel-forest", "--trees", 5, "--samples", 500]),
        (0, ["train", data, "-o", net, "--overwrite", "--width", 2, "--steps", 2, "--patch-size", 64]),
        (0, ["evaluate", forest, data, "-o", work / "report", "--overwrite"]),
        (0, ["evaluate", data / "val" / "masks", data / "val" / "masks", "--json"]),
        (0, ["seams", net, image]),
        (0, ["ensemble", forest, forest, "-o", work / "both", "--overwrite"]),
        (0, ["info", net]),
        (0, ["models"]),
        (2, ["predict", net, work / "missing.tif", "-o", maps]),
        (2, ["regions", wrong, "-o", out, "--overwrite"]),
        (2, ["train", work / "missing", "-o", net]),
        (2, ["regions", image, "-o", image, "--overwrite"]),
        (2, ["predict", data, image, "-o", maps]),
    ]


def run(command: list[object]) -> int:
    """The exit code of a command in this process; what it says is thrown away."""
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            code = app([str(word) for word in command], standalone_mode=False)
    except InputError:
        return 2
    return code if isinstance(code, int) else 0


def main() -> None:
    """Run the commands and print what the process holds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--commands", type=int, default=500)
    parser.add_argument("--images", type=Path, help="folder of images; by default those of scikit-image")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    work = Path(tempfile.mkdtemp(prefix="soak-"))
    tempfile.tempdir = str(work / "temporary")
    Path(tempfile.tempdir).mkdir()
    images, data = scenes(options.images, work / "scenes"), data_set(work / "data")
    chance, failures, rows = random.Random(options.seed), [], []
    for _, first in commands(data, images, work, chance)[11:13]:
        run(first)
    started = time.process_time()
    print("| commands | MB now | MB at most | descriptors | threads | processor s |")
    print("| --- | --- | --- | --- | --- | --- |")
    for number in range(1, options.commands + 1):
        code, command = chance.choice(commands(data, images, work, chance))
        found = run(command)
        if found != code:
            failures.append(f"{' '.join(map(str, command))}: {found}, expected {code}")
        if number % 50 == 0 or number == options.commands:
            gc.collect()
            rows.append((number, *memory(), len(descriptors()), threading.active_count()))
            print("| " + " | ".join(map(str, rows[-1])) + f" | {time.process_time() - started:.0f} |", flush=True)
    left = [str(p) for p in Path(tempfile.tempdir).iterdir() if not p.name.startswith("torchinductor")] + [
        str(p) for p in work.rglob("*.partial")
    ]
    third = max(1, len(rows) // 3)
    checks = {
        "commands that came to another code": failures,
        "left behind": left,
        "memory that grew (MB)": [rows[-1][1] - rows[third - 1][1]] if rows[-1][1] - rows[third - 1][1] > 100 else [],
        "more than 2 GB (MB)": [rows[-1][2]] if rows[-1][2] > 2048 else [],
        "descriptors that grew": descriptors() if rows[-1][3] > rows[third - 1][3] else [],
        "threads that grew": [t.name for t in threading.enumerate()] if rows[-1][4] > rows[third - 1][4] else [],
    }
    shutil.rmtree(work)
    for what, found_wrong in checks.items():
        if found_wrong:
            print(f"{what}: {found_wrong[:20]}")
    sys.exit(any(checks.values()))


if __name__ == "__main__":
    main()
