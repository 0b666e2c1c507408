"""Some bands of a raster as a raster of its own."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from densa import raster
from densa.errors import InputError
from densa.raster.choice.chosen import BandChoice, choice_of, choose_bands


@pytest.fixture
def image(tmp_path, rng):
    values = rng.integers(0, 4000, (4, 9, 11), np.uint16)
    raster.write_bands(tmp_path / "a.tif", values, band_names=["red", "green", "blue", "nir"], nodata=0)
    with raster.open(tmp_path / "a.tif") as opened:
        yield opened, values


def test_chosen_bands_in_order(image):
    opened, values = image
    chosen = choose_bands(opened, ["nir", 1, 1])
    assert chosen.band_names == ("nir", "red", "red")
    assert_array_equal(chosen.read()[0], values[[3, 0, 0]])
    assert_array_equal(chosen.read((2, 3, 4, 5), bands=[2])[0], values[:1, 2:6, 3:8])
    again = choose_bands(chosen, [2])
    assert_array_equal(again.read()[0], values[:1])
    assert choice_of(again) == BandChoice((1,))
    assert choice_of(opened) is None
    assert choose_bands(opened, [1, 2, 3, 4]) is opened
    with pytest.raises(InputError, match=r"a\.tif has no band 'swir'"):
        choose_bands(opened, ["swir"])


def test_other_units(image):
    opened, values = image
    choice = pickle.loads(pickle.dumps(BandChoice((2, 1), (1 / 16, 0.5), (0.0, -10.0), "uint8")))
    found = choice.of(opened)
    assert found.dtype == np.uint8
    expected = np.stack([values[1] / 16, values[0] / 2 - 10]).round().clip(0, 255)
    assert_array_equal(found.read()[0], expected)
    assert_array_equal(found.read(bands=[2])[0], expected[1:])
    real = BandChoice((1,), (1e-4,), (-0.1,), "float32").of(opened)
    assert_array_equal(real.read()[0][0], (values[0] * 1e-4 - 0.1).astype(np.float32))
