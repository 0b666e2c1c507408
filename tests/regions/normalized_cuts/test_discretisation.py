"""Labels from eigenvectors."""

import numpy as np
from numpy.testing import assert_array_equal

from densa.regions.normalized_cuts.discretisation import discretise


def test_rotated_indicators_are_told_apart(rng):
    truth = rng.integers(0, 3, 200)
    rotation = np.linalg.qr(rng.standard_normal((3, 3)))[0]
    scales = rng.uniform(0.5, 2, 200)  # rows count by their direction alone
    labels = discretise((rotation @ (np.eye(3)[truth].T * scales)).astype(np.float32))
    assert_array_equal(labels[:, None] == labels, truth[:, None] == truth)
