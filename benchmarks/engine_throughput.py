"""Throughput of a whole prediction beside that of the bare network on the same tiles; a dry run beside what happened.

python benchmarks/engine_throughput.py [--network unet] [--width 32] [--side 3072] [--tile 1024] [--repeats 3]

Bare: the prepared network's forward pass on each tile's block, already normalised and in memory, and nothing else.
Whole: `predict_to_file` from a compressed GeoTIFF to a Cloud-Optimized GeoTIFF with its journal on the disk. Both are
timed in turn; the table has the best of each.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import torch
from engine_memory import write_image
from machine import machine

from densa import raster
from densa.engine import PredictionFiles, Work, estimate_prediction, predict_to_file
from densa.legend import Legend
from densa.networks import build
from densa.raster.grid import Grid
from densa.segmenter import BandContract, NetworkSegmenter


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", default="unet")
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--side", type=int, default=3072)
    parser.add_argument("--tile", type=int, default=1024)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", default="auto")
    arguments = parser.parse_args()
    torch.manual_seed(0)
    network = build(arguments.network, 3, 6, width=arguments.width)
    bands = BandContract(3, (), (120.0,) * 3, (60.0,) * 3)
    legend = Legend(tuple("abcdef"))
    segmenter = NetworkSegmenter(network, legend, bands, device=arguments.device, precision=arguments.precision)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_image(folder / "image.tif", arguments.side, arguments.side)
        with raster.open(folder / "image.tif") as image:
            grid = Grid(image.height, image.width, arguments.tile, segmenter.halo, segmenter.stride)
            files, work = PredictionFiles(folder / "map.tif"), Work(tile_size=arguments.tile, overwrite=True)
            found = estimate_prediction(segmenter, image, files, work)
            bare, whole = [], []
            for _ in range(arguments.repeats):
                bare.append(time_bare(segmenter, image, grid))
                begin = time.perf_counter()
                predict_to_file(segmenter, image, files, work)
                whole.append(time.perf_counter() - begin)
    print(machine(), "\n")
    print("| network | bare s | whole prediction s | throughput of the bare network | dry run s | dry run, error |")
    print("| --- | --- | --- | --- | --- | --- |")
    b, w = min(bare), min(whole)
    name = f"{arguments.network}-{arguments.width} {str(segmenter.dtype).removeprefix('torch.')}"
    print(f"| {name} | {b:.2f} | {w:.2f} | {b / w:.1%} | {found.seconds:.2f} | {found.seconds / w - 1:+.0%} |")


def time_bare(segmenter: NetworkSegmenter, image: raster.Raster, grid: Grid) -> float:
    """Seconds of the forward passes alone."""
    total = 0.0
    for number in range(len(grid)):
        pixels = segmenter.pixels(image.read(grid.tile(number)[1])[0], None)
        if segmenter.device.type == "cuda":
            torch.cuda.synchronize()
        begin = time.perf_counter()
        with torch.inference_mode():
            scores = segmenter.network(pixels)
        float(scores[0, 0, 0, 0])  # waits for the device
        total += time.perf_counter() - begin
    return total


if __name__ == "__main__":
    main()
