"""Features of regions: statistics, sizes and neighbours by brute force; tiles equal to the whole."""

import json

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from densa.descriptors import Place
from densa.errors import InputError
from densa.shallow import PixelFeatures, RegionFeatures, anchored_superpixels
from densa.shallow.superpixels import COLOUR_STEPS

PIXELS = PixelFeatures(("bands", "multi-scale", "position"), (0.7,), ("gradient",))


@pytest.mark.parametrize("neighbours", [True, False])
@pytest.mark.parametrize("strip", [1, 1 << 24])
def test_numbers_of_a_region_by_brute_force(rng, neighbours, strip, monkeypatch):
    monkeypatch.setattr("densa.shallow.region_features._STRIP_VALUES", strip)
    block = rng.integers(0, 256, (3, 150, 43), np.uint8)
    valid = rng.random((150, 43)) < 0.9
    valid[16:32, 16:32] = False  # a cell without data: a region without pixels
    features = RegionFeatures(PIXELS, 16, neighbours=neighbours)
    table, regions = features.compute(block, valid)
    assert_array_equal(regions, features.superpixels(block, valid))
    assert table.shape == (10 * 3, len(features.names(3)))
    assert_array_equal(regions == 0, ~valid)
    of_pixels = PIXELS.compute(block, valid).astype(np.float64)
    n = len(of_pixels)
    sides = np.zeros((31, 31))
    for a, b in ((regions[:, :-1], regions[:, 1:]), (regions[:-1], regions[1:])):
        differ = a != b
        np.add.at(sides, (a[differ], b[differ]), 1)
        np.add.at(sides, (b[differ], a[differ]), 1)
    means = table[:, 0 : 2 * n : 2].astype(np.float64)
    assert (regions == 5).sum() == 0  # second row, second column
    for k in range(30):
        values = of_pixels[:, regions == k + 1]
        if values.size:
            assert_allclose(table[k, 0 : 2 * n : 2], values.mean(axis=1), rtol=1e-4, atol=1e-5)
            assert_allclose(table[k, 1 : 2 * n : 2], values.std(axis=1), rtol=1e-4, atol=1e-4)
        else:
            assert_array_equal(table[k, : 2 * n], 0)
        assert table[k, 2 * n] == np.float32((regions == k + 1).sum() / 256)
        if neighbours:
            weights = sides[k + 1, 1:]
            expected = weights @ means / weights.sum() if weights.any() else means[k]
            assert_allclose(table[k, 2 * n + 1 :], expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("n_rounds", [1, 3])
def test_tiles_leave_no_seam(rng, n_rounds):
    """A region whose cell is in the core has the same numbers, wherever the tile was cut with the halo around it."""
    step = 4
    features = RegionFeatures(PixelFeatures(("bands", "position")), step, n_rounds=n_rounds)
    block = rng.integers(0, 256, (3, 160, 172), np.uint8)
    table, regions = features.compute(block)
    halo = features.halo
    assert halo % step == 0
    assert halo < 70
    for row, column in ((0, 0), (80, 100), (152, 0), (80, 164)):
        top, left = max(0, row - halo), max(0, column - halo)
        bottom, right = min(160, row + 8 + halo), min(172, column + 8 + halo)
        some, numbers = features.compute(block[:, top:bottom, left:right], None, Place(top, left, (160, 172)))
        inside = numbers[row - top : row - top + 8, column - left : column - left + 8]
        whole = regions[row : row + 8, column : column + 8]
        assert_array_equal(some[inside - 1], table[whole - 1])


def test_other_bands_are_weighed_by_their_deviation(rng):
    """20 units of colour per standard deviation, up to 6 deviations; values that are not finite are no data."""
    block = rng.normal(50, 4, (2, 24, 24)).astype(np.float32)
    block[0, 3, 4], block[1, 9, 9] = np.nan, 1e30
    features = RegionFeatures(PixelFeatures(("bands",)), 8, mean=(50, 40), std=(4, 0))
    found = features.compute(block)[1]
    valid = np.isfinite(block).all(axis=0)
    z = np.clip(np.stack([(block[0] - 50) / 4, block[1] - 40]), -6, 6)  # a deviation of 0 counts as 1
    colours = np.rint(np.where(valid, z, 0) * 20 * COLOUR_STEPS).astype(np.int16)
    assert_array_equal(found, anchored_superpixels(colours, valid, 8, 10.0, 5))


def test_through_json_and_back():
    for features in (RegionFeatures(PIXELS), RegionFeatures(PIXELS, 8, 2.5, 3, False, (1, 2), (3, 4))):
        assert RegionFeatures.from_config(PIXELS, json.loads(json.dumps(features.to_config()))) == features


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"step": 3}, "step of 4 to 128"),
        ({"step": 8.0}, "step of 4 to 128"),
        ({"n_rounds": 21}, "1 to 20 rounds"),
        ({"compactness": 0}, "compactness must be above 0"),
        ({"mean": (1,)}, "as many"),
        ({"mean": (1,), "std": (np.inf,)}, "finite"),
    ],
)
def test_bad_fields_are_named(fields, said):
    with pytest.raises(InputError, match=said):
        RegionFeatures(PIXELS, **fields)


def test_bad_places_and_configurations_are_named(rng):
    block = rng.integers(0, 256, (3, 20, 20), np.uint8)
    with pytest.raises(InputError, match="must begin at multiples of 16, got row 16, column 8"):
        RegionFeatures(PIXELS).compute(block, None, Place(16, 8))
    with pytest.raises(InputError, match="regions cannot be made of"):
        RegionFeatures.from_config(PIXELS, {"size": 3})
