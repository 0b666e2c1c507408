"""SLIC of rasters in tiles is that of the whole image."""

import json
import pickle

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy import ndimage

from densa.engine.regions.run import segment_array
from densa.engine.regions.slic import centers as slic_centers
from densa.engine.regions.slic import labels as slic_labels
from densa.engine.regions.slic.method import Slic
from densa.engine.work.settings import Work
from densa.errors import InputError
from densa.regions import slic


def textured(rng, shape, n_bands, dtype, sigma):
    """Values from 0 to 250, so that a nodata value is free."""
    image = ndimage.gaussian_filter(rng.normal(size=(n_bands, *shape)), (0, sigma, sigma))
    image = (image - image.min()) / max(np.ptp(image), 1e-9) * 250
    return (image * (200 if dtype == "uint16" else 1)).astype(dtype)


def whole(values, valid, n_superpixels, compactness=10.0, **arguments):
    """In memory, with something else under the pixels that are not valid."""
    image = np.where(valid, values, 7).astype(values.dtype).transpose(1, 2, 0)
    return slic(np.ascontiguousarray(image), n_superpixels, compactness, mask=valid, **arguments)


@pytest.fixture
def attempts(monkeypatch):
    """Whether each merging of small pieces left no doubt in its tile."""
    seen = []
    absorb = slic_labels.absorb_in_window

    def watched(*arguments):
        seen.append(absorb(*arguments))
        return seen[-1]

    monkeypatch.setattr(slic_labels, "absorb_in_window", watched)
    return seen


@pytest.fixture
def no_memory(monkeypatch):
    """Tiles are cut into the lowest strips."""
    monkeypatch.setattr(slic_labels, "merged_bytes", lambda side: 0)
    monkeypatch.setattr(slic_labels, "_STRIP_BYTES", 0)
    monkeypatch.setattr(slic_labels, "_BLOCK_BYTES", 0)


CASES = [
    # shape, bands, dtype, blur, tile size, superpixel size, compactness, rounds, adaptive, share of valid pixels
    ((50, 60), 3, "uint8", 1, 16, 9, 10, 3, False, 1),
    ((50, 60), 3, "uint8", 1, 17, 9, 10, 3, True, 0.9),
    ((61, 47), 3, "uint8", 0, 20, 12, 0, 2, False, 1),
    ((60, 64), 1, "uint8", 0, 21, 9, 1, 4, False, 0.8),
    ((64, 50), 1, "uint16", 1.5, 25, 30, 500, 2, True, 1),
    ((49, 49), 4, "float32", 0.5, 12, 5, 20, 2, False, 0.95),
    ((33, 70), 2, "float32", 2, 23, 1, 20, 3, False, 0.97),
    ((40, 40), 3, "uint8", 1, 13, 200, 10, 10, False, 1),  # cells larger than tiles
    ((60, 60), 2, "uint16", 1, 59, 16, 100, 3, False, 1),  # a column and a row of one pixel left over
    ((1, 300), 3, "uint8", 1, 40, 5, 10, 3, False, 0.9),
    ((300, 1), 1, "float32", 1, 37, 4, 10, 2, True, 1),
    ((9, 11), 3, "uint8", 0, 2, 4, 10, 2, False, 0.7),
    ((7, 8), 1, "uint8", 0, 8, 56, 10, 1, False, 1),
]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("min_size_factor", [0.25, 1])
def test_regions_of_any_tiling_are_those_of_the_whole(make_raster, rng, monkeypatch, case, min_size_factor):
    shape, n_bands, dtype, sigma, tile_size, size, compactness, rounds, adaptive, share = case
    monkeypatch.setattr(slic_centers, "_HALO", 12)  # so that the rounds are shared among stages
    values = textured(rng, shape, n_bands, dtype, sigma)
    valid = rng.random(shape) < share
    n = max(1, round(shape[0] * shape[1] / size))
    found = segment_array(
        Slic(None, compactness, rounds, adaptive, min_size_factor=min_size_factor, superpixel_size=size),
        make_raster(values, valid),
        Work(tile_size=tile_size),
    )
    expected = whole(
        values, valid, n, compactness, n_iterations=rounds, adaptive=adaptive, min_size_factor=min_size_factor
    )
    assert_array_equal(found, expected)


