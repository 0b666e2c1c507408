"""Superpixels and regions on BSDS500, beside scikit-image and the published rows.

    python benchmarks/bsds.py FOLDER [--methods ...] [--split val] [--every 1] [--workers 2]

FOLDER (or $DENSA_REALDATA/bsds500) holds `images/val/*.jpg` and `groundTruth/val/*.mat`. Parameters were chosen on
subsets of `train` (`--split train --every 5`). Superpixels: boundary recall within 2 pixels, under-segmentation error
(Neubert & Protzel), ASA, means over images and people. Regions: boundary F, covering, probabilistic Rand index,
variation of information (bits) at the best one setting for all images (ODS) and the best of each image (OIS); a
method's settings are in its function below. The published rows (Arbelaez et al., TPAMI 2011) are of BSDS500's test
images.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from machine import machine
from numpy.typing import NDArray
from realdata import realdata
from scipy.io import loadmat

from densa import metrics, raster, regions
from densa.metrics.superpixels import boundary_recall, superpixel_overlap
from densa.regions.mean_shift.luv import rgb_to_luv
from densa.regions.normalized_cuts.discretisation import discretise
from densa.regions.normalized_cuts.graph import graph_eigenvectors, in_order_of_first, weighted_graph

Image = NDArray[np.uint8]
Regions = NDArray[np.int32]

MEAN_SHIFT = (7.0, 6.5, 50)  # spatial radius (pixels), range radius (Luv), smallest region (pixels)
LIGHTNESS = 0.5  # what L counts beside u and v when mean-shift regions are merged: shadows part less
# growth of the squared error, Luv^2 pixels
MERGING_COSTS = (1e4, 2e4, 3.5e4, 5e4, 7e4, 1e5, 1.35e5, 2e5, 3e5, 5e5, 8e5, 1.25e6)
MERGING_DISTANCES = (4, 7, 9, 11, 13, 15, 17, 20, 24)  # of mean colours, Luv
RANGE_RADII = ((5.0, 50), (7.0, 150), (9.0, 300), (12.0, 500), (16.0, 800))  # with the smallest region
COUNTS = (2, 3, 4, 5, 6, 8, 10, 12, 15, 18, 22, 26, 32, 40, 50, 65, 80)  # segments of normalized cuts
PIXEL_COUNTS = (3, 6, 10, 16)
SUPERPIXELS = (100, 500, 1000)

# boundary F, covering, Rand index, variation of information: ODS and OIS of each
PUBLISHED: dict[str, tuple[float, ...]] = {
    "mean shift": (0.64, 0.68, 0.54, 0.58, 0.79, 0.81, 1.85, 1.64),
    "normalized cuts": (0.64, 0.68, 0.45, 0.53, 0.78, 0.80, 2.23, 1.89),
}


def mean_shift_alone(image: Image) -> list[Regions]:
    """Five range radii, the smallest region growing with them."""
    return [regions.mean_shift(image, MEAN_SHIFT[0], radius, size) for radius, size in RANGE_RADII]


def mean_shift_merged(
    image: Image, cost: str = "ward", levels: tuple[float, ...] = MERGING_COSTS, lightness: float = LIGHTNESS
) -> list[Regions]:
    """One mean shift, its regions merged up to several levels of one hierarchy."""
    found = regions.mean_shift(image, *MEAN_SHIFT)
    colours = _luv(image) * np.array([lightness, 1, 1], np.float32)
    tree = regions.merge_tree(regions.region_graph(colours, found), cost)
    return [tree.cut(cost=level)[found] for level in levels]


def cuts_of_regions(image: Image) -> list[Regions]:
    """Normalized cuts of the mean-shift regions' graph (as Tao, Jin & Zhang, 2007) into several numbers of segments.

    An edge weighs the common border's length times exp(-(colour distance / 5)^2); a region's edge to itself, for its
    pixels among each other, half its area: the parts are balanced by area then, not by the number of regions.
    """
    found = regions.mean_shift(image, *MEAN_SHIFT)
    graph = regions.region_graph(_luv(image), found)
    n = graph.n_regions
    weights = graph.lengths * (np.exp(-((graph.color_distances() / 5) ** 2)) + 1e-3)
    loops = np.repeat(np.arange(n)[:, np.newaxis], 2, axis=1)
    edges = np.concatenate([graph.edges.astype(np.int64) - 1, loops])
    cut_graph = weighted_graph(n, edges, np.concatenate([weights, graph.statistics.n_pixels[1:] / 2]))
    _, vectors = graph_eigenvectors(cut_graph, min(COUNTS[-1], n))  # of all counts at once
    family = []
    for count in COUNTS:
        labels = discretise(np.ascontiguousarray(vectors[: min(count, n)], np.float32))
        family.append(in_order_of_first(labels)[found - 1])
    return family


def cuts_of_pixels(image: Image) -> list[Regions]:
    """Normalized cuts of the pixels of the image at half its size."""
    height, width = (side // 2 for side in image.shape[:2])
    half = image[: 2 * height, : 2 * width].reshape(height, 2, width, 2, 3).mean(axis=(1, 3)) / 255
    _, vectors = regions.ncut_eigenvectors(regions.pixel_affinities(half), PIXEL_COUNTS[-1])
    family = []
    for count in PIXEL_COUNTS:
        labels = discretise(np.ascontiguousarray(vectors[:count].reshape(count, -1))).reshape(height, width)
        rows, columns = (np.minimum(np.arange(side) // 2, side // 2 - 1) for side in image.shape[:2])
        family.append(in_order_of_first(labels)[rows[:, np.newaxis], columns])
    return family


METHODS: dict[str, tuple[str, Callable[[Image], list[Regions]]]] = {
    "mean shift": ("mean shift", mean_shift_alone),
    "mean shift, merged by squared error": ("mean shift", mean_shift_merged),
    "mean shift, merged by colour": (
        "mean shift",
        partial(mean_shift_merged, cost="mean", levels=MERGING_DISTANCES, lightness=1.0),
    ),
    "normalized cuts of mean-shift regions": ("normalized cuts", cuts_of_regions),
    "normalized cuts of pixels, half size": ("normalized cuts", cuts_of_pixels),
}


def of_scikit_image(image: Image, n: int) -> NDArray[Any]:
    from skimage.segmentation import slic

    return slic(image, n, start_label=1)


SUPERPIXEL_METHODS: dict[str, Callable[[Image, int], NDArray[Any]]] = {
    "densa": regions.slic,
    "scikit-image": of_scikit_image,
}


def _luv(image: Image) -> NDArray[np.float32]:
    return np.asarray(rgb_to_luv(image)).reshape(image.shape)


def _read(path: Path) -> tuple[Image, list[NDArray[np.int64]], list[NDArray[np.bool_]]]:
    """A photograph, and people's regions and boundaries."""
    with raster.open(path) as opened:
        image = np.ascontiguousarray(np.moveaxis(opened.read()[0], 0, -1))
    people = loadmat(path.parents[2] / "groundTruth" / path.parent.name / f"{path.stem}.mat")["groundTruth"].ravel()
    drawn = [(p["Segmentation"][0, 0].astype(np.int64), p["Boundaries"][0, 0].astype(bool)) for p in people]
    return image, [labels for labels, _ in drawn], [lines for _, lines in drawn]


