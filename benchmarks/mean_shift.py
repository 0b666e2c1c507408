"""Times mean shift beside OpenCV's pyramid and scikit-image's quickshift (those installed), on one photograph.

    python benchmarks/mean_shift.py [--image FILE] [--runs 7]

All contenders take turns, run by run; the median counts, and the least. Compiling happens before. "kept" is the share
of pixels whose filtered colour agrees with the definition, every pixel's trajectory in float64, within 0.5 in every
band of Luv (a 60 x 60 corner, spatial radius 7, range radius 6.5).
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from machine import machine
from skimage import data, io, segmentation

from densa.regions.mean_shift.luv import rgb_to_luv
from densa.regions.mean_shift.segmentation import mean_shift, mean_shift_filter

try:
    import cv2
except ImportError:
    cv2 = None


def by_definition(luv: np.ndarray, spatial_radius: float, range_radius: float) -> np.ndarray:
    """Every trajectory in plain NumPy."""
    values = luv.astype(np.float64)
    rows, columns = np.mgrid[: luv.shape[0], : luv.shape[1]]
    modes = np.empty_like(values)
    for pixel in np.ndindex(luv.shape[:2]):
        place = np.array([*pixel, *values[pixel]], np.float64)
        for _ in range(100):
            apart = (values - place[2:]) ** 2
            near = (rows - place[0]) ** 2 + (columns - place[1]) ** 2 < spatial_radius**2
            near &= apart.sum(axis=2) < range_radius**2
            before, place = place, np.array([rows[near].mean(), columns[near].mean(), *values[near].mean(axis=0)])
            if ((place - before) ** 2).sum() < 0.01:
                break
        modes[pixel] = place[2:]
    return modes


def agreement(image: np.ndarray) -> float:
    """Share of pixels whose mode is the definition's, on a corner darkened so that no colour is bright."""
    luv = rgb_to_luv(np.ascontiguousarray(image[:60, :60])) * np.float32(0.79)
    return float((np.abs(mean_shift_filter(luv, 7, 6.5) - by_definition(luv, 7, 6.5)).max(axis=2) < 0.5).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--image", type=Path)
    parser.add_argument("--runs", type=int, default=7)
    options = parser.parse_args()
    image = data.chelsea()[:300, :450] if options.image is None else io.imread(options.image)

    contenders: dict[str, Callable[[], np.ndarray]] = {
        "densa, filter, fusion, regions": lambda: mean_shift(image, 7, 6.5, 20),
        "densa, Gaussian kernel": lambda: mean_shift(image, 7, 6.5, 20, kernel="gaussian"),
        "densa, filter alone": lambda: mean_shift_filter(image, 7, 6.5),
        "scikit-image quickshift": lambda: segmentation.quickshift(image, kernel_size=3, max_dist=6.5),
    }
    if cv2 is not None:
        contenders["OpenCV, pyramid of 1 (filter alone)"] = lambda: cv2.pyrMeanShiftFiltering(image, 7, 6.5)
        contenders["OpenCV, full size (filter alone)"] = lambda: cv2.pyrMeanShiftFiltering(image, 7, 6.5, maxLevel=0)
    for call in contenders.values():
        call()
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    print(machine())
    for _ in range(options.runs):
        for name, call in contenders.items():
            begin = time.perf_counter()
            call()
            seconds[name].append(time.perf_counter() - begin)
    print(f"\n{image.shape[0]} x {image.shape[1]}, spatial radius 7, range radius 6.5, min size 20")
    print("\n| | median, s | least, s |\n| --- | ---: | ---: |")
    for name, values in seconds.items():
        print(f"| {name} | {statistics.median(values):.3f} | {min(values):.3f} |")
    print(f"\nkept: {agreement(image):.2%}")


if __name__ == "__main__":
    main()
