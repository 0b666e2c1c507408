"""From strokes to a label map of a megapixel: the forest trained and applied anew, features computed once.

    NUMBA_NUM_THREADS=2 OMP_NUM_THREADS=1 python benchmarks/scribbles.py [--side 1024] [--rounds 5]

The image is scikit-image's stained tissue, mirrored to the side asked for, with the strokes of `densa demo`, the forest
that of `densa train IMAGE --strokes FILE --model pixel-forest`. Each round redraws: another seed. The least of the
rounds is shown; scikit-learn applies the same forest to the same features, its trees shared by two threads.
"""

import argparse
import time

import numpy as np
from machine import machine
from skimage import data
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier

from densa.shallow import PixelFeatures, draw_strokes, fit_trees, tissue_strokes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    side = arguments.side
    tissue = data.immunohistochemistry()
    image = np.pad(tissue, ((0, max(0, side - 512)), (0, max(0, side - 512)), (0, 0)), mode="reflect")[:side, :side]
    labels = draw_strokes(tissue_strokes(), side, side)
    print(machine())
    print(f"{side} x {side} pixels, {np.count_nonzero(labels != 255)} of them drawn on\n")
    print("| features | describe once, s | trees | train, s | apply, s | strokes to map, s | scikit-learn applies, s |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    features = PixelFeatures(("colours", "multi-scale"))
    block = np.ascontiguousarray(image.transpose(2, 0, 1))
    features.compute(block[:, :64, :64])  # compiles
    start = time.perf_counter()
    described = features.compute(block)
    once = time.perf_counter() - start
    for kind, n_trees in (("random-forest", 50), ("random-forest", 100), ("extra-trees", 100)):
        numbers = row(described, labels, kind, n_trees, arguments.rounds)
        print(f"| {len(described)} | {once:.2f} | {n_trees}, {kind} | {numbers}", flush=True)


def row(described: np.ndarray, labels: np.ndarray, kind: str, n_trees: int, rounds: int) -> str:
    flat, target = described.reshape(len(described), -1), labels.ravel()
    drawn = np.flatnonzero(target != 255)
    ours, theirs = [], []
    for seed in range(rounds + 1):
        start = time.perf_counter()
        trees = fit_trees(np.ascontiguousarray(flat[:, drawn].T), target[drawn], 3, kind, n_trees=n_trees, seed=seed)
        trained = time.perf_counter()
        trees.probabilities(described).argmax(axis=0).astype(np.uint8)
        end = time.perf_counter()
        if seed:  # the first round compiles and imports
            ours.append((end - start, trained - start, end - trained))
        if seed in (1, 2):
            make = RandomForestClassifier if kind == "random-forest" else ExtraTreesClassifier
            forest = make(n_trees, min_samples_leaf=2, class_weight="balanced", n_jobs=2, random_state=seed).fit(
                flat[:, drawn].T, target[drawn]
            )
            pixels = np.ascontiguousarray(flat.T)  # the order that scikit-learn wants, outside the clock
            start = time.perf_counter()
            forest.predict_proba(pixels)
            theirs.append(time.perf_counter() - start)
    total, train, apply = min(ours)
    return f"{train:.2f} | {apply:.2f} | {total:.2f} | {min(theirs):.2f} |"


if __name__ == "__main__":
    main()
