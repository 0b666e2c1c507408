"""Times merging on a region graph of about a million regions: merge trees, predicates, small regions.

    python benchmarks/region_merging.py [--image FILE] [--side 4096] [--size 16]

The graph is that of SLIC superpixels of `--size` pixels of a photograph (by default one that scikit-image ships),
repeated and mirrored to the side. Processor time of one thread, after a small graph (compiling).
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
from machine import machine
from skimage import data

from densa import raster
from densa.regions import (
    RegionGraph,
    absorb_small_regions,
    deviation_at_most,
    merge_by_predicate,
    merge_tree,
    range_at_most,
    region_graph,
    slic,
)

CONTENDERS: dict[str, Callable[[RegionGraph], object]] = {
    "merge_tree, mean": lambda graph: merge_tree(graph),
    "merge_tree, ward": lambda graph: merge_tree(graph, "ward"),
    "merge_tree, border": lambda graph: merge_tree(graph, "border"),
    "merge_by_predicate, range at most 60": lambda graph: merge_by_predicate(graph, range_at_most(60)),
    "merge_by_predicate, deviation at most 10": lambda graph: merge_by_predicate(graph, deviation_at_most(10)),
    "absorb_small_regions, 64 pixels": lambda graph: absorb_small_regions(graph, 64),
}


def graph_of(image: np.ndarray, size: int) -> RegionGraph:
    return region_graph(image, slic(image, image.shape[0] * image.shape[1] // size))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--image")
    parser.add_argument("--side", type=int, default=4096)
    parser.add_argument("--size", type=int, default=16)
    options = parser.parse_args()
    image = data.astronaut()
    if options.image:
        with raster.open(options.image) as opened:
            image = np.ascontiguousarray(np.moveaxis(opened.read()[0][:3], 0, -1))
    for axis in (0, 1):
        while image.shape[axis] < options.side:
            image = np.concatenate([image, np.flip(image, axis)], axis)
    graph, small = (graph_of(image[:side, :side], options.size) for side in (options.side, 64))
    print(machine(), "\n")
    print(f"{graph.n_regions} regions, {len(graph.edges)} edges.\n")
    print("| | processor s |\n| --- | ---: |")
    for name, run in CONTENDERS.items():
        run(small)
        begin = time.process_time()
        run(graph)
        print(f"| {name} | {time.process_time() - begin:.2f} |", flush=True)


if __name__ == "__main__":
    main()
