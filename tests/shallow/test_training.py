"""Training of the shallow methods: they learn from any bands and from strokes; settings and labels that are refused."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from densa.descriptors import Place
from densa.errors import InputError
from densa.shallow import ShallowSettings, class_factors, train_shallow
from tests.shallow.quick import NAMES, QUICK, train


@pytest.mark.parametrize("method", ["pixel-forest", "region-boosting"])
@pytest.mark.parametrize(("n_bands", "dtype"), [(1, np.uint16), (4, np.float32)])
def test_any_bands(make_images, rng, method, n_bands, dtype):
    cls, scene = make_images
    pixels, labels = scene(rng, n_bands=n_bands, dtype=dtype)
    pixels = pixels * dtype(40)
    if dtype == np.float32:
        pixels[0, 3, 4] = np.nan
    mean, std = np.nanmean(pixels, axis=(1, 2)), np.nanstd(pixels, axis=(1, 2))
    model = train(cls([pixels], [labels]), method, mean=mean, std=std, trees=5)
    found = model.probabilities(pixels)
    assert np.isfinite(found).all()
    assert (found.argmax(axis=0) == labels).mean() > 0.85


def test_scribbles_are_enough(images):
    sparse = [np.full_like(m, 255) for m in images.maps]
    for m, drawn in zip(images.maps, sparse, strict=True):
        drawn[::9] = m[::9]
    dense = images.maps
    images.maps = sparse
    model = train(images, "pixel-forest")
    assert_array_equal(model.factors, 1)  # strokes say nothing of how frequent classes are
    right = [(model.probabilities(p).argmax(axis=0) == m).mean() for p, m in zip(images.pixels, dense, strict=True)]
    assert min(right) > 0.85


def test_the_prior_moves_the_balance(images):
    even, frequent = (train(images, "pixel-forest", prior=prior) for prior in (0.0, 1.0))
    counts = sum(np.bincount(m.ravel(), minlength=3) for m in images.maps)
    assert_allclose(frequent.factors, class_factors(counts, 1.0))
    assert_allclose(even.factors, 1)
    assert_allclose(frequent.factors / frequent.factors.sum(), counts / counts.sum())
    share = [(m.probabilities(images.pixels[0]).argmax(axis=0) == 0).mean() for m in (even, frequent)]
    assert share[1] >= share[0]


def test_the_same_seed_gives_the_same_model(images):
    one, two, other = (train(images, "structured-forest", seed=seed) for seed in (3, 3, 4))
    for name, array in one.trees.arrays().items():
        assert_array_equal(two.trees.arrays()[name], array)
    assert len(other.trees.feature) != len(one.trees.feature) or (other.trees.feature != one.trees.feature).any()


def test_the_position_is_a_share_of_its_own_image(make_images):
    """Images of two sizes whose lower half is of class 1, nothing else to be seen."""
    pixels = [np.zeros((1, 60, 30), np.uint8), np.zeros((1, 100, 40), np.uint8)]
    labels = [np.repeat((np.arange(h) >= h // 2).astype(np.uint8), w).reshape(h, w) for h, w in ((60, 30), (100, 40))]
    settings = ShallowSettings(features=("position",), trees=5)
    model = train_shallow(make_images[0](pixels, labels), "pixel-forest", 1, ("upper", "lower"), settings)
    found = model.probabilities(np.zeros((1, 40, 30), np.uint8), None, Place(60, 0, (200, 30))).argmax(axis=0)
    assert_array_equal(found, np.zeros((40, 30)))
    assert_array_equal(model.probabilities(np.zeros((1, 40, 30), np.uint8)).argmax(axis=0)[:, 0], np.arange(40) >= 20)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"method": "pixel-svm"}, "unknown shallow method"),
        ({"features": ("colour",)}, "features must be some of"),
        ({"samples": 1}, "samples must be at least the number of classes 3, got 1"),
        ({"samples": 0}, "samples must be greater"),
        ({"patch": 4}, "patch must be an odd number of pixels from 3 to 63, got 4"),
        ({"patch": 65}, "patch must be an odd number"),
        ({"purity": 0}, "purity"),
        ({"prior": 2}, "prior"),
        ({"region_size": 2, "method": "region-forest"}, "region_size must be greater than or equal to 4"),
        ({"scales": (3.0, 1.0)}, "scales"),
        ({"trees": 0}, "trees must be"),
    ],
)
def test_wrong_options_are_said(images, options, said):
    method = options.pop("method", "pixel-forest")
    with pytest.raises(InputError, match=said):
        train(images, method, **options)


def test_wrong_labels_are_said(images):
    with pytest.raises(InputError, match="2 to 254 classes, the legend has 255"):
        train_shallow(images, "pixel-forest", 3, tuple(map(str, range(255))))
    for method in ("pixel-forest", "region-forest"):
        with pytest.raises(InputError, match="no labelled pixel of sea"):
            train_shallow(images, method, 3, (*NAMES, "sea"), ShallowSettings(**QUICK))
    images.maps = [np.where(m == 1, m, 255).astype(np.uint8) for m in images.maps]
    for method in ("pixel-forest", "region-forest"):
        with pytest.raises(InputError, match="all labels are of bright alone"):
            train(images, method)
    images.maps = [np.full_like(m, 255) for m in images.maps]
    for method in ("pixel-forest", "region-forest"):
        with pytest.raises(InputError, match="no pixel is labelled"):
            train(images, method)
    images.maps = [np.full_like(m, 9) for m in images.maps]
    with pytest.raises(InputError, match="image 1 has 9"):
        train(images, "pixel-forest")
