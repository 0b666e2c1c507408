"""Times the watershed beside scikit-image, SciPy and OpenCV (those installed) and compares labels.

    python benchmarks/watershed.py [--side 4096] [--runs 5] [--images FOLDER]

The image is a mosaic of photographs (those in FOLDER, else scikit-image's own), grey, uint8. "minima": flooded as it is
from its regional minima, finding them included for all that do it themselves (SciPy and OpenCV are given them, not
counted). "grid": the float32 gradient magnitude (sigma 1) flooded from a marker pixel every 20. All contenders take
turns, run by run; the median counts. Compiling happens before, on a corner of the image.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from machine import machine
from scipy import ndimage
from skimage import color, data, io, segmentation

from densa.regions import gradient_magnitude, label_minima, watershed

try:
    import cv2
except ImportError:
    cv2 = None

BUILT_IN = ("astronaut", "camera", "chelsea", "coffee", "coins", "gravel", "grass", "brick", "moon", "page", "rocket")
Contenders = dict[str, Callable[[], np.ndarray]]


def mosaic(side: int, folder: Path | None) -> np.ndarray:
    """Photographs, 320 x 320 of each, beside one another."""
    if folder is None:
        photos = [getattr(data, name)() for name in BUILT_IN]
    else:
        photos = [io.imread(path) for path in sorted(folder.rglob("*.jpg"))]
    grey = [np.round(color.rgb2gray(p) * 255).astype(np.uint8) if p.ndim == 3 else p for p in photos]
    grey = [p[:320, :320] for p in grey if min(p.shape) >= 320 or folder is None]
    image = np.zeros((side, side), np.uint8)
    number = 0
    for row in range(0, side, 320):
        for column in range(0, side, 320):
            place = image[row : row + 320, column : column + 320]
            photo = np.pad(grey[number % len(grey)], ((0, 320), (0, 320)), mode="reflect")
            place[...] = photo[: place.shape[0], : place.shape[1]]
            number += 1
    return image


def grid_markers(side: int) -> np.ndarray:
    markers = np.zeros((side, side), np.int32)
    seeds = markers[10::20, 10::20]
    seeds[...] = np.arange(1, seeds.size + 1).reshape(seeds.shape)
    return markers


def opencv(image: np.ndarray, markers: np.ndarray) -> np.ndarray:
    return cv2.watershed(cv2.merge([image] * 3), markers.copy())


def table(title: str, contenders: Contenders, reference: str, runs: int) -> None:
    """Run all in turn and print one line for each."""
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    labels = {}
    for _ in range(runs):
        for name, call in contenders.items():
            begin = time.perf_counter()
            labels[name] = call()
            seconds[name].append(time.perf_counter() - begin)
    print(f"\n{title}\n\n| | seconds | times {reference} | labels differ |\n| --- | ---: | ---: | ---: |")
    base = statistics.median(seconds[reference])
    for name in contenders:
        median = statistics.median(seconds[name])
        differ = np.mean(labels[name] != labels[reference])
        print(f"| {name} | {median:.2f} | {base / median:.1f} | {differ:.3%} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=4096)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--images", type=Path)
    options = parser.parse_args()

    image = mosaic(options.side, options.images)
    minima = label_minima(image)
    relief, markers = gradient_magnitude(image, 1), grid_markers(options.side)
    for ties in ("raster", "scikit-image"):
        watershed(image[:99, :99], ties=ties)
        watershed(relief[:99, :99], markers[:99, :99], ties=ties)
        watershed(np.ones_like(relief[:99, :99]), markers[:99, :99], ties=ties)

    print(machine())
    contenders: Contenders = {
        "densa": lambda: watershed(image),
        'densa, ties="scikit-image"': lambda: watershed(image, ties="scikit-image"),
        "scikit-image": lambda: segmentation.watershed(image),
        "SciPy watershed_ift": lambda: ndimage.watershed_ift(image, minima),
    }
    if cv2 is not None:
        contenders["OpenCV"] = lambda: opencv(image, minima)
    table(f"uint8, {image.shape}, {minima.max()} minima", contenders, "scikit-image", options.runs)
    contenders = {
        "densa": lambda: watershed(relief, markers),
        'densa, ties="scikit-image"': lambda: watershed(relief, markers, ties="scikit-image"),
        "scikit-image": lambda: segmentation.watershed(relief, markers),
    }
    table(f"float32, {image.shape}, {markers.max()} grid markers", contenders, "scikit-image", options.runs)


if __name__ == "__main__":
    main()
