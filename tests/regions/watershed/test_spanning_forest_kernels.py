"""Kernels of the spanning forest: threads that change one another's paths."""

import numpy as np

from densa import parallel
from densa.regions.watershed import _spanning_forest_kernels as kernels


def test_threads_that_follow_the_same_paths_all_arrive(rng, monkeypatch):
    monkeypatch.setattr(parallel, "n_threads", lambda: 2)
    height, width = 302, 302
    steps = np.zeros(height * width, np.uint8)
    inner = np.pad(np.ones((height - 2, width - 2), bool), 1).ravel()
    n = int(inner.sum())
    for _ in range(150):
        order = rng.permutation(np.flatnonzero(inner))  # each points a few places on: the paths cross all rows
        target = np.zeros(height * width, np.int32)
        target[order] = order[np.minimum(np.arange(n) + rng.integers(1, 3, n), n - 1)]
        assert kernels.follow(steps, width, True, target) == 1
        assert (target[inner] == order[-1]).all()
