"""Samples of a population whose truth is known: estimates are unbiased, and intervals hold it as often as they say."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from densa import accuracy

SIZES = np.array([3000, 12_000, 25_000])
NAMES = ("road", "field", "forest")
RIGHT = np.array([0.75, 0.85, 0.9])


@pytest.fixture(scope="module")
def population():
    """Class on the map, true class, area and region of 40 000 pixels; a region cuts across the classes."""
    rng = np.random.default_rng(5)
    on_map = np.repeat(np.arange(3), SIZES)
    wrong = rng.random(len(on_map)) > RIGHT[on_map]
    truth = np.where(wrong, (on_map + rng.integers(1, 3, len(on_map))) % 3, on_map)
    area = rng.uniform(0.5, 1.5, len(on_map)) + 0.3 * (truth == 2)  # units of unequal area, related to the class
    region = (rng.random(len(on_map)) < 0.3 + 0.2 * (truth == 1)).astype(int)
    return on_map, truth, area, region


def simulate(population, strata_of, n, estimator_of=None, repeats=600):
    """Estimates of many samples: (repeats, 4 estimates, value and standard error)."""
    on_map, truth, area, _ = population
    rng = np.random.default_rng(1)
    codes = np.unique(strata_of)
    members = [np.flatnonzero(strata_of == code) for code in codes]
    found = []
    for _ in range(repeats):
        chosen = np.concatenate([rng.choice(who, k, replace=False) for who, k in zip(members, n, strict=True)])
        of = strata_of if estimator_of is None else estimator_of
        strata = [
            accuracy.Stratum(str(code), int((of == code).sum()), float(area[of == code].sum()))
            for code in np.unique(of)
        ]
        result = accuracy.estimate_accuracy(
            of[chosen], on_map[chosen], truth[chosen], strata, class_names=NAMES, unit_areas=area[chosen]
        )
        four = (result.overall, result.areas[0], result.users[1], result.producers[0])
        found.append([(one.value, one.standard_error) for one in four])
    return np.array(found)


def true_values(population):
    on_map, truth, area, _ = population
    right = on_map == truth
    return np.array(
        [
            area[right].sum() / area.sum(),
            area[truth == 0].sum() / area.sum(),
            area[right & (on_map == 1)].sum() / area[on_map == 1].sum(),
            area[right & (truth == 0)].sum() / area[truth == 0].sum(),
        ]
    )


@pytest.mark.parametrize("design", ["map classes", "regions", "random", "post-stratified"])
def test_estimates_are_unbiased_and_intervals_cover(population, design):
    on_map, _, _, region = population
    whole = np.zeros_like(on_map)
    strata, n, of = {
        "map classes": (on_map, [100, 100, 200], None),
        "regions": (region, [200, 200], None),
        "random": (whole, [400], None),
        "post-stratified": (whole, [400], on_map),
    }[design]
    found, truth = simulate(population, strata, n, of), true_values(population)
    error = found[:, :, 0] - truth
    spread = found[:, :, 0].std(axis=0)
    assert (np.abs(error.mean(axis=0)) < 4 * spread / np.sqrt(len(found)) + 0.004).all()
    assert_allclose(np.sqrt((found[:, :, 1] ** 2).mean(axis=0)), spread, rtol=0.12)
    covered = (np.abs(error) <= 1.96 * found[:, :, 1]).mean(axis=0)
    assert (covered > 0.9).all()
    assert (covered < 0.985).all()


def test_strata_are_more_precise_than_none(population):
    on_map = population[0]
    whole = np.zeros_like(on_map)
    without = simulate(population, whole, [400], repeats=200)
    post = simulate(population, whole, [400], on_map, repeats=200)
    assert post[:, 1, 0].std() < without[:, 1, 0].std()  # the area of roads


def test_a_part_of_the_map_is_a_domain(population):
    on_map, truth, area, region = population
    rng = np.random.default_rng(2)
    strata = [
        accuracy.Stratum(name, int(n), float(area[on_map == k].sum()))
        for k, (name, n) in enumerate(zip(NAMES, SIZES, strict=True))
    ]
    inside = region == 1
    expected = area[inside & (on_map == truth)].sum() / area[inside].sum()
    errors = []
    for _ in range(300):
        chosen = np.concatenate([rng.choice(np.flatnonzero(on_map == k), 100, replace=False) for k in range(3)])
        parts = accuracy.Parts(np.arange(300), on_map[chosen], truth[chosen], area[chosen])
        found = accuracy.estimate_domains(on_map[chosen], parts, strata, region[chosen], 2)
        errors.append((found[1][1].value - expected, found[1][1].standard_error))
    errors = np.array(errors)
    assert abs(errors[:, 0].mean()) < 0.006
    assert 0.9 < (np.abs(errors[:, 0]) <= 1.96 * errors[:, 1]).mean() < 0.985
