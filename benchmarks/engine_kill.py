"""`kill -9` at random moments, then --resume: the files of the last run beside those of an uninterrupted one.

python benchmarks/engine_kill.py [--kills 30] [--seed 0]

Every killed run is a process of its own, forked from one that has the model loaded, so that kills fall into the work
and not into the start of Python. The moments are such that the last kills meet the assembly of the files.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from machine import machine
from scipy import ndimage

from densa import raster
from densa.engine import PredictionFiles, Work, predict_to_file
from densa.legend import Legend
from densa.networks import build
from densa.segmenter import BandContract, NetworkSegmenter

SUFFIXES = (".tif", ".tif.aux.xml", ".probabilities.tif")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(1)  # threads do not live on in forked processes
    legend, bands = Legend(("a", "b", "c")), BandContract(3, (), (120.0,) * 3, (60.0,) * 3)
    segmenter = NetworkSegmenter(build("unet", 3, 3, width=2), legend, bands, device="cpu", precision="float32")
    moments = random.Random(arguments.seed)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        noise = ndimage.gaussian_filter(np.random.default_rng(0).standard_normal((3, 400, 600)), (0, 5, 5))
        image = (128 + 400 * noise).clip(0, 255).astype(np.uint8)
        # In a process of its own, too: the threads that GDAL writes with would not live on in those forked later.
        assert wait(forked(lambda: raster.write_bands(folder / "image.tif", image))) == 0

        def predict(name: str, resume: bool) -> None:
            with raster.open(folder / "image.tif") as image:
                files = PredictionFiles(folder / f"{name}.tif", folder / f"{name}.probabilities.tif")
                predict_to_file(segmenter, image, files, Work(tile_size=64, resume=resume))

        begin = time.perf_counter()
        assert wait(forked(lambda: predict("expected", False))) == 0
        lasts = time.perf_counter() - begin
        n_complete, tiles = 0, []
        for kill in range(arguments.kills):
            child = forked(lambda: predict("map", True))
            time.sleep(moments.uniform(0, lasts / 6 if kill % 2 else lasts / 15))
            os.kill(child, signal.SIGKILL)
            n_complete += wait(child) == 0
            tiles.append(len(list((folder / "map.tif.partial").glob("*.tile"))))
        assert wait(forked(lambda: predict("map", True))) == 0
        same = all((folder / f"map{s}").read_bytes() == (folder / f"expected{s}").read_bytes() for s in SUFFIXES)
        left = [p.name for p in folder.iterdir() if "partial" in p.name or p.name.startswith(".")]
        print(machine(), "\n")
        print(f"{arguments.kills} kills, {n_complete} of them after its end; an uninterrupted run: {lasts:.1f} s")
        print("finished tiles after each (of 70, none once complete):", *tiles)
        print("byte-identical:", same, "; left behind:", left or "nothing")


def forked(run: Callable[[], None]) -> int:
    """A process that does this and nothing else."""
    child = os.fork()
    if child:
        return child
    try:
        run()
    except BaseException:
        os._exit(1)
    os._exit(0)


def wait(child: int) -> int:
    return os.waitpid(child, 0)[1]


if __name__ == "__main__":
    main()
