"""Features of pixels: sets of descriptors in order, surroundings by mirrored shifts, tiles equal to the whole."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from densa.descriptors import ColourSpaces, LocalBinaryPatterns, MultiScale, Place, Position, Raw, TextonBank
from densa.errors import InputError
from densa.shallow import FEATURES, PixelFeatures, default_features

SMALL = PixelFeatures(FEATURES, (0.7, 1.0), ("gaussian", "hessian"), (3, 6))


def test_the_sets_are_descriptors_one_after_the_other(rng):
    image = rng.integers(0, 256, (3, 14, 17), np.uint8)
    place = Place(5, 6, (40, 50))
    parts = [
        Raw(), ColourSpaces(("lab", "hsv")), MultiScale((0.7, 1.0), ("gaussian", "hessian")), TextonBank(),
        LocalBinaryPatterns(),
    ]  # fmt: skip
    found = SMALL.compute(image, None, place)
    expected = np.concatenate([part.compute(image) for part in parts])
    assert_array_equal(found[: len(expected)], expected)
    assert_array_equal(found[-2:], Position().compute(image, place=place))
    names = SMALL.names(3)
    assert len(names) == len(found)
    assert names[: len(expected)] == [name for part in parts for name in part.names(3)]
    assert names[-2:] == ["row", "column"]


def test_surroundings_are_mirrored_shifts_of_the_smoothed_bands(rng):
    image = rng.random((2, 9, 11)).astype(np.float32)
    features = PixelFeatures(("surroundings",), distances=(3, 20))
    found, names = features.compute(image), features.names(2)
    assert len(found) == 2 * 8 * 2
    k = 0
    for distance in (3, 20):
        smoothed = MultiScale((distance / 2,), ("gaussian",)).compute(image)
        padded = np.pad(smoothed, ((0, 0), (distance, distance), (distance, distance)), mode="reflect")
        for dy, dx in ((-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1)):
            row, column = distance * (1 + dy), distance * (1 + dx)
            assert_array_equal(found[k : k + 2], padded[:, row : row + 9, column : column + 11])
            assert names[k].endswith(f"at ({dy * distance}, {dx * distance})")
            k += 2


@settings(max_examples=15)
@given(st.integers(0, 2**32), st.integers(1, 60), st.integers(1, 60), st.integers(5, 40), st.booleans())
def test_tiles_leave_no_seam(seed, height, width, side, holes):
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (3, height, width), np.uint8)
    valid = rng.random((height, width)) < 0.8 if holes else None
    features = PixelFeatures(("bands", "multi-scale", "surroundings", "position"), (0.7,), ("gradient",), (3, 5))
    whole, halo = features.compute(image, valid), features.halo
    tiled = np.full_like(whole, np.nan)
    for y in range(0, height, side):
        for x in range(0, width, side):
            top, left = max(y - halo, 0), max(x - halo, 0)
            window = np.s_[top : min(y + side + halo, height), left : min(x + side + halo, width)]
            part = None if valid is None else valid[window]
            found = features.compute(image[(slice(None), *window)], part, Place(top, left, (height, width)))
            core = tiled[:, y : y + side, x : x + side]
            core[:] = found[:, y - top : y - top + core.shape[1], x - left : x - left + core.shape[2]]
    assert_array_equal(tiled, whole)


def test_the_halo_by_hand():
    assert PixelFeatures(("bands", "position")).halo == 0
    assert PixelFeatures(("patterns",)).halo == 1
    # smoothed by 4: sqrt(15) = 3.87 up to 14 pixels, then sigma 1 up to 2; and 8 pixels away
    assert PixelFeatures(("surroundings",), distances=(8,)).halo == 14 + 2 + 8


def test_defaults_follow_the_bands():
    assert default_features(3) == ("colours", "multi-scale")
    for n in (1, 2, 4, 13):
        assert default_features(n) == ("bands", "multi-scale")


def test_through_json_and_back():
    assert PixelFeatures.from_config(json.loads(json.dumps(SMALL.to_config()))) == SMALL
    assert PixelFeatures(tuple(reversed(FEATURES))).sets == FEATURES


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"sets": ()}, "features must be some of"),
        ({"sets": ("colour",)}, "features must be some of .*, got colour"),
        ({"sets": ("bands", "bands")}, "each once"),
        ({"sets": ("bands",), "distances": ()}, "distances must be from 1 to 200 pixels"),
        ({"sets": ("bands",), "distances": (0,)}, "distances must be"),
        ({"sets": ("bands",), "distances": (201,)}, "distances must be"),
        ({"sets": ("multi-scale",), "scales": (2.0, 1.0)}, "scales must be ascending"),
        ({"sets": ("multi-scale",), "kinds": ("blob",)}, "features must be some of"),
    ],
)
def test_bad_fields_are_named(fields, said):
    with pytest.raises(InputError, match=said):
        PixelFeatures(**fields)


@pytest.mark.parametrize(
    "config", [{}, {"sets": ["bands"], "size": 3}, {"sets": 3}, {"sets": ["bands"], "scales": ["a"]}]
)
def test_bad_configurations_are_named(config):
    with pytest.raises(InputError):
        PixelFeatures.from_config(config)


def test_colours_need_three_bands():
    with pytest.raises(InputError, match="red, green, blue"):
        PixelFeatures(("colours",)).names(4)
