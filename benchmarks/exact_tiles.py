"""Time and memory of exact prediction: `predict_array` beside the same network applied to bare tiles in PyTorch.

python benchmarks/exact_tiles.py [--networks unet-32,fcn8s-16] [--side 2048] [--repeats 2]

Bare tiles are what one writes first: float32, tiles of 512 without context (so with seams), softmax, labels. Both start
from the same array and take turns. Processor seconds, since other programs may share the machine; memory is the peak of
what is resident, less what was before. Weights are random: what is computed does not depend on them.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch
from machine import machine
from numpy.typing import NDArray
from torch import nn

from densa import raster
from densa.engine import predict_array
from densa.engine.resources.memory import peak_during, return_large_blocks
from densa.legend import Legend
from densa.networks import build
from densa.operators.modules import network_rules
from densa.segmenter import BandContract, NetworkSegmenter

TILE_PX = 512


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", default="unet-32")
    parser.add_argument("--side", type=int, default=2048)
    parser.add_argument("--repeats", type=int, default=2)
    arguments = parser.parse_args()
    return_large_blocks()
    print(machine(), "\n")
    print("| network | way | processor s | of bare tiles | wall s | Mpx per processor s | memory |")
    print("| --- " * 7 + "|")
    rng = np.random.default_rng(0)
    image = rng.integers(0, 255, (arguments.side, arguments.side, 3)).astype(np.uint8)
    for name in arguments.networks.split(","):
        measure(name, image, arguments.repeats)


def measure(name: str, image: NDArray[np.uint8], repeats: int) -> None:
    kind, _, width = name.rpartition("-")
    torch.manual_seed(0)
    network = build(kind, 3, 2, width=int(width)).eval()
    legend, bands = Legend(("a", "b")), BandContract(3, (), (128.0,) * 3, (60.0,) * 3)
    segmenter = NetworkSegmenter(network, legend, bands, device="cpu", precision="float32")
    ways: dict[str, Callable[[], object]] = {
        "bare tiles": lambda: bare_tiles(network, image),
        "densa": lambda: predict_array(segmenter, raster.from_array(image)),
    }
    seconds: dict[str, list[tuple[float, float, int]]] = {way: [] for way in ways}
    for _ in range(repeats):
        for way, run in ways.items():
            wall, processor = time.perf_counter(), time.process_time()
            before, peak = peak_during(run)
            seconds[way].append((time.process_time() - processor, time.perf_counter() - wall, peak - before))
    first = min(seconds["bare tiles"])[0]
    for way, found in seconds.items():
        least, wall, _ = min(found)
        memory = max(one[2] for one in found) / 1e6
        print(
            f"| {name} | {way} | {least:.1f} | {least / first:.2f} | {wall:.1f} |"
            f" {image.shape[0] * image.shape[1] / 1e6 / least:.3f} | +{memory:.0f} MB |",
            flush=True,
        )


def bare_tiles(network: nn.Module, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    labels = np.zeros(image.shape[:2], np.uint8)
    side = network_rules(network).input_side(TILE_PX)
    margin = (side - TILE_PX) // 2 if network_rules(network).margin else 0
    padded = np.pad(image, ((margin, side), (margin, side), (0, 0)), "reflect")
    with torch.inference_mode():
        for row in range(0, image.shape[0], TILE_PX):
            for column in range(0, image.shape[1], TILE_PX):
                part = padded[row : row + side, column : column + side].astype(np.float32)
                pixels = torch.from_numpy((part.transpose(2, 0, 1) - 128) / 60)[None]
                found = network(pixels).softmax(dim=1).argmax(dim=1)[0].numpy()
                place = labels[row : row + TILE_PX, column : column + TILE_PX]
                place[...] = found[: place.shape[0], : place.shape[1]]
    return labels


if __name__ == "__main__":
    main()
