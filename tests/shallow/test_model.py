"""Shallow methods from images to probabilities: they learn, and tiles equal the whole."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from densa.descriptors import Place
from densa.errors import InputError
from densa.shallow import SHALLOW, ShallowSettings, class_factors, train_shallow

NAMES = ("ground", "bright", "checked")
QUICK = {"trees": 8, "samples": 1500, "scales": (1.0, 2.0), "region_size": 6, "patch": 5}


def train(images, method, *, seed=0, mean=(), std=(), **options):
    settings = ShallowSettings(**{**QUICK, **options})
    return train_shallow(images, method, len(images.pixels[0]), NAMES, settings, mean=mean, std=std, seed=seed)


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


def test_the_position_is_a_share_of_its_own_image(make_images):
    """Images of two sizes whose lower half is of class 1, nothing else to be seen."""
    pixels = [np.zeros((1, 60, 30), np.uint8), np.zeros((1, 100, 40), np.uint8)]
    labels = [np.repeat((np.arange(h) >= h // 2).astype(np.uint8), w).reshape(h, w) for h, w in ((60, 30), (100, 40))]
    settings = ShallowSettings(features=("position",), trees=5)
    model = train_shallow(make_images[0](pixels, labels), "pixel-forest", 1, ("upper", "lower"), settings)
    found = model.probabilities(np.zeros((1, 40, 30), np.uint8), None, Place(60, 0, (200, 30))).argmax(axis=0)
    assert_array_equal(found, np.zeros((40, 30)))
    assert_array_equal(model.probabilities(np.zeros((1, 40, 30), np.uint8)).argmax(axis=0)[:, 0], np.arange(40) >= 20)


def test_blocks_that_do_not_fit_are_said(images):
    with pytest.raises(InputError, match=r"a block must be \(3, h, w\)"):
        train(images, "pixel-forest").probabilities(images.pixels[0][:2])
    with pytest.raises(InputError, match="multiples of 6"):
        train(images, "region-forest").probabilities(images.pixels[0], None, Place(3, 0))


def test_samples_do_not_depend_on_the_windows(images, monkeypatch):
    """Every pixel's features and patch are those of the whole image, and the choice is the seed's."""
    from densa.shallow import PixelFeatures, patches_at, sample_pixels
    from densa.shallow import sampling as module

    features = PixelFeatures(("bands", "multi-scale", "position"), (1.0,))
    whole = sample_pixels(images, features, 3, n_samples=300, patch_side=5, seed=1)
    monkeypatch.setattr(module, "_TILE", 32)
    monkeypatch.setattr(module, "_STRIP_PIXELS", 1000)
    cut = sample_pixels(images, features, 3, n_samples=300, patch_side=5, seed=1)
    for one, other in zip(whole, cut, strict=True):
        assert_array_equal(one, other)
    assert_array_equal(np.bincount(whole.labels), [100, 100, 100])
    assert_array_equal(whole.patches[:, 12], whole.labels)
    first = features.compute(images.pixels[0])
    where = np.flatnonzero((first[:, :, :] == whole.features[0][:, None, None]).all(axis=0).ravel())
    rows, columns = np.divmod(where, first.shape[2])
    assert_array_equal(patches_at(images.maps[0], rows, columns, 5)[0], whole.patches[0])
