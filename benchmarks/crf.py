"""The fully connected CRF beside pydensecrf: time, agreement with exact sums over all pairs, and the error of tiles.

    python benchmarks/crf.py [--peer PYTHON] [--exact] [--rounds 8]

PYTHON is an interpreter that has pydensecrf2 (in an environment of its own: it needs a compiler); without it the table
has no peer. The two take turns in fresh processes and the least time of all rounds is shown, as wall clock and as
processor time of all threads. The case: a photograph of scikit-image, 500 x 375, 21 classes of noisy probabilities, 10
iterations, pydensecrf's weights and widths. `--exact` compares with the exact mean field on every second pixel of every
second row, widths halved (2.2e9 pairs per iteration, some minutes).
"""

from __future__ import annotations

import argparse
import itertools
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
N_CALLS = 5  # of one process, the first not counted

PEER = """
import json, sys, time
import numpy as np
import pydensecrf.densecrf as dcrf
case, out, pixels = np.load(sys.argv[1]), sys.argv[2], float(sys.argv[3])
image, p = np.ascontiguousarray(case["image"].transpose(1, 2, 0)), case["p"]
times = []
for i in range(int(sys.argv[4]) + 1):
    wall, processor = time.perf_counter(), time.process_time()
    crf = dcrf.DenseCRF2D(p.shape[2], p.shape[1], p.shape[0])
    crf.setUnaryEnergy(np.ascontiguousarray(-np.log(np.clip(p, 1e-5, 1)).reshape(len(p), -1)))
    crf.addPairwiseGaussian(sxy=3, compat=3)
    crf.addPairwiseBilateral(sxy=pixels, srgb=13, rgbim=image, compat=10)
    q = np.array(crf.inference(10), np.float32).reshape(p.shape)
    times.append((time.perf_counter() - wall, time.process_time() - processor))
np.save(out, q)
print(json.dumps(times[1:]))
"""


def case() -> tuple[NDArray[np.uint8], Floats]:
    """Photograph (3, 375, 500) and noisy probabilities (21, 375, 500): near colours, beside smooth noise."""
    from scipy.ndimage import gaussian_filter
    from skimage import data

    rng = np.random.default_rng(0)
    image = data.coffee()[:375, :500].transpose(2, 0, 1)
    smooth = gaussian_filter(image.astype(np.float32), (0, 3, 3))
    centers = rng.uniform(0, 255, (21, 3))
    distances = ((smooth[None] - centers[:, :, None, None]) ** 2).sum(axis=1) / 2000
    energies = distances + gaussian_filter(rng.normal(size=(21, 375, 500)), (0, 6, 6)) * 8
    p = np.exp(-energies)
    return np.ascontiguousarray(image), (p / p.sum(axis=0)).astype(np.float32)


def ours(path: Path, out: Path, pixels: float, n: int) -> list[tuple[float, float]]:
    from densa.crf import DenseCrf, dense_crf

    with np.load(path) as stored:
        image, p = stored["image"], stored["p"]
    parameters = DenseCrf(3, 3, pixels, 13, 10, 10)
    times = []
    for _ in range(n + 1):
        wall, processor = time.perf_counter(), time.process_time()
        q = dense_crf(p, image, parameters)
        times.append((time.perf_counter() - wall, time.process_time() - processor))
    np.save(out, q)
    return times[1:]


def exact(image: NDArray[Any], p: Floats, pixels: float) -> Floats:
    """Mean field with all pairs; those more than 5.5 widths apart (2.7e-7) are passed over in blocks."""
    import torch
    from scipy.ndimage import convolve1d
    from sklearn.cluster import MiniBatchKMeans

    n_classes, height, width = p.shape
    rows, columns = np.mgrid[:height, :width]
    planes = [columns / pixels, rows / pixels, *(image / 13)]
    features = np.stack(planes, axis=-1).reshape(-1, len(planes)).astype(np.float32)
    cluster = MiniBatchKMeans(128, random_state=0, n_init=1).fit_predict(features)
    order = np.argsort(cluster, kind="stable")
    f = torch.from_numpy(features[order])
    cuts = np.flatnonzero(np.diff(cluster[order], prepend=-1, append=-1))
    blocks = [(s, min(s + 2048, b)) for a, b in itertools.pairwise(cuts) for s in range(a, b, 2048)]
    centers = [f[a:b].mean(0) for a, b in blocks]
    radii = [float((f[a:b] - c).norm(dim=1).max()) for (a, b), c in zip(blocks, centers, strict=True)]
    pairs = [
        (i, j)
        for i in range(len(blocks))
        for j in range(i, len(blocks))
        if float((centers[i] - centers[j]).norm()) - radii[i] - radii[j] < 5.5
    ]

    def appearance(values: torch.Tensor) -> torch.Tensor:
        source = values[order]
        target = torch.zeros_like(source)
        for i, j in pairs:
            (a, b), (c, d) = blocks[i], blocks[j]
            x, y = f[a:b] - centers[i], f[c:d] - centers[i]
            norms = -0.5 * ((x * x).sum(1)[:, None] + (y * y).sum(1)[None])
            kernel = torch.addmm(norms, x, y.T).clamp_(max=0).exp_()
            target[a:b] += kernel @ source[c:d]
            if i != j:
                target[c:d] += kernel.T @ source[a:b]
        result = torch.empty_like(target)
        result[order] = target
        return result

    taps = np.exp(-0.5 * (np.arange(-24, 25) / 3) ** 2)

    def smoothness(values: torch.Tensor) -> torch.Tensor:
        grid = values.reshape(height, width, -1).numpy().astype(np.float64)
        grid = convolve1d(convolve1d(grid, taps, axis=0, mode="constant"), taps, axis=1, mode="constant")
        return torch.from_numpy(grid.astype(np.float32).reshape(height * width, -1))

    ones = torch.ones(height * width, 1)
    a, s = appearance(ones).rsqrt(), smoothness(ones).rsqrt()
    scores = torch.log(torch.from_numpy(p.reshape(n_classes, -1).T.copy()).clamp(min=1e-5))
    q = torch.softmax(scores, 1)
    for _ in range(10):
        q = torch.softmax(scores + 10 * a * appearance(a * q) + 3 * s * smoothness(s * q), 1)
    return q.T.reshape(p.shape).numpy()