@pytest.mark.parametrize("case", CASES)
def test_strips_of_tiles_change_nothing(make_raster, rng, no_memory, attempts, case):
    shape, n_bands, dtype, sigma, tile_size, size, compactness, rounds, adaptive, share = case
    values = textured(rng, shape, n_bands, dtype, sigma)
    valid = rng.random(shape) < share
    method = Slic(None, compactness, rounds, adaptive, superpixel_size=size)
    tile_size = min(3 * tile_size, 64)
    found = segment_array(method, make_raster(values, valid), Work(tile_size=tile_size))
    n = max(1, round(shape[0] * shape[1] / size))
    assert_array_equal(found, whole(values, valid, n, compactness, n_iterations=rounds, adaptive=adaptive))
    n_tiles = -(-shape[0] // tile_size) * -(-shape[1] // tile_size)
    assert sum(attempts) >= n_tiles  # one success each strip


def test_tiles_full_of_pieces_are_cut_into_strips(make_raster, rng, monkeypatch, attempts):
    monkeypatch.setattr(slic_labels, "_STRIP_BYTES", 0)
    noise, grey = rng.integers(0, 256, (3, 300, 300), dtype=np.uint8), np.full((3, 300, 300), 128, np.uint8)
    valid = np.ones((300, 300), np.bool_)
    found = segment_array(Slic(900, n_iterations=2), make_raster(noise), Work(tile_size=300))
    assert_array_equal(found, whole(noise, valid, 900, n_iterations=2))
    assert sum(attempts) > 3
    attempts.clear()
    segment_array(Slic(900, n_iterations=2), make_raster(grey), Work(tile_size=300))
    assert attempts == [True]


@pytest.mark.parametrize("tile_size", [32, 45])
def test_islands_of_valid_pixels(make_raster, rng, tile_size):
    values = textured(rng, (90, 100), 3, "uint8", 2)
    valid = ndimage.gaussian_filter(rng.normal(size=(90, 100)), 4) > 0.02
    found = segment_array(Slic(300, n_iterations=4), make_raster(values, valid), Work(tile_size=tile_size))
    assert_array_equal(found, whole(values, valid, 300, n_iterations=4))


def test_tiles_with_pieces_in_doubt_are_done_again(make_raster, rng, monkeypatch, attempts):
    monkeypatch.setattr(slic_labels, "MARGIN", 2)
    values = textured(rng, (120, 120), 1, "uint8", 0)
    valid = np.ones((120, 120), np.bool_)
    method = Slic(700, 0, 2, lab=False, min_size_factor=1)
    assert_array_equal(
        segment_array(method, make_raster(values), Work(tile_size=60)),
        whole(values, valid, 700, 0, n_iterations=2, min_size_factor=1),
    )
    assert sum(attempts) == 4
    assert len(attempts) > 4


def test_tiles_of_a_photograph_are_done_once(make_raster, rng, attempts):
    values = textured(rng, (150, 150), 3, "uint8", 4)
    segment_array(Slic(900, n_iterations=2), make_raster(values), Work(tile_size=75))
    assert attempts == [True] * 4


def test_early_rounds_of_high_cells_look_at_every_third_row(make_raster, rng):
    values = textured(rng, (90, 80), 3, "uint8", 2)
    found = segment_array(Slic(superpixel_size=169, n_iterations=3), make_raster(values), Work(tile_size=40))
    assert_array_equal(found, whole(values, np.ones((90, 80), np.bool_), round(90 * 80 / 169), n_iterations=3))


def test_a_raster_without_valid_pixels(make_raster):
    values = np.zeros((20, 30, 1)).transpose(2, 0, 1).astype(np.uint8)
    found = segment_array(Slic(20), make_raster(values, np.zeros((20, 30), np.bool_)), Work(tile_size=11))
    assert not found.any()


def test_any_number_of_threads(make_raster, rng):
    values = textured(rng, (60, 60), 3, "uint8", 1)
    raster = make_raster(values)
    one = segment_array(Slic(200, n_iterations=2), raster, Work(tile_size=30))
    assert_array_equal(segment_array(Slic(200, n_iterations=2), raster, Work(tile_size=30, workers=2)), one)


@pytest.mark.parametrize(("n_rounds", "side"), [(9, 20), (9, 30), (9, 90), (9, 5000), (0, 20), (1, 600), (100, 20)])
def test_rounds_are_shared_among_stages_without_a_gap(n_rounds, side):
    shares = slic_centers.shared_rounds(n_rounds, side)
    assert [i for share in shares for i in share] == list(range(n_rounds))
    assert len(shares) >= 1
    for share in shares:
        assert len(share) <= 1 or (2 * len(share) + 1) * side <= 320


def test_stages_carry_no_further_than_they_say(make_raster):
    method = Slic(superpixel_size=400)
    stages = method.stages(make_raster(np.zeros((3, 200, 200), np.uint8)))
    assert [(stage.name, stage.halo) for stage in stages] == [("centers0", 180), ("centers1", 220), ("slic", 100)]
    assert [pickle.loads(pickle.dumps(stage)) for stage in stages] == stages
    grey = method.stages(make_raster(np.zeros((1, 200, 200), np.uint8)))
    assert [stage.name for stage in grey] == ["range", "centers0", "centers1", "slic"]
    assert json.loads(json.dumps(method.parameters())) == method.parameters()


# --------------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_superpixels": 0}, "n_superpixels must be 1 or more"),
        ({"n_superpixels": 9, "superpixel_size": 9}, "not both"),
        ({"superpixel_size": 0.5}, "1 pixel or more"),
        ({"superpixel_size": float("nan")}, "1 pixel or more"),
        ({"compactness": -1}, "compactness must be 0 or more"),
        ({"compactness": 0, "adaptive": True}, "above 0 with adaptive"),
        ({"n_iterations": 0}, "n_iterations must be 1 or more"),
        ({"min_size_factor": 2}, "from 0 to 1"),
    ],
)
def test_refuses_parameters(arguments, message):
    with pytest.raises(InputError, match=message):
        Slic(**arguments)


def test_refuses_what_does_not_fit_the_raster(make_raster):
    raster = make_raster(np.zeros((2, 5, 6), np.uint8))
    with pytest.raises(InputError, match="5 x 6 = 30; got 31"):
        Slic(31).stages(raster)
    with pytest.raises(InputError, match="three uint8 bands, got 2 of uint8"):
        Slic(3, lab=True).stages(raster)


def test_refuses_more_superpixels_than_can_be_numbered_before_it_starts(make_raster):
    raster = make_raster(np.zeros((3, 5, 6), np.uint8))
    raster.height = raster.width = 1 << 16
    with pytest.raises(InputError, match="4294967296 superpixels are requested of 65536 x 65536"):
        Slic(superpixel_size=1).stages(raster)


def test_refuses_values_that_span_too_much(make_raster):
    values = np.zeros((1, 8, 8))
    values[0, 3] = 1e300
    with pytest.raises(InputError, match="image values span inf, which is outside"):
        segment_array(Slic(4), make_raster(values), Work(tile_size=8))
