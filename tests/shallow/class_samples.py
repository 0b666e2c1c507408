"""Samples of classes that features separate in part."""

import numpy as np


def samples(rng, n=600, n_features=7, n_classes=3):
    """(n, n_features) float32 features and (n,) classes."""
    features = rng.normal(size=(n, n_features)).astype(np.float32)
    features[:, 0] = np.rint(features[:, 0] * 4) / 4  # many equal values: thresholds fall between them
    score = features[:, :n_classes] + 0.7 * rng.normal(size=(n, n_classes))
    return features, score.argmax(axis=1)