def halo_errors(image: NDArray[np.uint8], p: Floats) -> None:
    """Largest and mean difference, and labels that differ, of a tile's core from the whole, by halo."""
    from densa.crf import DenseCrf, dense_crf

    columns = ("appearance_px", "iterations", "halo in widths", "px", "origin known", "mean difference", "largest")
    print("\n| " + " | ".join(columns) + " | labels that differ |")
    print("| --- " * (len(columns) + 1) + "|")
    for pixels, n in ((20.0, 5), (20.0, 10), (40.0, 5)):
        parameters = DenseCrf(3, 3, pixels, 13, 10, n)
        whole = dense_crf(p, image, parameters)
        for reach, known in ((0, True), (1, True), (2, True), (3, True), (4, True), (3, False)):
            halo = round(reach * pixels)
            top, bottom = max(0, 140 - halo), min(375, 236 + halo)
            left, right = max(0, 200 - halo), min(500, 296 + halo)
            origin = (top, left) if known else (0, 0)
            window = (slice(None), slice(top, bottom), slice(left, right))
            tile = dense_crf(p[window], image[window], parameters, origin=origin)
            core = tile[:, 140 - top : 236 - top, 200 - left : 296 - left]
            there = whole[:, 140:236, 200:296]
            gap = np.abs(core - there)
            labels = (core.argmax(axis=0) != there.argmax(axis=0)).mean()
            row = f"| {pixels:.0f} | {n} | {reach} | {halo} | {'yes' if known else 'no'} | {gap.mean():.1e}"
            print(f"{row} | {gap.max():.2f} | {labels:.2%} |")


def run(command: list[str]) -> list[tuple[float, float]]:
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", help="a Python interpreter that has pydensecrf2")
    parser.add_argument("--exact", action="store_true", help="compare with the exact mean field")
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--worker", nargs=3, metavar=("CASE", "OUT", "PIXELS"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        stored, out, pixels = arguments.worker
        print(json.dumps(ours(Path(stored), Path(out), float(pixels), N_CALLS)))
        return
    image, p = case()
    with tempfile.TemporaryDirectory() as folder:
        whole, half = Path(folder) / "whole.npz", Path(folder) / "half.npz"
        np.savez(whole, image=image, p=p)
        np.savez(half, image=image[:, :374:2, ::2], p=p[:, :374:2, ::2])
        programs = {"densa": [sys.executable, __file__, "--worker"]}
        if arguments.peer:
            programs["pydensecrf2"] = [arguments.peer, "-c", PEER]

        def command(name: str, path: Path, pixels: int) -> list[str]:
            tail = [str(path), str(path.with_suffix(f".{name}.npy")), str(pixels)]
            return programs[name] + tail + ([] if name == "densa" else [str(N_CALLS)])

        times: dict[str, list[tuple[float, float]]] = {name: [] for name in programs}
        for _ in range(arguments.rounds):
            for name, found in times.items():
                found += run(command(name, whole, 80))
        print("| program | s | processor s |\n| --- | --- | --- |")
        for name, found in times.items():
            print(f"| {name} | {min(t[0] for t in found):.3f} | {min(t[1] for t in found):.3f} |")
        if arguments.exact:
            truth = exact(image[:, :374:2, ::2], np.ascontiguousarray(p[:, :374:2, ::2]), 40)
            print("\n| program | labels as the exact mean field | mean difference |\n| --- | --- | --- |")
            for name in programs:
                run(command(name, half, 40))
                q = np.load(half.with_suffix(f".{name}.npy"))
                same = (q.argmax(axis=0) == truth.argmax(axis=0)).mean()
                print(f"| {name} | {same:.2%} | {np.abs(q - truth).mean():.1e} |")
    halo_errors(image, p)


if __name__ == "__main__":
    main()
