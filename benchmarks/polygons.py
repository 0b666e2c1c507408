"""Polygons of a label map beside rasterio.features.shapes (GDAL), and of a map larger than memory should be.

    python benchmarks/polygons.py --maps FILE... [--strip 512] [--runs 3] [--peer]
    python benchmarks/polygons.py --synthetic 100000 10000 [--write map.gpkg] [--min-area N] [--simplify T]

With --maps, densa reads strips from the file and counts polygons; --peer lets GDAL do the same on the whole array, in
turns. --synthetic streams rows of a generated land-cover map: smooth
fields of six classes with specks, the same for any height. Peak memory is the process's own high-water mark.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from machine import machine

from densa import raster
from densa.legend import Legend
from densa.raster import Polygoniser, PolygonWriter

N_CLASSES = 6


def peak_megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def strips_of_file(path: Path, strip: int) -> Iterator[np.ndarray]:
    import rasterio

    with rasterio.open(path) as file:
        for row in range(0, file.height, strip):
            height = min(strip, file.height - row)
            yield file.read(1, window=((row, row + height), (0, file.width)))


def synthetic_strips(width: int, height: int, strip: int) -> Iterator[np.ndarray]:
    """Six classes by the phase of smooth waves, with one pixel in 500 another class: about 100 px per region side."""
    rng = np.random.default_rng(0)
    waves = rng.normal(0, 1, (N_CLASSES, 6, 2)) / 60
    phases = rng.uniform(0, 2 * np.pi, (N_CLASSES, 6))
    columns = np.arange(width)
    for top in range(0, height, strip):
        rows = np.arange(top, min(top + strip, height))
        best = np.full((len(rows), width), -np.inf, np.float32)
        labels = np.zeros((len(rows), width), np.uint8)
        for label in range(N_CLASSES):
            field = np.zeros((len(rows), width), np.float32)
            for (fy, fx), phase in zip(waves[label], phases[label], strict=True):  # cos(a + b), a by row, b by column
                a, b = fy * rows + phase, fx * columns
                field += (np.outer(np.cos(a), np.cos(b)) - np.outer(np.sin(a), np.sin(b))).astype(np.float32)
            labels[field > best] = label
            np.maximum(best, field, out=best)
        specks = np.random.default_rng(top).random(labels.shape, np.float32) < 0.002
        labels[specks] = (labels[specks] + 1) % N_CLASSES
        yield labels


def count_polygons(strips: Iterator[np.ndarray], width: int, **options: float) -> tuple[int, int, int, float]:
    """Polygons, corners, pixels and seconds inside densa."""
    found = [0, 0]

    def count(batch: object) -> None:
        found[0] += len(batch.labels)
        found[1] += len(batch.corners)

    polygoniser = Polygoniser(width, count, **options)
    seconds, pixels = 0.0, 0
    for labels in strips:
        begin = time.perf_counter()
        polygoniser.write(labels)
        seconds += time.perf_counter() - begin
        pixels += labels.size
    begin = time.perf_counter()
    polygoniser.finish()
    return found[0], found[1], pixels, seconds + time.perf_counter() - begin


def count_by_gdal(path: Path) -> tuple[int, float]:
    import rasterio
    from rasterio.features import shapes

    with rasterio.open(path) as file:
        labels = file.read(1)
    begin = time.perf_counter()
    n = sum(1 for _ in shapes(labels, mask=labels != 255))
    return n, time.perf_counter() - begin


def compare(options: argparse.Namespace) -> None:
    print("\n| map | pixels | polygons | densa, s | Mpx/s | GDAL, s | Mpx/s | faster |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for path in options.maps:
        with raster.open(path) as image:
            width = image.width
        ours, theirs = [], []
        for _ in range(options.runs):
            n, _, pixels, seconds = count_polygons(strips_of_file(path, options.strip), width)
            ours.append(seconds)
            if options.peer:
                n_theirs, seconds = count_by_gdal(path)
                theirs.append(seconds)
                assert n == n_theirs, (n, n_theirs)
        row = f"| {path.name} | {pixels / 1e6:.0f} M | {n} | {min(ours):.2f} | {pixels / 1e6 / min(ours):.0f} |"
        if theirs:
            row += f" {min(theirs):.2f} | {pixels / 1e6 / min(theirs):.0f} | {min(theirs) / min(ours):.1f}x |"
        print(row)
    print(f"\npeak memory of the process: {peak_megabytes():.0f} MB (GDAL's whole array included with --peer)")


def synthetic(options: argparse.Namespace) -> None:
    width, height = options.synthetic
    before = peak_megabytes()
    strips = synthetic_strips(width, height, options.strip)
    settings = {"min_area": options.min_area, "simplify": options.simplify}
    if options.write is None:
        n, corners, pixels, seconds = count_polygons(strips, width, **settings)
        print(f"{n} polygons, {corners} corners, {pixels / 1e6:.0f} Mpx in {seconds:.1f} s", end="")
        print(f" ({pixels / 1e6 / seconds:.0f} Mpx/s)")
    else:
        legend = Legend(tuple(f"class {i}" for i in range(N_CLASSES)))
        begin, making = time.perf_counter(), 0.0
        with PolygonWriter(options.write, legend, width=width, overwrite=True, **settings) as writer:
            while True:
                start = time.perf_counter()
                labels = next(strips, None)
                making += time.perf_counter() - start
                if labels is None:
                    break
                writer.write(labels, np.full_like(labels, 200))
        seconds = time.perf_counter() - begin - making
        size = options.write.stat().st_size / 1e6
        print(f"{width * height / 1e6:.0f} Mpx to {options.write.name} ({size:.0f} MB) in {seconds:.1f} s")
    print(f"peak memory: {peak_megabytes():.0f} MB, of which {before:.0f} MB before the first strip")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--maps", type=Path, nargs="*", default=[])
    parser.add_argument("--peer", action="store_true")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--strip", type=int, default=512)
    parser.add_argument("--synthetic", type=int, nargs=2, metavar=("WIDTH", "HEIGHT"))
    parser.add_argument("--write", type=Path)
    parser.add_argument("--min-area", type=float, default=0)
    parser.add_argument("--simplify", type=float, default=0)
    options = parser.parse_args()
    print(machine())
    warm = np.random.default_rng(0).integers(0, 2, (40, 50)).astype(np.uint8)
    count_polygons(iter([warm]), 50, min_area=options.min_area, simplify=options.simplify)  # compiles
    if options.maps:
        compare(options)
    if options.synthetic:
        synthetic(options)


if __name__ == "__main__":
    main()
