"""The multi-scale set beside SciPy and scikit-image, the other pixel descriptors, and region descriptors.

    NUMBA_NUM_THREADS=2 OMP_NUM_THREADS=1 python benchmarks/descriptors.py [--side 1024] [--rounds 5]

The methods take turns in one process and the least of the rounds is shown: compilation and page faults of a first call
are left out, and busy neighbours disturb least. SciPy computes the same features in float32, its filters shared as well
(each derivative once per scale), scales on two threads. scikit-image's set is another one, of 24 features. Peak memory
is that of a fresh process that computes once, above what it held before (Linux); the output (196 MiB of 49) is in it.
"""

import argparse
import json
import math
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from machine import machine
from numpy.typing import NDArray
from scipy import ndimage

SCALES = (0.3, 0.7, 1.0, 1.6, 3.5, 5.0, 10.0)
Plane = NDArray[np.float32]


def photograph(side: int) -> NDArray[np.uint8]:
    """Grey photographs of scikit-image side by side."""
    from skimage import data

    image = data.camera()
    n = -(-side // min(image.shape))
    return np.ascontiguousarray(np.tile(image, (n, n))[:side, :side])


def scipy_set(image: NDArray[np.uint8], presmooth: bool = True) -> list[Plane]:
    with ThreadPoolExecutor(2) as pool:
        parts = list(pool.map(lambda s: scipy_scale(image.astype(np.float32), s, presmooth), SCALES))
    return [plane for part in parts for plane in part]


def scipy_scale(image: Plane, scale: float, presmooth: bool) -> list[Plane]:
    sigma = scale
    if presmooth and scale > 1:
        image, sigma = ndimage.gaussian_filter(image, math.sqrt(scale**2 - 1), mode="mirror", truncate=3.5), 1.0

    def gauss(plane: Plane, s: float, order: tuple[int, int] = (0, 0)) -> Plane:
        return ndimage.gaussian_filter(plane, s, order=order, mode="mirror", truncate=2.0)

    smooth = gauss(image, sigma)
    if scale < 0.5:
        return [smooth]
    dy, dx, yy, xy, xx = (gauss(image, sigma, o) for o in ((1, 0), (0, 1), (2, 0), (1, 1), (0, 2)))
    tensor = [gauss(p, 0.5 * sigma) for p in (dx * dx, dx * dy, dy * dy)]
    difference = smooth - gauss(image, 0.66 * sigma)
    return [smooth, xx + yy, np.hypot(dx, dy), difference, *eigenvalues(*tensor), *eigenvalues(xx, xy, yy)]


def eigenvalues(xx: Plane, xy: Plane, yy: Plane) -> tuple[Plane, Plane]:
    mean, root = (xx + yy) / 2, np.sqrt(((xx - yy) / 2) ** 2 + xy**2)
    return mean + root, mean - root


def scikit_image(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    from skimage.feature import multiscale_basic_features

    return multiscale_basic_features(image, workers=2)


def ours(image: NDArray[np.uint8], **fields: Any) -> NDArray[np.float32]:
    from densa.descriptors import MultiScale

    return MultiScale(**fields).compute(image[None])


def our_basic(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """As many features as scikit-image's set: Gaussian, gradient and Hessian at its six scales."""
    return ours(image, scales=(0.5, 1, 2, 4, 8, 16), features=("gaussian", "gradient", "hessian"))


METHODS: dict[str, Callable[[NDArray[np.uint8]], Any]] = {
    "densa, 49 features": ours,
    "SciPy, 49 features": scipy_set,
    "densa, 49 features, each at its own scale": lambda image: ours(image, presmooth=False),
    "SciPy, 49 features, each at its own scale": lambda image: scipy_set(image, presmooth=False),
    "densa, 24 features": our_basic,
    "scikit-image, 24 features": scikit_image,
}


def fastest(calls: dict[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    times: dict[str, list[float]] = {name: [] for name in calls}
    for i in range(rounds + 1):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            if i:  # the first compiles
                times[name].append(time.perf_counter() - start)
    return {name: min(values) for name, values in times.items()}


def peak_mib(method: str, side: int) -> float:
    """Of a fresh process."""
    command = [sys.executable, __file__, "--one", method, "--side", str(side)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(json.loads(done.stdout))


def one(method: str, side: int) -> None:
    image = photograph(side)
    METHODS[method](image[:70, :70])
    before = int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20
    METHODS[method](image)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 - before)


def pixel_table(image: NDArray[np.uint8], rounds: int) -> None:
    peaks = {name: peak_mib(name, len(image)) for name in METHODS}  # first: a child counts its parent's
    seconds = fastest({name: lambda m=m: m(image) for name, m in METHODS.items()}, rounds)
    print(f"\n| {image.shape[0]} x {image.shape[1]} grey | seconds | peak MiB |\n| --- | --- | --- |")
    for name, value in seconds.items():
        print(f"| {name} | {value:.3f} | {peaks[name]:.0f} |", flush=True)


def other_table(side: int, rounds: int) -> None:
    from skimage import data
    from skimage.feature import local_binary_pattern

    from densa.descriptors import ColourSpaces, LocalBinaryPatterns, MultiScale, TextonBank, TextonContext

    rgb = np.tile(data.astronaut(), (-(-side // 512), -(-side // 512), 1))[:side, :side]
    bands = np.ascontiguousarray(np.moveaxis(rgb, -1, 0))
    small = bands[:, :360, :480]
    calls: dict[str, Callable[[], Any]] = {
        "multi-scale set of three bands (147)": lambda: MultiScale().compute(bands),
        "Lab, Luv and HSV (9)": lambda: ColourSpaces().compute(bands),
        "textons (17)": lambda: TextonBank().compute(bands),
        "textons and context (325), 360 x 480": lambda: TextonContext().compute(small),
        "local binary pattern (8, 1), one band": lambda: LocalBinaryPatterns().compute(bands[:1]),
        "scikit-image: local binary pattern (8, 1)": lambda: local_binary_pattern(bands[0], 8, 1, "uniform"),
    }
    print(f"\n| {side} x {side} RGB | seconds |\n| --- | --- |")
    for name, value in fastest(calls, rounds).items():
        print(f"| {name} | {value:.3f} |", flush=True)


def region_table(image: NDArray[np.uint8], rounds: int) -> None:
    from densa.descriptors import FeatureStatistics, NeighbourMean, RegionShape, WordHistogram, build_dictionary

    features = ours(image)
    rows, columns = np.indices(image.shape) // 20
    regions = (rows * (columns.max() + 1) + columns + 1).astype(np.int32)
    samples = features[:, ::16, ::16].reshape(len(features), -1).T
    words = build_dictionary(samples, 100)
    statistics = FeatureStatistics()

    def scipy_means() -> list[Any]:
        n = np.arange(1, regions.max() + 1)
        with np.errstate(invalid="ignore"):  # SciPy divides by the size of region 0 as well
            return [f(plane, regions, n) for plane in features for f in (ndimage.mean, ndimage.standard_deviation)]

    calls: dict[str, Callable[[], Any]] = {
        "mean and deviation of 49 features": lambda: statistics.compute(features, regions),
        "SciPy: mean and deviation of 49 features": scipy_means,
        "quartiles of 49 features": lambda: FeatureStatistics((), (0.25, 0.5, 0.75)).compute(features, regions),
        "mean and deviation over the neighbours": lambda: NeighbourMean(statistics).compute(features, regions),
        "shape": lambda: RegionShape().compute(features[:1], regions),
        "histogram of 100 words of 49 features": lambda: WordHistogram(words).compute(features, regions),
    }
    print(f"\n| {image.shape[0]} x {image.shape[1]}, {regions.max()} regions | seconds |\n| --- | --- |")
    for name, value in fastest(calls, rounds).items():
        print(f"| {name} | {value:.3f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        one(arguments.one, arguments.side)
        return
    print(machine())
    image = photograph(arguments.side)
    pixel_table(image, arguments.rounds)
    other_table(arguments.side, arguments.rounds)
    region_table(image, arguments.rounds)


if __name__ == "__main__":
    main()
