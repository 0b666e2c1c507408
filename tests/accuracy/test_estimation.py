"""Estimates against the worked examples of the papers, and against textbook formulas."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose

from densa import accuracy
from densa.errors import InputError

# Olofsson et al. 2014, table 8: rows are the map's classes, columns the reference; pixels of 30 m.
OLOFSSON = np.array([[66, 0, 5, 4], [0, 55, 8, 12], [1, 0, 153, 11], [2, 1, 9, 313]])
PIXELS = (200_000, 150_000, 3_200_000, 6_450_000)
NAMES = ("deforestation", "forest gain", "stable forest", "stable non-forest")
# Stehman 2014, table 2: 40 pixels, ten of each stratum.
STEHMAN_MAP = "AAAAAAABBB" + "ABBBBBBBBB" + "BBCCCCCCBB" + "DDDDDDDDDD"
STEHMAN_REFERENCE = "AAAAACBABC" + "ABBBBBAABB" + "CCCCCDDBBA" + "DDDDDDDCCB"
STEHMAN_SIZES = (40_000, 30_000, 20_000, 10_000)


def olofsson(pixel_area=1.0):
    on_map, truth = (np.repeat(places.ravel(), OLOFSSON.ravel()) for places in np.indices((4, 4)))
    strata = [accuracy.Stratum(name, n, n * pixel_area) for name, n in zip(NAMES, PIXELS, strict=True)]
    return accuracy.estimate_accuracy(on_map, on_map, truth, strata, class_names=NAMES)


def stehman():
    strata = [accuracy.Stratum(str(h), n, n) for h, n in enumerate(STEHMAN_SIZES, 1)]
    on_map, truth = (["ABCD".index(name) for name in names] for names in (STEHMAN_MAP, STEHMAN_REFERENCE))
    return accuracy.estimate_accuracy(np.repeat(range(4), 10), on_map, truth, strata, class_names="ABCD")


def test_olofsson_2014_accuracies():
    found = olofsson()
    assert found.points.tolist() == [75, 75, 165, 325]
    assert_allclose([found.overall.value, found.overall.half_width], [0.95, 0.02], atol=0.005)
    assert_allclose([one.value for one in found.users], [0.88, 0.73, 0.93, 0.96], atol=0.005)
    assert_allclose([one.half_width for one in found.users], [0.07, 0.10, 0.04, 0.02], atol=0.005)
    assert_allclose([one.value for one in found.producers], [0.75, 0.85, 0.93, 0.96], atol=0.005)
    assert_allclose([one.half_width for one in found.producers], [0.21, 0.25, 0.03, 0.02], atol=0.005)
    # equation 7, written out for deforestation
    n, total = OLOFSSON.sum(1), np.array(PIXELS, float)
    truth = (total * OLOFSSON[:, 0] / n).sum()
    users, producers = 66 / 75, total[0] * 66 / 75 / truth
    first = total[0] ** 2 * (1 - producers) ** 2 * users * (1 - users) / (75 - 1)
    others = sum(total[i] ** 2 * OLOFSSON[i, 0] / n[i] * (1 - OLOFSSON[i, 0] / n[i]) / (n[i] - 1) for i in (1, 2, 3))
    assert_allclose(found.producers[0].standard_error, math.sqrt(first + producers**2 * others) / truth)


def test_olofsson_2014_areas():
    found = olofsson()
    assert found.area == 10_000_000
    assert round(found.area * found.areas[0].value) == 235_086  # pixels
    assert round(found.area * found.areas[0].standard_error * 1.96) == 68_418
    hectares = olofsson(pixel_area=0.09)
    assert round(hectares.area * hectares.areas[0].value) == 21_158
    assert round(hectares.area * hectares.areas[0].half_width) == 6_158
    assert_allclose([one.value for one in found.areas], [0.0235, 0.0130, 0.3175, 0.6460], atol=0.001)
    assert_allclose([one.value for one in found.mapped], [0.02, 0.015, 0.32, 0.645])
    assert_allclose(found.matrix.sum(), 1)


def test_stehman_2014_where_strata_are_not_the_maps_classes():
    found = stehman()
    assert_allclose([found.overall.value, found.overall.standard_error], [0.63, 0.085], atol=5e-4)
    assert_allclose([found.areas[0].value, found.areas[0].standard_error], [0.35, 0.082], atol=5e-4)
    assert_allclose([found.areas[2].value, found.areas[2].standard_error], [0.20, 0.064], atol=5e-4)
    assert_allclose([found.users[0].value, found.producers[0].value], [0.74, 0.66], atol=0.005)
    assert_allclose([found.users[1].value, found.users[1].standard_error], [0.574, 0.125], atol=5e-4)
    assert_allclose([found.producers[1].value, found.producers[1].standard_error], [0.794, 0.117], atol=5e-4)
    assert_allclose(found.matrix[1, 2], 0.08)  # mapped B, truly C


@pytest.mark.parametrize("k", range(4))
def test_ratios_follow_equation_28(k):
    """With variances and the covariance written out, as printed."""
    found = stehman()
    on_map, truth = (np.array(list(names)) == "ABCD"[k] for names in (STEHMAN_MAP, STEHMAN_REFERENCE))
    for estimate, x in ((found.users[k], on_map), (found.producers[k], truth)):
        y = on_map & truth
        totals, variance = [0.0, 0.0], 0.0
        for h, size in enumerate(STEHMAN_SIZES):
            ys, xs = y[10 * h : 10 * h + 10].astype(float), x[10 * h : 10 * h + 10].astype(float)
            totals = [totals[0] + size * ys.mean(), totals[1] + size * xs.mean()]
        ratio = totals[0] / totals[1]
        for h, size in enumerate(STEHMAN_SIZES):
            (vy, cov), (_, vx) = np.cov(y[10 * h : 10 * h + 10].astype(float), x[10 * h : 10 * h + 10].astype(float))
            variance += size**2 * (1 - 10 / size) * (vy + ratio**2 * vx - 2 * ratio * cov) / 10
        assert_allclose(estimate.value, ratio)
        assert_allclose(estimate.standard_error, math.sqrt(variance) / totals[1], rtol=1e-3)


def test_one_stratum_is_a_simple_random_sample():
    found = accuracy.estimate_accuracy(
        np.zeros(5, int), [0, 0, 1, 1, 1], [0, 1, 1, 1, 1], [accuracy.Stratum("all", 50, 50)], class_names="ab"
    )
    # Cochran 1977, equation 3.8: p (1 - p) / (n - 1) and the correction 1 - n / N
    assert_allclose(found.overall.standard_error, math.sqrt(0.8 * 0.2 / 4 * (1 - 5 / 50)))


def test_units_of_unequal_area_count_by_their_area():
    """Against the linearised variance of a ratio of means, written out (Cochran 1977, equation 6.13)."""
    area, right = np.array([1.0, 2.0, 4.0, 3.0]), np.array([1, 0, 1, 1])
    found = accuracy.estimate_accuracy(
        np.zeros(4, int),
        np.zeros(4, int),
        1 - right,
        [accuracy.Stratum("all", 100, 260.0)],
        class_names="ab",
        unit_areas=area,
    )
    assert_allclose(found.overall.value, 8 / 10)
    residual = area * right - 0.8 * area
    expected = math.sqrt(1 / 4 * (residual**2).sum() / 3) / area.mean()
    assert_allclose(found.overall.standard_error, expected)


def test_parts_of_a_block_are_a_cluster():
    parts = accuracy.Parts(
        np.array([0, 0, 1, 2, 2]),
        np.array([0, 1, 0, 1, 1]),
        np.array([0, 0, 0, 1, 0]),
        np.array([3.0, 1.0, 4.0, 2.0, 2.0]),
    )
    found = accuracy.estimate_parts(np.zeros(3, np.int64), parts, [accuracy.Stratum("all", 30, 120)], class_names="ab")
    shares = np.array([0.75, 1, 0.5])
    assert_allclose(found.overall.value, shares.mean())
    assert_allclose(found.overall.standard_error, math.sqrt(0.9 * shares.var(ddof=1) / 3))


def test_a_stratum_without_points_is_named():
    strata = [accuracy.Stratum("forest", 5, 5), accuracy.Stratum("road", 5, 5)]
    with pytest.raises(InputError, match="strata without points: road; nothing is known of them"):
        accuracy.estimate_accuracy([0, 0], [0, 0], [0, 0], strata, class_names=("forest", "road"))


def test_a_stratum_with_one_point_has_no_variance_and_this_is_said():
    strata = [accuracy.Stratum("forest", 50, 50), accuracy.Stratum("road", 5, 5)]
    found = accuracy.estimate_accuracy([0, 0, 1], [0, 0, 1], [0, 1, 1], strata, class_names=("forest", "road"))
    assert math.isfinite(found.overall.value)
    assert math.isnan(found.overall.standard_error)
    assert math.isfinite(found.users[0].standard_error)  # of the other stratum alone
    assert math.isnan(found.users[1].standard_error)
    assert found.overall.to_json()["standard_error"] is None
    assert "one point have no variance" in found.remarks[0]


def test_a_stratum_that_was_sampled_as_a_whole_has_no_error():
    strata = [accuracy.Stratum("forest", 1, 1), accuracy.Stratum("road", 2, 2)]
    found = accuracy.estimate_accuracy([0, 1, 1], [0, 1, 1], [0, 1, 0], strata, class_names=("forest", "road"))
    assert found.overall.standard_error == 0
    assert found.remarks == ()


def test_a_class_that_does_not_occur_is_undefined():
    found = accuracy.estimate_accuracy(
        [0, 0], [0, 0], [0, 0], [accuracy.Stratum("all", 9, 9)], class_names=("here", "never")
    )
    assert math.isnan(found.users[1].value)
    assert math.isnan(found.producers[1].value)
    assert found.areas[1].value == 0
    assert found.users[1].to_json()["value"] is None


@pytest.mark.parametrize(
    ("stratum", "predicted", "reference", "message"),
    [
        ([0, 1], [0, 0], [0, 0], "stratum must be numbers from 0 to 0, got 1"),
        ([0, 0], [0, 2], [0, 0], "predicted must be numbers from 0 to 1, got 2"),
        ([0, 0], [0, 0], [0, -1], "reference must be numbers from 0 to 1, got -1"),
        ([0, 0], [0, 0], [0], "a value for each sampled unit"),
    ],
)
def test_bad_arguments(stratum, predicted, reference, message):
    with pytest.raises(InputError, match=message):
        accuracy.estimate_accuracy(
            stratum, predicted, reference, [accuracy.Stratum("all", 9, 9)], class_names=("a", "b")
        )
