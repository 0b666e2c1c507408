"""Calibration against sums over pixels, worked examples and torchmetrics."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.metrics import log_loss

from densa.errors import InputError
from densa.metrics import CalibrationCounts


def made(rng, n_classes=4, shape=(60, 70), sharpness=2.0):
    """Probabilities, and a target drawn from them, sharpened: a model that is too sure."""
    scores = rng.normal(0, 2, (n_classes, *shape))
    true = np.exp(scores) / np.exp(scores).sum(0)
    draw = (true.cumsum(0) < rng.random(shape)).sum(0).clip(0, n_classes - 1)
    powers = np.exp(sharpness * scores - (sharpness * scores).max(0))
    return (powers / powers.sum(0)).astype(np.float32), draw.astype(np.uint8)


def counted(probabilities, target, predicted=None):
    counts = CalibrationCounts(len(probabilities))
    counts.update(probabilities, target, predicted)
    return counts


def ece_by_hand(probability, right, edges):
    """Mean over pixels of |share right - mean probability| of their bin (a, b]."""
    place = np.searchsorted(edges, probability, side="left")
    total = 0.0
    for k in np.unique(place):
        inside = place == k
        total += abs(right[inside].mean() - probability[inside].mean()) * inside.sum()
    return total / len(probability)


def test_sums_over_pixels(rng):
    probabilities, target = made(rng)
    found = counted(probabilities, target).summary()
    p, t = probabilities.reshape(4, -1).astype(np.float64), target.ravel()
    p /= p.sum(0)
    top, right = p.max(0), p.argmax(0) == t
    edges = np.arange(1, 15) / 15
    assert found.n_pixels == t.size
    assert_allclose(found.accuracy, right.mean())
    assert_allclose(found.confidence, top.mean(), atol=1e-7)
    assert_allclose(found.ece, ece_by_hand(top, right, edges), atol=1e-6)
    by_class = [ece_by_hand(p[k], t == k, edges) for k in range(4)]
    assert_allclose(found.class_ece, by_class, atol=1e-6)
    assert_allclose(found.class_wise_ece, np.mean(by_class), atol=1e-6)
    hot = np.eye(4)[t].T
    assert_allclose(found.brier, ((p - hot) ** 2).sum(0).mean(), atol=1e-6)
    assert_allclose(found.nll, log_loss(t, p.T, labels=range(4)), atol=1e-5)


def test_adaptive_bins_hold_equal_numbers(rng):
    probabilities, target = made(rng, shape=(300, 300), sharpness=1.0)
    found = counted(probabilities, target).summary(n_bins=10)
    top, right = probabilities.max(0).ravel(), (probabilities.argmax(0) == target).ravel()
    order = np.argsort(top)
    parts = np.array_split(order, 10)
    by_hand = sum(abs(top[part].mean() - right[part].mean()) * len(part) for part in parts) / len(order)
    assert_allclose(found.ece_adaptive, by_hand, atol=2e-4)  # whole fine bins of 1/1200


def test_area_under_risk_and_coverage(rng):
    confidence = 1 - (1 + rng.permutation(3000)) * 1e-7  # distinct, all above 1 - 1/1200
    right = rng.random(3000) < 0.7
    probabilities = np.stack([confidence, 1 - confidence])
    target = np.where(right, 0, 1)
    found = counted(probabilities.astype(np.float64).astype(np.float32), target).summary()
    order = np.argsort(-probabilities[0].astype(np.float32), kind="stable")
    wrong = ~right[order]
    risks = wrong.cumsum() / np.arange(1, 3001)
    # float32 has 2^-24 below 1: some of these are ties, in random order
    assert_allclose(found.aurc, risks.mean(), atol=3e-4)
    best = np.sort(~right).cumsum() / np.arange(1, 3001)
    assert_allclose(found.aurc - found.excess_aurc, best.mean(), atol=1e-9)
    coverage, risk = found.risks[4]
    assert coverage == 0.5
    assert_allclose(risk, risks[1499], atol=1e-3)


def test_ties_come_in_random_order():
    """All pixels equally sure: every share of them has the same risk."""
    sure = np.full(50, 0.7)
    found = counted(np.stack([sure, 1 - sure]), np.repeat([0, 1], [40, 10])).summary()
    assert_allclose(found.aurc, 0.2)
    assert_allclose([risk for _, risk in found.risks], 0.2)


def test_parts_of_the_brier_score():
    """Two forecasts, each exact in its bin: the parts are those of Murphy (1973)."""
    p = np.repeat([0.9, 0.3], [10, 10])
    target = np.repeat([0, 1, 0, 1], [8, 2, 5, 5])  # 0.8 and 0.5 of class 0
    found = counted(np.stack([p, 1 - p]), target).summary(n_bins=10)
    assert_allclose(found.brier_reliability, 2 * (0.1**2 + 0.2**2) / 2, atol=1e-6)
    assert_allclose(found.brier_resolution, 2 * 0.15**2, atol=1e-6)
    assert_allclose(found.brier_uncertainty, 2 * 0.65 * 0.35, atol=1e-6)
    assert_allclose(found.brier_within_bins, 0, atol=1e-6)


@given(st.integers(1, 59), st.integers(1, 69))
def test_any_tiling_gives_the_same_counts(row, column):
    probabilities, target = made(np.random.default_rng(1))
    whole = counted(probabilities, target)
    tiled = CalibrationCounts(4)
    for rows in (slice(row, None), slice(row)):
        for columns in (slice(column), slice(column, None)):
            part = CalibrationCounts(4)
            part.update(probabilities[:, rows, columns], target[rows, columns])
            tiled.merge(part)
    for name in ("top", "of_classes", "totals"):
        assert_array_equal(getattr(tiled, name), getattr(whole, name))


def test_void_and_unpredicted_pixels_are_left_out():
    probabilities = np.array([[0.9, 0.2, 0.6], [0.1, 0.8, 0.4]])
    found = counted(probabilities, np.array([0, 255, 1]), np.array([0, 1, 255]))
    assert found.n_pixels == 1
    with pytest.raises(InputError, match="at least one pixel"):
        counted(probabilities, np.full(3, 255)).summary()


def test_the_confidence_is_that_of_the_predicted_class():
    found = counted(np.array([[0.6], [0.4]]), np.array([1]), np.array([1])).summary()
    assert (round(found.confidence, 6), found.accuracy) == (0.4, 1)


def test_bytes_are_probabilities_of_8_bits(rng):
    probabilities, target = made(rng)
    exact = counted(probabilities, target).summary()
    rounded = counted(np.rint(probabilities * 255).astype(np.uint8), target, probabilities.argmax(0)).summary()
    assert_allclose(rounded.ece, exact.ece, atol=4e-3)


def test_table_of_confidence():
    p = np.array([0.75, 0.78, 0.72, 0.71, 1.0])
    table = counted(np.stack([p, 1 - p]), np.array([0, 0, 0, 1, 0])).summary().table
    assert len(table) == 10
    assert [(row.n_pixels, row.accuracy) for row in table if row.n_pixels] == [(4, 0.75), (1, 1)]
    assert_allclose(table[7].confidence, 0.74, atol=1e-6)
    assert np.isnan(table[0].accuracy)


@pytest.mark.parametrize(
    ("probabilities", "message"),
    [
        ([[0.9, 3.0], [0.1, -2.0]], "sum to 1 in every pixel, but those of 1 of 2 pixels"),
        ([[0.9, 0.9], [0.1, 0.9]], r"1 of 2 pixels do not \(their sums: from 1.8 to 1.8\)"),
        ([[0.9, np.nan], [0.1, 0.1]], "not numbers"),
        ([[0.9, 0.1]], "must be"),
        ([[1, 0], [0, 1]], "floats of 0..1 or uint8"),
    ],
)
def test_what_is_no_probability_is_refused(probabilities, message):
    counts = CalibrationCounts(2)
    with pytest.raises(InputError, match=message):
        counts.update(np.array(probabilities), np.array([0, 1]))
    assert counts.n_pixels == 0


def test_unknown_bins_and_other_classes_are_refused(rng):
    counts = counted(*made(rng))
    with pytest.raises(InputError, match="divide 1200"):
        counts.summary(n_bins=7)
    with pytest.raises(InputError, match="cannot be merged"):
        counts.merge(CalibrationCounts(3))
    with pytest.raises(InputError, match="n_classes"):
        CalibrationCounts(0)


def test_torchmetrics(rng):
    classification = pytest.importorskip("torchmetrics.functional.classification")
    import torch

    probabilities, target = made(rng)
    found = counted(probabilities, target).summary()
    given = torch.from_numpy(probabilities.reshape(4, -1).T.copy()), torch.from_numpy(target.ravel().astype(np.int64))
    for norm, value in (("l1", found.ece), ("max", found.mce)):
        expected = classification.multiclass_calibration_error(*given, num_classes=4, n_bins=15, norm=norm)
        assert_allclose(value, float(expected), atol=1e-5)
