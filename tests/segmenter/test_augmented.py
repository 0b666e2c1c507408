from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from densa.errors import InputError
from densa.segmenter import Augmented, MonteCarlo
from densa.segmenter.augmented import _position, _seen, _unseen
from densa.segmenter.resampling import resample, resample_valid
from tests.segmenter.exact import ONE_ROUNDING, assert_same

ALL_VIEWS = {"flips": ("rows", "columns"), "quarter_turns": True}
NO_VIEWS = {"flips": (), "quarter_turns": False}
ROUNDINGS = 16 * ONE_ROUNDING  # sums of at most eight views, and what resampling adds up, in float32


@pytest.mark.parametrize("name", ["unet", "segnet"])
@pytest.mark.parametrize(
    "options",
    [
        ALL_VIEWS,
        {**NO_VIEWS, "scales": (0.5, 1)},
        {"flips": ("rows",), "quarter_turns": False, "scales": (0.75,)},
        {**NO_VIEWS, "scales": (1.5,)},
    ],
)
def test_tiled_equals_whole(make, tiled, name, options, rng):
    """Odd sizes, several cores, a border that is not a whole stride."""
    ours = Augmented(make(name, exact=True), **options)
    n = max(1, 64 // ours.stride)
    image = rng.standard_normal((3, ours.halo + n * ours.stride + 37, 77)).astype(np.float32)
    assert_same(tiled(ours, image, n), ours.probabilities(image), ROUNDINGS)


def test_tiled_equals_whole_with_nodata(make, tiled, rng):
    ours = Augmented(make(exact=True), flips=("rows",), scales=(0.5, 1))
    image = rng.standard_normal((3, 301, 70)).astype(np.float32)
    valid = rng.random((301, 70)) > 0.3
    valid[100:180, 20:60] = False
    whole = ours.probabilities(image, valid)
    assert_same(tiled(ours, image, 3, valid), whole, ROUNDINGS)
    image[:, ~valid] = rng.choice([np.nan, np.inf, 1e30], (~valid).sum())
    np.testing.assert_array_equal(ours.probabilities(image, valid), whole)
    image[:, ~valid] = np.nan
    np.testing.assert_array_equal(ours.probabilities(image), whole)


def test_the_mean_over_the_eight_views(make, rng):
    """Of a square image of whole strides: by torch, view for view."""
    model = make()
    image = rng.standard_normal((3, 64, 64)).astype(np.float32)
    expected = []
    for turns in range(4):
        for flip in (False, True):
            seen = np.rot90(image, turns, (1, 2))
            seen = np.ascontiguousarray(seen[:, :, ::-1] if flip else seen)
            found = model.probabilities(seen)
            expected.append(np.rot90(found[:, :, ::-1] if flip else found, -turns, (1, 2)))
    np.testing.assert_allclose(Augmented(model).probabilities(image), np.mean(expected, axis=0), rtol=0, atol=1e-6)


def test_views_commute_with_the_mean(make, rng):
    """A turned image of whole strides gives the turned result."""
    ours = Augmented(make("segnet", exact=True))
    image = rng.standard_normal((3, 64, 96)).astype(np.float32)
    expected = np.rot90(ours.probabilities(image), 1, (1, 2))
    found = ours.probabilities(np.ascontiguousarray(np.rot90(image, 1, (1, 2))))
    assert_same(found, expected, ROUNDINGS)


def test_no_views_is_the_model_itself(make, rng):
    model = make()
    ours = Augmented(model, **NO_VIEWS)
    image = rng.standard_normal((3, 37, 50)).astype(np.float32)
    np.testing.assert_array_equal(ours.probabilities(image), model.probabilities(image))
    assert (ours.halo, ours.stride, ours.n_passes) == (model.halo, model.stride, 1)
    assert Augmented(model, scales=(0.5, 1)).n_passes == 8 * 1.25


@pytest.mark.parametrize("size", [(1, 1), (5, 3), (17, 200)])
def test_any_block_size(make, size, rng):
    ours = Augmented(make("segnet"), scales=(0.5, 1, 1.25))
    found = ours.probabilities(rng.integers(0, 255, (3, *size)).astype(np.uint8))
    assert found.shape == (3, *size)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found.sum(axis=0), 1, rtol=1e-5)


