"""Peak resident memory of `densa predict --memory` for rasters of more and more rows.

python benchmarks/engine_memory.py [--rows 10000,50000,100000] [--width 2048] [--memory 1GB]

The rasters are written by windows (three bands, deflate), each prediction runs in a fresh process, and the peak is what
the system says of it (ru_maxrss). The model is a U-Net of width 2, so that the largest ends.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from machine import machine

from densa import raster
from densa.engine import parse_bytes
from densa.legend import Legend
from densa.networks import build
from densa.segmenter import Architecture, BandContract, save_model

ONE = """
import resource, sys
from densa import cli
sys.argv = ["densa", *sys.argv[1:]]
try:
    cli.main()
except SystemExit as stop:
    assert not stop.code, stop.code
print("peak", 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", default="10000,50000,100000")
    parser.add_argument("--width", type=int, default=2048)
    parser.add_argument("--memory", default="1GB")
    parser.add_argument("--network-width", type=int, default=2)
    arguments = parser.parse_args()
    budget = parse_bytes(arguments.memory)
    print(machine(), "\n")
    print(f"| rows x {arguments.width} | s | Mpixel/s | peak MB | of the budget of {arguments.memory} |")
    print("| --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        torch.manual_seed(0)
        options = {"width": arguments.network_width}
        bands = BandContract(3, (), (120.0,) * 3, (60.0,) * 3)
        network = build("unet", 3, 3, **options)
        save_model(folder / "model", network, Architecture("unet", options), Legend(("a", "b", "c")), bands)
        for rows in map(int, arguments.rows.split(",")):
            write_image(folder / "image.tif", rows, arguments.width)
            begin = time.perf_counter()
            command = [sys.executable, "-c", ONE, "predict", folder / "model", folder / "image.tif"]
            command += ["-o", folder / "map.tif", "--memory", arguments.memory, "--overwrite"]
            command += ["--device", "cpu", "--precision", "float32"]
            done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
            seconds = time.perf_counter() - begin
            if done.returncode:
                raise SystemExit(done.stderr)
            peak = int(done.stdout.split("peak")[1])
            speed = rows * arguments.width / seconds / 1e6
            print(f"| {rows} | {seconds:.0f} | {speed:.2f} | {peak / 1e6:.0f} | {peak / budget:.1%} |", flush=True)


def write_image(path: Path, rows: int, width: int) -> None:
    """Smooth random fields in strips of 512 rows, so that the image is never held whole."""
    rng = np.random.default_rng(0)
    with raster.BandsWriter(path, 3, rows, width, np.uint8, overwrite=True) as writer:
        for row in range(0, rows, 512):
            height = min(512, rows - row)
            coarse = rng.integers(0, 255, (3, -(-height // 16), -(-width // 16)), dtype=np.uint8)
            strip = coarse.repeat(16, axis=1).repeat(16, axis=2)[:, :height, :width]
            writer.write(raster.Window(row, 0, height, width), np.ascontiguousarray(strip))


if __name__ == "__main__":
    main()
