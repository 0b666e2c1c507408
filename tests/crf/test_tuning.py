"""Successive halving: its plan, what it finds, and that it says when a CRF does not help."""

import numpy as np
import pytest

from densa.crf import DenseCrf, Sample, tune_dense_crf
from densa.crf.tuning import CANDIDATES, mean_iou
from densa.errors import InputError

GOOD, USELESS, HARMFUL = DenseCrf(1, 1, 10, 20, 4, 5), DenseCrf(1, 0, 1, 1, 0, 1), DenseCrf(20, 200, 1, 1, 0, 5)


def noisy(rng, share=0.25):
    """Two halves told apart by the image, with wrong labels strewn over them."""
    truth = np.zeros((16, 20), np.uint8)
    truth[:, rng.integers(6, 14) :] = 1
    labels = np.where(rng.random(truth.shape) < share, 1 - truth, truth)
    p = np.where(np.arange(2)[:, None, None] == labels, 0.7, 0.3)
    target = truth.copy()
    target[0] = 255
    return Sample(p, truth[None] * 150.0, target)


def test_finds_what_helps_and_repeats_it(rng):
    samples = [noisy(rng) for _ in range(5)]
    seen = []
    found = tune_dense_crf(
        lambda: iter(samples), [USELESS, HARMFUL, GOOD, GOOD], progress=lambda a, b: seen.append((a, b))
    )
    assert found.parameters == GOOD
    assert found.mean_iou > 0.98 > 0.8 > found.mean_iou_without
    assert [n for n, _ in found.rounds] == [2, 5]  # three candidates on a third of the images, the best on all
    assert seen[-1] == (3 * 2 + 5, 3 * 2 + 5)
    assert "CRF on" in str(found)
    assert tune_dense_crf(lambda: iter(samples), [USELESS, HARMFUL, GOOD]) == found


def test_stays_off_where_it_does_not_help(rng):
    samples = [noisy(rng, share=0.0) for _ in range(3)]  # nothing left to mend
    found = tune_dense_crf(lambda: iter(samples), [USELESS, HARMFUL])
    assert found.parameters is None
    assert not found.helps
    assert found.mean_iou_without == 1
    assert "off" in str(found)
    better = [noisy(rng) for _ in range(3)]
    assert tune_dense_crf(lambda: iter(better), [GOOD], least_gain=0.9).parameters is None


def test_mean_iou_by_hand():
    """Class 0: 3 of 5, class 1: 1 of 3; class 2 never occurs."""
    assert mean_iou(np.array([[3, 1, 0], [1, 1, 0], [0, 0, 0]])) == pytest.approx((3 / 5 + 1 / 3) / 2)


def test_candidates_are_different():
    assert len(set(CANDIDATES)) == len(CANDIDATES) == 31


def test_bad_input(rng):
    sample = noisy(rng)
    unlabelled = Sample(sample.probabilities, sample.image, np.full((16, 20), 255))
    beyond = Sample(sample.probabilities, sample.image, np.full((16, 20), 2))
    small = Sample(sample.probabilities, sample.image, np.zeros((3, 3), int))
    three = Sample(np.full((3, 16, 20), 1 / 3), sample.image, sample.target)
    for samples in ([], [unlabelled], [beyond], [small], [sample, three]):
        with pytest.raises(InputError):
            tune_dense_crf(lambda samples=samples: iter(samples), [GOOD])
    for options in ({"candidates": []}, {"candidates": [GOOD], "eta": 1}):
        with pytest.raises(InputError):
            tune_dense_crf(lambda: iter([sample]), **options)
