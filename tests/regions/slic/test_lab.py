"""CIELAB in integers."""

import numpy as np
import pytest

from densa.regions.slic.lab import DIAMETER, lab_planes


def test_lab_of_named_colours():
    colors = {
        (255, 0, 0): (53.241, 80.094, 67.202),
        (0, 255, 0): (87.735, -86.181, 83.177),
        (0, 0, 255): (32.297, 79.189, -107.865),
        (128, 128, 128): (53.585, 0.0, 0.0),
        (255, 255, 255): (100, 0.0, 0.0),
        (0, 0, 0): (0, 0, 0),
    }
    planes = lab_planes(np.array([list(colors)], np.uint8), 50)
    assert np.abs(planes[:, 0].T / 50 - list(colors.values())).max() < 0.1


def test_lab_matches_scikit_image(rng):
    color = pytest.importorskip("skimage.color")
    rgb = rng.integers(0, 256, (300, 300, 3), dtype=np.uint8)
    rgb[:150] //= 8  # dark colours, where the cube root is steep
    error = np.abs(np.moveaxis(lab_planes(rgb, 50) / 50, 0, -1) - color.rgb2lab(rgb))
    assert (error.reshape(-1, 3).max(0) < (0.2, 0.3, 0.2)).all()


def test_lab_diameter_of_srgb():
    color = pytest.importorskip("skimage.color")
    corners = np.array([[r, g, b] for r in (0, 255) for g in (0, 255) for b in (0, 255)], np.uint8)
    lab = color.rgb2lab(corners)
    assert np.linalg.norm(lab[:, None] - lab[None], axis=2).max() < DIAMETER
