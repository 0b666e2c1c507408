"""Trees as flat arrays beside scikit-learn's own: the same probabilities, how much sooner.

    NUMBA_NUM_THREADS=1 OMP_NUM_THREADS=1 python benchmarks/trees.py [--pixels 200000] [--rounds 5]

Trained on pixels of a photograph (the multi-scale set, 49 features; four classes of brightness, a tenth of the labels
wrong), applied to its other pixels. The two take turns in one process; the least of the rounds is shown. scikit-learn
gets its pixels in the order that it wants, ours feature by feature, as descriptors write them.
"""

import argparse
import time

import numpy as np
from machine import machine
from skimage import data
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier, RandomForestClassifier

from densa.descriptors import MultiScale
from densa.shallow.from_sklearn import boosted_trees, forest_trees


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pixels", type=int, default=200_000)
    parser.add_argument("--samples", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    rng = np.random.default_rng(0)
    image = data.camera()
    features = MultiScale().compute(image[None]).reshape(49, -1)
    labels = image.ravel() // 64
    wrong = rng.random(labels.size) < 0.1
    labels[wrong] = rng.integers(0, 4, int(wrong.sum()))
    drawn = rng.permutation(labels.size)[: arguments.samples]
    asked = np.ascontiguousarray(features[:, : arguments.pixels])
    rows = np.ascontiguousarray(asked.T)
    print(machine())
    print("| trees | nodes | largest difference | scikit-learn, s | densa, s | times as fast |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, model, convert in (
        ("random forest, 100 trees", RandomForestClassifier(100, min_samples_leaf=2, random_state=0), forest_trees),
        ("extremely random, 100 trees", ExtraTreesClassifier(100, min_samples_leaf=2, random_state=0), forest_trees),
        ("boosting, 100 rounds", HistGradientBoostingClassifier(max_iter=100, random_state=0), boosted_trees),
    ):
        model.fit(features[:, drawn].T, labels[drawn])
        trees = convert(model)
        difference = np.abs(trees.probabilities(asked).T - model.predict_proba(rows)).max()
        times = np.array([turn(trees, model, asked, rows) for _ in range(arguments.rounds)]).min(axis=0)
        print(
            f"| {name} | {len(trees.feature)} | {difference:.1e} | {times[1]:.2f} | {times[0]:.2f} | "
            f"{times[1] / times[0]:.1f} |",
            flush=True,
        )


def turn(trees: object, model: object, asked: np.ndarray, rows: np.ndarray) -> tuple[float, float]:
    start = time.perf_counter()
    trees.probabilities(asked)  # type: ignore[attr-defined]
    middle = time.perf_counter()
    model.predict_proba(rows)  # type: ignore[attr-defined]
    return middle - start, time.perf_counter() - middle


if __name__ == "__main__":
    main()
