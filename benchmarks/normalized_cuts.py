"""Times normalized cuts beside SciPy's eigensolver on the same graph and scikit-learn's spectral clustering.

    python benchmarks/normalized_cuts.py [--image FILE] [--runs 5] [--segments 8] [--exact-runs 1]

The graph: colour, radius 5, the defaults of `pixel_affinities`. The column "k-way cut" is `ncut_value` on that graph,
for all contenders. "SciPy eigsh" takes the same graph as a sparse matrix (built outside the clock), `tol` 1e-4, and
densa's discretisation. scikit-learn works on its own graph of 4 neighbours; "amg" needs pyamg. The region graph has
blocks of 20 x 20 pixels. Contenders take turns, run by run; the median counts, and the least. Compiling happens before.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from machine import machine
from scipy import sparse
from scipy.sparse.linalg import eigsh
from skimage import data, graph, io
from sklearn.cluster import spectral_clustering
from sklearn.feature_extraction.image import img_to_graph

from densa.regions import PixelGraph, ncut_value, normalized_cuts, normalized_cuts_of_regions, pixel_affinities
from densa.regions.normalized_cuts.discretisation import discretise


def as_sparse(pixels: PixelGraph) -> sparse.csr_array:
    """The graph's matrix W."""
    _, height, width = pixels.weights.shape
    nodes = np.arange(height * width).reshape(height, width)
    parts = []
    for (down, across), plane in zip(pixels.offsets, pixels.weights, strict=True):
        first, last = max(0, -across), min(width, width - across)
        one = nodes[: height - down, first:last]
        other = nodes[down:, first + across : last + across]
        parts.append((one.ravel(), other.ravel(), plane[: height - down, first:last].ravel().astype(np.float64)))
    rows, columns, weights = (np.concatenate(each) for each in zip(*parts, strict=True))
    half = sparse.coo_array((weights, (rows, columns)), shape=(nodes.size, nodes.size)).tocsr()
    return half + half.T


def exact(matrix: sparse.csr_array, shape: tuple[int, int], count: int) -> np.ndarray:
    inverse = 1 / np.sqrt(np.asarray(matrix.sum(axis=1)).ravel())
    scaled = sparse.diags_array(inverse) @ matrix @ sparse.diags_array(inverse)
    values, vectors = eigsh(scaled, count, which="LA", v0=np.ones(len(inverse)), tol=1e-4)
    order = np.argsort(-values)
    return discretise((vectors[:, order] * inverse[:, None]).T.astype(np.float32)).reshape(shape) + 1


def of_scikit_learn(image: np.ndarray, count: int) -> np.ndarray:
    links = img_to_graph(image.mean(axis=2) / 255)
    links.data = np.exp(-((links.data / 0.1) ** 2)) + 0.01
    solver = "amg" if find_spec("pyamg") else "lobpcg"
    labels = spectral_clustering(
        links, n_clusters=count, eigen_solver=solver, assign_labels="discretize", random_state=0
    )
    return labels.reshape(image.shape[:2]) + 1


def of_scikit_image(image: np.ndarray, regions: np.ndarray) -> np.ndarray:
    return graph.cut_normalized(regions, graph.rag_mean_color(image, regions, mode="similarity"), rng=0)


def table(title: str, contenders: dict[str, tuple[Callable[[], np.ndarray], int]], pixels: PixelGraph) -> None:
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    labels = {}
    for call, runs in contenders.values():
        if runs > 1:
            call()  # compiled, and caches warm
    for run in range(max(runs for _, runs in contenders.values())):
        for name, (call, runs) in contenders.items():
            if run < runs:
                begin = time.perf_counter()
                labels[name] = call()
                seconds[name].append(time.perf_counter() - begin)
    print(f"\n{title}\n\n| | median, s | least, s | segments | k-way cut |\n| --- | ---: | ---: | ---: | ---: |")
    for name, values in seconds.items():
        found = labels[name] - labels[name].min() + 1
        cut, count = ncut_value(pixels, found), len(np.unique(found))
        print(f"| {name} | {statistics.median(values):.3f} | {min(values):.3f} | {count} | {cut:.5f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--image", type=Path)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--segments", type=int, default=8)
    parser.add_argument(
        "--exact-runs", type=int, default=1, help="0 leaves SciPy and scikit-learn out: they take minutes"
    )
    options = parser.parse_args()
    image = data.chelsea()[:300, :450] if options.image is None else io.imread(options.image)
    count, pixels = options.segments, pixel_affinities(image)
    height, width = image.shape[:2]
    regions = np.arange(height)[:, None] // 20 * (width // 20 + 1) + np.arange(width) // 20 + 1

    print(machine())
    contenders = {
        "densa": (lambda: normalized_cuts(pixel_affinities(image), count), options.runs),
        "densa, not refined": (lambda: normalized_cuts(pixel_affinities(image), count, refine=False), options.runs),
    }
    if options.exact_runs:
        matrix = as_sparse(pixels)
        contenders["scikit-learn, 4 neighbours"] = (lambda: of_scikit_learn(image, count), options.exact_runs)
        contenders["SciPy eigsh"] = (lambda: exact(matrix, (height, width), count), options.exact_runs)
    table(f"pixels, {height} x {width}, radius 5, {count} segments", contenders, pixels)
    contenders = {
        "densa": (lambda: normalized_cuts_of_regions(image, regions, count), options.runs),
        "scikit-image, recursive": (lambda: of_scikit_image(image, regions), options.runs),
    }
    table(f"region graph, {regions.max()} regions, graph and cut", contenders, pixels)


if __name__ == "__main__":
    main()
