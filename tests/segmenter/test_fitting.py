"""An image fitted to what a model was trained on."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from densa import raster
from densa.errors import InputError
from densa.raster.choice.chosen import choice_of, choose_bands
from densa.segmenter import BandContract, fit_header, fit_raster

TRAINED = BandContract(2, names=("red", "nir"), mean=(90, 60), std=(30, 20))


def image(rng, *names, dtype=np.uint8):
    return raster.from_array(rng.integers(20, 160, (30, 40, len(names))).astype(dtype), band_names=names)


def test_a_fitted_image_stays_as_it_is(rng):
    found = fit_header(TRAINED, image(rng, "nir", "green", "red"))
    assert choice_of(found.raster).numbers == (3, 1)
    assert fit_header(TRAINED, found.raster).raster is found.raster
    chosen = choose_bands(image(rng, "red", "green", "nir"), [3, 1])
    assert choice_of(fit_header(TRAINED, chosen).raster).numbers == (1, 3)


def test_nothing_is_checked_of_values_that_nothing_is_known_of(rng):
    contract = BandContract(2)
    found = fit_raster(contract, image(rng, "red", "nir", dtype=np.float64))
    assert found.raster.dtype == np.float64
    assert (found.notes, found.warnings) == ((), ())
    assert fit_raster(contract, raster.from_array(np.zeros((30, 40, 2), np.uint8))).notes == ()


def test_a_band_that_was_constant_in_training_may_be(rng):
    contract = BandContract(2, names=("red", "nir"), mean=(90, 7), std=(30, 1))
    values = image(rng, "red", "nir").read()[0]
    values[1] = 7
    found = fit_raster(contract, raster.from_array(np.moveaxis(values, 0, -1)))
    assert_array_equal(found.raster.read()[0], values)


def test_layouts_of_training(rng):
    contract = BandContract(2, mean=(90, 60), std=(30, 20), chosen=(3, 1), n_in_file=3)
    values = image(rng, "a", "b", "c").read()[0]
    three = raster.from_array(np.moveaxis(values, 0, -1))
    assert_array_equal(fit_raster(contract, three).raster.read()[0], values[[2, 0]])
    two = raster.from_array(np.moveaxis(values[:2], 0, -1))
    assert_array_equal(fit_raster(contract, two).raster.read()[0], values[:2])
    with pytest.raises(InputError, match="has 1 bands, the model expects 2"):
        fit_raster(contract, raster.from_array(values[0]))


def test_a_contract_refuses_what_cannot_be(rng):
    for wrong in (
        {"chosen": (4, 1), "n_in_file": 3},
        {"scales": (0, 1)},
        {"offsets": (1, np.nan)},
        {"colors": ("red",)},
    ):
        with pytest.raises(InputError):
            BandContract(2, **wrong)
