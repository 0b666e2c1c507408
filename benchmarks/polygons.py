"""Polygons of a label map beside rasterio.features.shapes (GDAL), and of a map larger than memory should be.

    python benchmarks/polygons.py --maps FILE... [--strip 512] [--runs 3] [--peer]
    python benchmarks/polygons.py --mirror FILE 4 4 [--specks 0.001] [--write map.gpkg] [--min-area N] [--simplify T]

With --maps, densa reads strips from the file and counts polygons; --peer lets GDAL do the same on the whole array, in
turns. --mirror streams a map that consists of copies of a real one, mirrored so that regions go on from copy to copy.
Seconds are those inside densa, reading and making strips not counted. Peak memory is the process's own high-water mark.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import rasterio
from machine import machine
from rasterio.features import shapes

from densa import raster
from densa.legend import Legend
from densa.raster import Polygoniser, PolygonWriter

N_CLASSES = 32


def peak_megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def strips_of_file(path: Path, strip: int) -> Iterator[np.ndarray]:
    with rasterio.open(path) as file:
        for row in range(0, file.height, strip):
            height = min(strip, file.height - row)
            yield file.read(1, window=((row, row + height), (0, file.width)))


def mirrored_strips(path: Path, columns: int, rows: int, specks: float, strip: int) -> Iterator[np.ndarray]:
    """The map repeated and mirrored, so that its regions go on in its copies; a share of the pixels changes class."""
    with rasterio.open(path) as file:
        tile = file.read(1)
    scattered = np.random.default_rng(0).random((strip, columns * tile.shape[1]), np.float32) < specks
    for row in range(rows):
        whole = tile[::-1] if row % 2 else tile
        for top in range(0, len(tile), strip):
            part = whole[top : top + strip]
            labels = np.hstack([part[:, ::-1] if column % 2 else part for column in range(columns)])
            here = np.roll(scattered, 7919 * (row * len(tile) + top), axis=1)[: len(labels)]
            labels[here] = (labels[here] + 1) % N_CLASSES
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


def mirror(options: argparse.Namespace) -> None:
    path, columns, rows = Path(options.mirror[0]), int(options.mirror[1]), int(options.mirror[2])
    with raster.open(path) as image:
        width, height = columns * image.width, rows * image.height
    strips = mirrored_strips(path, columns, rows, options.specks, options.strip)
    settings = {"min_area": options.min_area, "simplify": options.simplify}
    before = peak_megabytes()
    print(f"{width} x {height} pixels, {settings}")
    if options.write is None:
        n, corners, pixels, seconds = count_polygons(strips, width, **settings)
        print(f"{n} polygons, {corners} corners in {seconds:.1f} s ({pixels / 1e6 / seconds:.0f} Mpx/s)")
    else:
        write_file(options.write, strips, width, settings)
    print(f"peak memory: {peak_megabytes():.0f} MB, of which {before:.0f} MB before the first strip")


def write_file(path: Path, strips: Iterator[np.ndarray], width: int, settings: dict[str, float]) -> None:
    legend = Legend(tuple(f"class {i}" for i in range(254)))
    begin, making = time.perf_counter(), 0.0
    with PolygonWriter(path, legend, width=width, overwrite=True, **settings) as writer:
        while True:
            start = time.perf_counter()
            labels = next(strips, None)
            making += time.perf_counter() - start
            if labels is None:
                break
            writer.write(labels, np.full_like(labels, 200))
    seconds = time.perf_counter() - begin - making
    print(f"{path.name}: {path.stat().st_size / 1e6:.0f} MB in {seconds:.1f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--maps", type=Path, nargs="*", default=[])
    parser.add_argument("--peer", action="store_true")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--strip", type=int, default=512)
    parser.add_argument("--mirror", nargs=3, metavar=("FILE", "COLUMNS", "ROWS"))
    parser.add_argument("--specks", type=float, default=0)
    parser.add_argument("--write", type=Path)
    parser.add_argument("--min-area", type=float, default=0)
    parser.add_argument("--simplify", type=float, default=0)
    options = parser.parse_args()
    print(machine())
    warm = np.random.default_rng(0).integers(0, 2, (40, 50)).astype(np.uint8)
    count_polygons(iter([warm]), 50, min_area=options.min_area, simplify=options.simplify)  # compiles
    with rasterio.Env(GDAL_CACHEMAX=64):
        if options.maps:
            compare(options)
        if options.mirror:
            mirror(options)


if __name__ == "__main__":
    main()
