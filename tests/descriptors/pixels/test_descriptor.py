"""What holds for every pixel descriptor: no seams, nothing leaks from nodata, any data type, clear errors."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from densa import parallel
from densa.descriptors import (
    ColourSpaces,
    LocalBinaryPatterns,
    MultiScale,
    Place,
    Position,
    Raw,
    Stack,
    TextonBank,
    TextonContext,
)
from densa.errors import InputError

SMALL = MultiScale(scales=(0.3, 1.0, 2.0))
KINDS = [
    Raw(),
    Position(),
    ColourSpaces(),
    SMALL,
    MultiScale(scales=(0.7, 1.5), presmooth=False, truncate=3.0),
    LocalBinaryPatterns(),
    LocalBinaryPatterns(12, 2.5, "plain"),
    TextonBank(bandwidth=0.4),
    TextonBank(bandwidth=0.3, colour=False),
    TextonContext(TextonBank(bandwidth=0.3), cell=3),
    Stack((SMALL, Raw(), ColourSpaces(("lab",)))),
]
kinds = pytest.mark.parametrize("descriptor", KINDS, ids=lambda d: f"{type(d).__name__}-{KINDS.index(d)}")


def image_of(seed, height, width):
    return np.random.default_rng(seed).integers(0, 256, (3, height, width), np.uint8)


@kinds
@settings(max_examples=12)
@given(st.integers(0, 2**32), st.integers(1, 50), st.integers(1, 50), st.integers(7, 40), st.booleans())
def test_tiles_leave_no_seam(descriptor, seed, height, width, side, holes):
    image = image_of(seed, height, width)
    valid = np.random.default_rng(seed + 1).random((height, width)) < 0.8 if holes else None
    whole = descriptor.compute(image, valid)
    tiled = np.full_like(whole, np.nan)
    halo = descriptor.halo
    for y in range(0, height, side):
        for x in range(0, width, side):
            top, left = max(y - halo, 0), max(x - halo, 0)
            window = np.s_[top : min(y + side + halo, height), left : min(x + side + halo, width)]
            part = None if valid is None else valid[window]
            found = descriptor.compute(image[(slice(None), *window)], part, place=Place(top, left, (height, width)))
            core = tiled[:, y : y + side, x : x + side]
            core[:] = found[:, y - top : y - top + core.shape[1], x - left : x - left + core.shape[2]]
    assert_array_equal(tiled, whole)


@kinds
@settings(max_examples=12)
@given(st.integers(0, 2**32), st.integers(1, 40), st.integers(1, 40), st.floats(0, 1))
def test_values_under_nodata_change_nothing(descriptor, seed, height, width, share):
    rng = np.random.default_rng(seed)
    image = rng.random((3, height, width)).astype(np.float32)
    valid = rng.random((height, width)) < share
    expected = descriptor.compute(image, valid)
    other = np.where(valid, image, rng.choice([np.nan, np.inf, -3.4e38, 1e9, 0.5], image.shape).astype(np.float32))
    assert_array_equal(descriptor.compute(other, valid), expected)
    assert np.isfinite(expected).all()
    assert not expected[:, ~valid].any()


@kinds
def test_what_is_not_finite_is_nodata(descriptor, rng):
    image = rng.random((3, 20, 30))
    valid = np.ones((20, 30), bool)
    for value, place in ((np.nan, (0, 3, 4)), (np.inf, (1, 10, 0)), (-np.inf, (2, 19, 29)), (1e300, (0, 9, 9))):
        image[place] = value
        valid[place[1:]] = False
    assert_array_equal(descriptor.compute(image), descriptor.compute(image, valid))


@kinds
def test_a_constant_stays_constant_beside_nodata(descriptor, rng):
    valid = rng.random((30, 40)) < 0.5
    whole = descriptor.compute(np.full((3, 30, 40), 0.25))
    holes = descriptor.compute(np.full((3, 30, 40), 0.25), valid)
    np.testing.assert_allclose(holes[:, valid], whole[:, valid], atol=2e-6)


@kinds
def test_output_array_and_names(descriptor):
    image = image_of(0, 12, 17)
    out = np.empty((descriptor.n_features(3), 12, 17), np.float32)
    assert descriptor.compute(image, out=out) is out
    assert_array_equal(out, descriptor.compute(image))
    names = descriptor.names(3)
    assert len(names) == len(out) == descriptor.n_features(3)
    assert hash(descriptor) == hash(type(descriptor)(**descriptor.__dict__))
    for bad in (out[:, :, :-1], out.astype(np.float64), out.transpose(0, 2, 1), out[:-1]):
        with pytest.raises(InputError, match="out"):
            descriptor.compute(image, out=bad)


@kinds
def test_threads_change_nothing(descriptor, monkeypatch):
    image = image_of(1, 150, 20)
    monkeypatch.setattr(parallel, "n_threads", lambda: 1)
    one = descriptor.compute(image)
    monkeypatch.setattr(parallel, "n_threads", lambda: 3)
    assert_array_equal(descriptor.compute(image), one)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int16", "uint16", "int32", "uint64", "float16", "float64", ">f4"])
def test_any_data_type(dtype, rng):
    values = rng.integers(0, 2 if dtype == "bool" else 100, (2, 9, 11))
    for descriptor in (Raw(), SMALL, LocalBinaryPatterns()):
        expected = descriptor.compute(values.astype(np.float32))
        assert_array_equal(descriptor.compute(values.astype(dtype)), expected)


def test_bad_blocks_are_named():
    image = image_of(0, 5, 6)
    for block in (image[0], image[:, :0], image.astype(complex), image.astype(str)):
        with pytest.raises(InputError, match="block"):
            Raw().compute(block)
    for valid in (np.ones((5, 5), bool), np.ones((5, 6))):
        with pytest.raises(InputError, match="valid"):
            SMALL.compute(image, valid)
    for place in (Place(-1, 0), Place(0, 0, (5, 5)), Place(1, 0, (5, 6))):
        with pytest.raises(InputError, match="image"):
            Position().compute(image, place=place)
    for descriptor in (ColourSpaces(), TextonBank(), TextonContext()):
        with pytest.raises(InputError, match="red, green, blue"):
            descriptor.compute(image[:2])