def test_samples_of_views_do_not_depend_on_the_tiles(make, tiled, rng):
    ours = Augmented(
        MonteCarlo(make("bayesian-segnet", exact=True), 2), flips=("rows",), quarter_turns=False, scales=(0.5,)
    )
    image = rng.standard_normal((3, 600, 50)).astype(np.float32)
    assert_same(tiled(ours, image, 2), ours.probabilities(image), ROUNDINGS)


@given(st.integers(0, 3), st.booleans())
def test_the_position_of_a_view(turns, flip):
    """A block cut out of a view begins at `_position`, counted from the end along reversed axes."""
    image = np.arange(6 * 9).reshape(6, 9)
    view = (turns, flip)
    seen = _seen(image, view)
    np.testing.assert_array_equal(_unseen(seen, view), image)
    row, column = _position(view, 2, 3, 3, 4)
    row, column = (p if p >= 0 else p + n for p, n in zip((row, column), seen.shape, strict=True))
    block = _seen(image[2:5, 3:7], view)
    np.testing.assert_array_equal(seen[row : row + block.shape[0], column : column + block.shape[1]], block)


@pytest.mark.parametrize("scale", ["1/4", "1/2", "3/4", "5/4", "3/2", "2", "4"])
def test_resampling_is_torchs(scale, rng):
    factor = Fraction(scale)
    maps = rng.random((2, 24, 40)).astype(np.float32)
    size = (int(24 * factor), int(40 * factor))
    expected = F.interpolate(torch.from_numpy(maps)[None], size, mode="bilinear", antialias=factor < 1)[0].numpy()
    np.testing.assert_allclose(resample(maps, factor), expected, rtol=0, atol=1e-5)


@given(st.integers(1, 5), st.integers(1, 5), st.integers(0, 6))
def test_resampling_a_part_is_part_of_the_resampled(p, q, start):
    """To the bit, away from the part's own border."""
    factor = Fraction(p, q)
    maps = np.random.default_rng(0).random((1, 24 * q, 12 * q)).astype(np.float32)
    whole, part = resample(maps, factor), resample(maps[:, start * q :], factor)
    far = 2 * p + 2
    np.testing.assert_array_equal(
        part[:, far:], whole[:, start * factor.numerator * (q // factor.denominator) :][:, far:]
    )


def test_averages_are_over_valid_pixels():
    block = np.array([[[10, 30, 50, 99]], [[1, 3, 5, 99]]], np.uint8).repeat(2, axis=1)
    valid = np.array([[True, True, True, False]]).repeat(2, axis=0)
    values, its_valid = resample_valid(block, valid, Fraction(1, 2))
    # A triangle of half-width 2 about 0.5 and 2.5: weights 1.25, .75, .25 and .25, .75 and nothing of the last
    np.testing.assert_allclose(values[0, 0], [(7.5 + 22.5 + 12.5) / 1.75, (7.5 + 37.5) / 1], rtol=1e-6)
    np.testing.assert_array_equal(its_valid, [[True, True]])


def test_invalid_blocks(make):
    for image in (np.zeros((4, 16, 16)), np.zeros((16, 16)), np.zeros((3, 0, 16))):
        with pytest.raises(InputError, match=r"expects 3 bands|must be"):
            Augmented(make(), scales=(0.5,)).probabilities(image)
        with pytest.raises(InputError, match=r"expects 3 bands|must be"):
            MonteCarlo(make("bayesian-segnet"), 1).probabilities(image)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"flips": ("diagonal",)}, "flips must be of columns, rows, got 'diagonal'"),
        ({"scales": ()}, "needs a scale"),
        ({"scales": (0,)}, "from 0.25 to 4"),
        ({"scales": (float("nan"),)}, "from 0.25 to 4"),
        ({"scales": (1, 1.0)}, "must differ"),
        ({"scales": (0.7183,)}, "simple fractions"),
        ({"scales": (15 / 16, 14 / 15, 12 / 13)}, "choose quarters or halves"),
    ],
)
def test_invalid_options(make, options, message):
    with pytest.raises(InputError, match=message):
        Augmented(make(), **options)
