"""SLIC and the region graph beside scikit-image and OpenCV: time, peak memory, and quality on BSDS500.

    python benchmarks/slic.py [--data FOLDER] [--sizes 321x481 4096x4096] [--rounds 5] [--quality 100]

FOLDER holds `bsds500/images/val` (photographs) and `bsds500/groundTruth/val` (.mat files); DENSA_REALDATA names it as
well. Without it the photographs of scikit-image are used and the table of quality is left out. Every measurement is a
fresh process; the methods take turns, and the median of the rounds is shown. A process that only loads the image gives
the memory that is not the method's.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]


def photographs(data: Path | None) -> list[Image]:
    """Photographs lying on their long side."""
    found: list[Image] = []
    if data is not None:
        from densa import raster

        for path in sorted((data / "bsds500").rglob("val/*.jpg"))[:40]:
            with raster.open(path) as image:
                found.append(np.moveaxis(image.read()[0], 0, -1))
    if not found:
        from skimage import data as samples

        found = [samples.astronaut(), samples.coffee(), samples.chelsea()]
    return [np.ascontiguousarray(p if p.shape[0] < p.shape[1] else p.transpose(1, 0, 2)) for p in found]


def mosaic(photos: list[Image], height: int, width: int) -> Image:
    """Photographs side by side."""
    out = np.empty((height, width, 3), np.uint8)
    tile_height = min(p.shape[0] for p in photos)
    tile_width = min(p.shape[1] for p in photos)
    i = 0
    for y in range(0, height, tile_height):
        for x in range(0, width, tile_width):
            part = out[y : y + tile_height, x : x + tile_width]
            part[:] = photos[i % len(photos)][: part.shape[0], : part.shape[1]]
            i += 1
    return out


def ours(image: Image, n: int) -> NDArray[np.int32]:
    from densa.regions import slic

    return slic(image, n)


def scikit_image(image: Image, n: int) -> NDArray[np.int64]:
    from skimage.segmentation import slic

    return slic(image, n, start_label=1)


def opencv(image: Image, n: int) -> NDArray[np.int32]:
    import cv2

    lab = cv2.cvtColor(image, cv2.COLOR_RGB2LAB)
    step = round((image.shape[0] * image.shape[1] / n) ** 0.5)
    superpixels = cv2.ximgproc.createSuperpixelSLIC(lab, cv2.ximgproc.SLIC, step, 10.0)
    superpixels.iterate(10)
    superpixels.enforceLabelConnectivity(25)
    return superpixels.getLabels() + 1


def nothing(image: Image, n: int) -> None:
    del image, n


def our_graph(image: Image, regions: NDArray[np.int32]) -> None:
    from densa.regions import region_graph, threshold_cut

    _ = threshold_cut(region_graph(image, regions), 29.0)[regions]


def their_graph(image: Image, regions: NDArray[np.int32]) -> None:
    from skimage import graph

    graph.cut_threshold(regions, graph.rag_mean_color(image, regions), 29)


METHODS: dict[str, Callable[[Image, int], object]] = {
    "load only": nothing,
    "densa": ours,
    "scikit-image": scikit_image,
    "OpenCV": opencv,
}


def one(method: str, data: Path | None, height: int, width: int, n: int) -> None:
    """Time and peak memory of one method in this process, as JSON."""
    image = mosaic(photographs(data), height, width)
    METHODS[method](np.ascontiguousarray(image[:321, :481]), 500)  # compiled code is loaded here
    times = []
    for _ in range(20 if image.size < 1 << 20 else 1):
        start = time.perf_counter()
        METHODS[method](image, n)
        times.append(time.perf_counter() - start)
    seconds = min(times)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "peak_mib": peak}))


def speed(data: Path | None, sizes: list[tuple[int, int]], rounds: int) -> None:
    available = list(METHODS)
    try:
        import cv2

        cv2.ximgproc  # noqa: B018
    except (ImportError, AttributeError):
        available.remove("OpenCV")
    print("| image | superpixels | method | seconds | peak MiB |\n| --- | --- | --- | --- | --- |")
    for height, width in sizes:
        n = 500 if height * width < 1 << 20 else height * width // 400
        results: dict[str, list[dict[str, float]]] = {m: [] for m in available}
        for _ in range(rounds):
            for method in available:
                command = [sys.executable, __file__, "--one", method, "--sizes", f"{height}x{width}", "--count", str(n)]
                command += ["--data", str(data)] if data else []
                done = subprocess.run(command, check=True, capture_output=True, text=True)
                results[method].append(json.loads(done.stdout))
        for method in available:
            seconds = statistics.median(r["seconds"] for r in results[method])
            peak = statistics.median(r["peak_mib"] for r in results[method])
            print(f"| {height}x{width} | {n} | {method} | {seconds:.4f} | {peak:.0f} |", flush=True)


def graph_speed(data: Path | None, rounds: int) -> None:
    """Region graph of about 400 regions of one photograph, and its threshold cut."""
    image = photographs(data)[0]
    regions = ours(image, 400)
    times: dict[str, list[float]] = {"densa": [], "scikit-image": []}
    for i in range(rounds + 1):
        for name, function in (("densa", our_graph), ("scikit-image", their_graph)):
            start = time.perf_counter()
            function(image, regions)
            if i:  # the first compiles
                times[name].append(time.perf_counter() - start)
    print("\n| region graph and threshold cut | milliseconds |\n| --- | --- |")
    for name, values in times.items():
        print(f"| {name}, {image.shape[0]}x{image.shape[1]}, {regions.max()} regions | {1000 * min(values):.2f} |")


def quality(data: Path, n_images: int) -> None:
    """Boundary recall (within 2 pixels), under-segmentation error and ASA, means over images and people."""
    from scipy.io import loadmat

    from densa import raster
    from densa.metrics.superpixels import boundary_recall, superpixel_overlap

    paths = sorted((data / "bsds500").rglob("val/*.jpg"))[:n_images]
    truths = {p.stem: p for p in (data / "bsds500").rglob("*.mat")}
    print(f"\n| {len(paths)} images of BSDS500 val | K | superpixels | recall | UE | ASA |\n" + "| --- " * 6 + "|")
    for n in (100, 500, 1000):
        for name, method in (("densa", ours), ("scikit-image", scikit_image)):
            scores = []
            for path in paths:
                with raster.open(path) as image:
                    found = np.asarray(method(np.ascontiguousarray(np.moveaxis(image.read()[0], 0, -1)), n))
                for truth in loadmat(truths[path.stem])["groundTruth"][0]:
                    target = truth[0, 0]["Segmentation"].astype(np.int64)
                    overlap = superpixel_overlap(found, target)
                    recall = boundary_recall(found, target, 2)
                    scores.append(
                        (overlap.n_superpixels, recall, overlap.undersegmentation, overlap.achievable_accuracy)
                    )
            count, recall, error, accuracy = np.nanmean(scores, axis=0)
            print(f"| {name} | {n} | {count:.0f} | {recall:.4f} | {error:.4f} | {accuracy:.4f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=os.environ.get("DENSA_REALDATA"))
    parser.add_argument("--sizes", nargs="+", default=["321x481", "1024x1024", "4096x4096"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quality", type=int, default=100, help="images to measure the quality on; 0: none")
    parser.add_argument("--one", choices=list(METHODS), help=argparse.SUPPRESS)
    parser.add_argument("--count", type=int, default=500, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    data = Path(arguments.data) if arguments.data and (Path(arguments.data) / "bsds500").is_dir() else None
    sizes = [(int(h), int(w)) for h, w in (s.split("x") for s in arguments.sizes)]
    if arguments.one:
        one(arguments.one, data, *sizes[0], arguments.count)
        return
    speed(data, sizes, arguments.rounds)
    graph_speed(data, 3 * arguments.rounds)
    if data is None:
        print("\nno BSDS500 in --data: the table of quality is left out")
    elif arguments.quality:
        quality(data, arguments.quality)


if __name__ == "__main__":
    main()
