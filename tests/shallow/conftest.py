"""Small labelled images, as a data set gives them."""

import numpy as np
import pytest


def part(window):
    """Rows and columns of a window; None: all."""
    if window is None:
        return slice(None), slice(None)
    return slice(window.row, window.row + window.height), slice(window.column, window.column + window.width)


class Images:
    """Labelled images in memory."""

    def __init__(self, pixels, labels, valid=None):
        self.pixels, self.maps, self.valid = pixels, labels, valid or [np.ones(m.shape, bool) for m in labels]

    def __len__(self):
        return len(self.maps)

    def size(self, i):
        return self.maps[i].shape

    def labels(self, i, window=None):
        return self.maps[i][part(window)]

    def image(self, i, window=None):
        rows, columns = part(window)
        return self.pixels[i][:, rows, columns].copy(), self.valid[i][rows, columns].copy()


def scene(rng, height=96, width=120, n_bands=3, dtype=np.uint8):
    """Bright and textured squares (classes 1 and 2) on a dark ground (class 0)."""
    labels = np.zeros((height, width), np.uint8)
    for k in (1, 2, 1, 2, 1, 2):
        row, column = rng.integers(0, height - 30), rng.integers(0, width - 30)
        labels[row : row + 30, column : column + 30] = k
    checks = np.indices(labels.shape).sum(axis=0) // 2 % 2
    level = np.choose(labels, (50, 160, 60 + 100 * checks))
    noise = rng.normal(0, 12, (n_bands, height, width))
    return (level + noise).clip(0, 255).astype(dtype), labels


@pytest.fixture
def images(rng):
    """Two scenes of three 8-bit bands."""
    made = [scene(rng) for _ in range(2)]
    return Images([p for p, _ in made], [m for _, m in made])


@pytest.fixture
def make_images():
    """The class of images, and the maker of scenes."""
    return Images, scene
