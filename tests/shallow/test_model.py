"""Shallow models: tiles equal the whole, whatever strips they are computed in."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from densa.descriptors import Place
from densa.errors import InputError
from densa.shallow import SHALLOW, ShallowModel
from tests.shallow.quick import train


@pytest.mark.parametrize("method", sorted(SHALLOW))
def test_every_method_learns_and_tiles_equal_the_whole(images, make_images, rng, method):
    sets = ("colours", "multi-scale", "surroundings", "position")
    model = train(images, method, features=sets, distances=(5,), **({"trees": 5} if "boosting" in method else {}))
    block, labels = make_images[1](rng, 150, 131)
    valid = np.ones(labels.shape, bool)
    valid[40:55, 20:90] = False
    block[:, ~valid] = 0
    whole = model.probabilities(block, valid)
    assert_allclose(whole.sum(axis=0), 1, atol=1e-5)
    assert_allclose(whole[:, ~valid], 1 / 3)
    assert (whole.argmax(axis=0) == labels)[valid].mean() > 0.8
    halo, stride = -(-model.halo // model.stride) * model.stride, model.stride
    for row, column, height, width in ((0, 0, 150, 131), (6 * stride, 5 * stride, 20, 30), (36, 60, 40, 71)):
        if row % stride or column % stride:
            continue
        top, left = max(0, row - halo), max(0, column - halo)
        bottom, right = min(150, row + height + halo), min(131, column + width + halo)
        place = Place(top, left, (150, 131))
        part = model.probabilities(block[:, top:bottom, left:right], valid[top:bottom, left:right], place)
        inside = part[:, row - top : row - top + height, column - left : column - left + width]
        assert_array_equal(inside, whole[:, row : row + height, column : column + width])


def test_the_halo_of_regions_is_enough(make_images, rng):
    """A large image, so that the halo is smaller than it; every tile is cut out with just its halo."""
    cls, scene = make_images
    made = [scene(rng, 200, 210)]
    model = train(cls([made[0][0]], [made[0][1]]), "region-forest", features=("bands",), region_size=4)
    block = scene(rng, 230, 251)[0]
    whole = model.probabilities(block)
    halo = model.halo
    assert halo < 90
    for row, column in ((0, 100), (96, 96), (100, 148), (200, 200)):
        top, left = max(0, row - halo), max(0, column - halo)
        bottom, right = min(230, row + 30 + halo), min(251, column + 30 + halo)
        part = model.probabilities(block[:, top:bottom, left:right], None, Place(top, left))
        inside = part[:, row - top : row + 30 - top, column - left : column + 30 - left]
        assert_array_equal(inside, whole[:, row : row + 30, column : column + 30])


def test_probabilities_do_not_depend_on_strips(images, make_images, rng, monkeypatch):
    model = train(images, "region-forest")
    pixels = train(images, "pixel-forest")
    block = make_images[1](rng, 200, 90)[0]
    expected = model.probabilities(block), pixels.probabilities(block)
    monkeypatch.setattr("densa.shallow.region_features._STRIP_VALUES", 1)
    assert_array_equal(model.probabilities(block), expected[0])
    assert_array_equal(pixels.probabilities(block), expected[1])


def test_blocks_that_do_not_fit_are_said(images):
    with pytest.raises(InputError, match=r"a block must be \(3, h, w\)"):
        train(images, "pixel-forest").probabilities(images.pixels[0][:2])
    with pytest.raises(InputError, match="multiples of 6"):
        train(images, "region-forest").probabilities(images.pixels[0], None, Place(3, 0))


def test_parts_that_do_not_fit_are_said(images):
    model = train(images, "pixel-forest")
    for change, said in (
        ({"n_bands": 1}, "red, green, blue"),
        ({"factors": [1, 2]}, "factors must be 3 positive numbers"),
        ({"factors": [1, 2, 0]}, "factors must be 3 positive numbers"),
        ({"factors": [1, 2, np.nan]}, "factors must be 3 positive numbers"),
    ):
        fields = {"features": model.features, "trees": model.trees, "factors": model.factors, "n_bands": 3}
        with pytest.raises(InputError, match=said):
            ShallowModel(**{**fields, **change})
    other = train(images, "pixel-forest", scales=(1.0,))
    with pytest.raises(InputError, match="features, those of the model are"):
        ShallowModel(other.features, model.trees, model.factors, 3)


def test_weighted_probabilities_by_hand(images):
    model = train(images, "pixel-forest")
    given = np.array([[0.5, 0.2], [0.25, 0.8], [0.25, 0.0]], np.float32)
    weighted = ShallowModel(model.features, model.trees, np.array([2.0, 1.0, 1.0]), 3).weighted(given.copy())
    assert_allclose(weighted, [[2 / 3, 1 / 3], [1 / 6, 2 / 3], [1 / 6, 0]], rtol=1e-6)
    even = ShallowModel(model.features, model.trees, np.array([3.0, 3.0, 3.0]), 3).weighted(given.copy())
    assert_array_equal(even, given)
