"""Patch classification: the pixel-by-pixel scan beside one dense pass, same network, same image, same threads.

    python benchmarks/patch_dense.py [--side 512] [--width 48] [--rows 4] [--repeats 3]

The scan of the whole image would take most of an hour: it is timed on some rows, in batches of 256 patches, and
multiplied up to all rows. Every row costs the same, so nothing is lost by that.
"""

from __future__ import annotations

import argparse
import platform
import time
from collections.abc import Callable

import torch
from torch import Tensor

from densa.networks import PatchCNN
from densa.operators import scan_patches


def seconds(function: Callable[[], Tensor], repeats: int) -> tuple[float, Tensor]:
    """Best of some runs, and the result."""
    best = float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        result = function()
        best = min(best, time.perf_counter() - start)
    return best, result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=512, help="rows and columns labelled")
    parser.add_argument("--width", type=int, default=48)
    parser.add_argument("--rows", type=int, default=4, help="rows of the scan that are timed")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    torch.manual_seed(0)
    network = PatchCNN(3, 5, width=options.width).eval().to(memory_format=torch.channels_last)
    size = network.patch_size
    image = torch.randn(1, 3, options.side + size - 1, options.side + size - 1)
    image = image.contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        dense_s, dense = seconds(lambda: network(image).softmax(dim=1), options.repeats)
        rows = slice(0, options.rows)
        scan_s, scanned = seconds(lambda: scan_patches(network, image, size, rows=rows).softmax(dim=1), options.repeats)
    whole_s = scan_s * options.side / options.rows
    difference = float((dense[:, :, rows] - scanned).abs().max())
    print(f"{platform.processor() or platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}")
    print(
        f"{options.side} x {options.side} pixels, patches of {size}, width {options.width}, best of {options.repeats}"
    )
    print(f"dense pass       {dense_s:10.2f} s")
    print(f"scan, {options.rows} rows     {scan_s:10.2f} s")
    print(f"scan, all rows   {whole_s:10.2f} s (extrapolated)")
    print(f"ratio            {whole_s / dense_s:10.0f}")
    print(f"probabilities differ by at most {difference:.1e} on those rows")


if __name__ == "__main__":
    main()