def measure_regions(path: Path, name: str) -> tuple[metrics.FamilyAgreement, metrics.BoundaryCounts, float]:
    """Agreement, boundary counts and seconds of a method on one image."""
    image, labels, lines = _read(path)
    start = time.process_time()
    family = METHODS[name][1](image)
    seconds = time.process_time() - start
    counts = metrics.boundary_counts(lines, [metrics.boundary_map(member) for member in family])
    return metrics.family_agreement(labels, family), counts, seconds


def measure_superpixels(path: Path) -> dict[tuple[str, int], tuple[float, ...]]:
    image, labels, _ = _read(path)
    out: dict[tuple[str, int], tuple[float, ...]] = {}
    for n in SUPERPIXELS:
        for name, method in SUPERPIXEL_METHODS.items():
            found = np.asarray(method(image, n))
            overlaps = [superpixel_overlap(found, target) for target in labels]
            recall = np.nanmean([boundary_recall(found, target, 2) for target in labels])
            error = np.mean([overlap.undersegmentation for overlap in overlaps])
            accuracy = np.mean([overlap.achievable_accuracy for overlap in overlaps])
            out[name, n] = overlaps[0].n_superpixels, float(recall), float(error), float(accuracy)
    return out


def superpixel_table(measured: list[dict[tuple[str, int], tuple[float, ...]]]) -> None:
    print("\n| K | method | superpixels | boundary recall | UE | ASA |\n" + "| --- " * 6 + "|")
    for name, n in sorted(measured[0], key=lambda key: (key[1], key[0])):
        count, recall, error, accuracy = np.mean([one[name, n] for one in measured], axis=0)
        print(f"| {n} | {name} | {count:.0f} | {recall:.4f} | {error:.4f} | {accuracy:.4f} |")


def region_table(paths: list[Path], names: list[str], pool: ProcessPoolExecutor) -> None:
    """A row as soon as a method is through."""
    scores = ("boundary F", "covering", "Rand index", "variation of information")
    titles = "".join(f"{score} ODS | OIS | " for score in scores)
    print(f"\n| method | {titles}AP | processor s per image |\n" + "| --- " * 11 + "|")
    for published, row in PUBLISHED.items():
        print(f"| {published}, published | " + " | ".join(f"{value:.2f}" for value in row) + " | | |")
        for name in names:
            if METHODS[name][0] == published:
                measured = list(pool.map(partial(measure_regions, name=name), paths))
                print(f"| {name} | " + " | ".join(f"{value:.3f}" for value in region_row(measured)) + " |", flush=True)


def region_row(measured: list[tuple[metrics.FamilyAgreement, metrics.BoundaryCounts, float]]) -> tuple[float, ...]:
    agreement = metrics.summarize_families([one[0] for one in measured])
    boundary = metrics.summarize_boundaries([one[1] for one in measured])
    return (
        boundary.ods.f, boundary.ois.f, agreement.covering_ods, agreement.covering_ois,
        agreement.rand_index_ods, agreement.rand_index_ois,
        agreement.variation_of_information_ods, agreement.variation_of_information_ois,
        boundary.average_precision, float(np.mean([one[2] for one in measured])),
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--split", choices=("train", "val"), default="val")
    parser.add_argument("--every", type=int, default=1, help="use every n-th image")
    parser.add_argument("--methods", nargs="*", choices=("superpixels", *METHODS), default=["superpixels", *METHODS])
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    paths = sorted((realdata("bsds500", arguments.folder) / "images" / arguments.split).glob("*.jpg"))
    paths = paths[:: arguments.every]
    names = [name for name in arguments.methods if name in METHODS]
    print(f"{machine()}\n{len(paths)} images of {arguments.split}", flush=True)
    start = time.perf_counter()
    with ProcessPoolExecutor(arguments.workers) as pool:
        if "superpixels" in arguments.methods:
            superpixel_table(list(pool.map(measure_superpixels, paths)))
        if names:
            region_table(paths, names, pool)
    print(f"\n{time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
