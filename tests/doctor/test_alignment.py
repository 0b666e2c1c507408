"""Shifts and turns of masks, told by the edges of image and mask."""

import numpy as np
import pytest
from scipy import ndimage

from densa.doctor.alignment import TURNS, best_turn, correlation, peak_of, turned
from tests.doctor.sets import scene


def pair(seed=0, size=(160, 200)):
    image, labels = scene(seed, size)
    return image.mean(2).astype(np.float32), labels


@pytest.mark.parametrize("shift", [(0, 0), (3, 0), (-3, 5), (0, -17), (20, 21)])
def test_the_shift_of_a_mask(shift):
    grey, labels = pair()
    found = peak_of(correlation(grey, np.roll(labels, shift, (0, 1))))
    assert (found.rows, found.columns) == shift
    assert found.is_shift == (shift != (0, 0))
    assert found.distance == pytest.approx(np.hypot(*shift))


def test_correlation_is_the_sum_over_the_pixels():
    """Against sums of shifted products."""
    grey, labels = pair(1, (60, 70))
    surface = correlation(grey, labels)
    radius = surface.shape[0] // 2
    assert radius == 12
    edges = np.sqrt(np.minimum(e := ndimage.gaussian_gradient_magnitude(grey, 1.0), np.percentile(e, 98)))
    edges -= edges.mean()
    border = np.zeros(labels.shape, bool)
    border[1:] |= labels[1:] != labels[:-1]
    border[:-1] |= labels[1:] != labels[:-1]
    border[:, 1:] |= labels[:, 1:] != labels[:, :-1]
    border[:, :-1] |= labels[:, 1:] != labels[:, :-1]
    borders = np.pad(border - border.mean(), radius)
    sums = np.array(
        [
            [(borders[r : r + 60, c : c + 70] * edges).sum() for c in range(2 * radius + 1)]
            for r in range(2 * radius + 1)
        ]
    )
    spread = 1.4826 * np.median(np.abs(sums - np.median(sums)))
    np.testing.assert_allclose(surface, (sums - np.median(sums)) / spread, atol=1e-3)


@pytest.mark.parametrize("seed", range(5))
def test_noise_shows_no_shift(seed):
    rng = np.random.default_rng(seed)
    grey = rng.normal(100, 30, (160, 200)).astype(np.float32)
    assert not peak_of(correlation(grey, pair(seed)[1])).is_shift


@pytest.mark.parametrize(
    ("grey", "labels"),
    [
        (np.zeros((100, 100)), pair(0, (100, 100))[1]),
        (pair(0, (100, 100))[0], np.zeros((100, 100), np.uint8)),
        (pair(0, (12, 12))[0], pair(0, (12, 12))[1]),
    ],
)
def test_no_edges_no_answer(grey, labels):
    assert correlation(grey, labels) is None


@pytest.mark.parametrize("how", range(8))
def test_the_way_of_turning(how):
    grey, labels = pair(2, (120, 120))
    inverse = {1: 3, 3: 1}.get(how, how)
    best, scores = best_turn(grey, turned(labels, how))
    assert TURNS[best] == TURNS[inverse]
    assert scores[best] > 2 * np.sort(scores)[-2]
