"""Mean shift of rasters in tiles is that of the whole image."""

import json
import pickle
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from densa.engine.regions import mean_shift as tiled
from densa.engine.regions.mean_shift import MeanShift
from densa.engine.regions.run import run_stages, segment_array
from densa.engine.regions.stages.stage import Tile
from densa.engine.work.journal import WorkFolder
from densa.engine.work.settings import Work
from densa.errors import InputError
from densa.raster import Window
from densa.raster.grid import Grid, inside
from densa.regions import mean_shift
from densa.regions.mean_shift.mode_joining import steps

on_files = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
sides = st.one_of(st.tuples(st.integers(1, 24), st.integers(1, 24)), st.tuples(st.just(1), st.integers(1, 60)))


def whole(values, valid, **arguments):
    return mean_shift(np.ascontiguousarray(values.transpose(1, 2, 0)), mask=valid, **arguments)


def patches(shape, n_bands, dtype, seed):
    """Flat patches with noise, and pixels that are not valid; below 251, so that a nodata value is free."""
    rng = np.random.default_rng(seed)
    levels = rng.integers(0, 250, (n_bands, -(-shape[0] // 5), -(-shape[1] // 5)))
    values = levels.repeat(5, axis=1).repeat(5, axis=2)[:, : shape[0], : shape[1]]
    values = np.clip(values + rng.normal(0, 6, values.shape), 0, 250)
    return (values if np.dtype(dtype).kind == "f" else values.round()).astype(dtype), rng.random(shape) < 0.95


def wedge(length):
    """A wedge that widens to the right: windows in it slide along it, farther than usual; values tell how far."""
    height, columns = np.abs(np.arange(17) - 8)[:, np.newaxis], np.arange(length)
    return np.where(2 * height <= 0.15 * columns, 0.1 * columns, 200).astype(np.float32)[np.newaxis]


SLIDING = {"spatial_radius": 8, "range_radius": 10, "min_size": 1, "join_threshold": 0.03, "tolerance": 0.01}


@on_files
@given(
    sides,
    st.integers(1, 4),
    st.sampled_from(["uint8", "uint16", "int32", "float32", "float64"]),
    st.integers(4, 25),
    st.sampled_from([(1.5, 8, 1), (2, 30, 3), (4, 15, 8), (1e9, 20, 5)]),
    st.sampled_from(["uniform", "gaussian"]),
    st.integers(0, 999),
)
def test_regions_of_any_tiling_are_those_of_the_whole(
    make_raster, shape, n_bands, dtype, tile_size, radii, kernel, seed
):
    values, valid = patches(shape, n_bands, dtype, seed)
    raster = make_raster(values, valid)
    method = MeanShift(*radii, kernel=kernel)
    found = segment_array(method, raster, Work(tile_size=tile_size))
    named = dict(zip(("spatial_radius", "range_radius", "min_size"), radii, strict=True))
    assert_array_equal(found, whole(values, valid, **named, kernel=kernel))


def assert_modes_are_those_of_the_whole(raster, stage, tile_size):
    pixels, valid = raster.read()
    whole, _ = stage.search.modes(np.ascontiguousarray(pixels.transpose(1, 2, 0)).astype(np.float32), valid)
    grid = Grid(raster.height, raster.width, tile_size)
    for number in range(len(grid)):
        tile = Tile(raster, number, grid.tile(number)[0])
        area, wanted = tiled._with_neighbours(tile)
        modes, kept = stage._modes(tile, area, wanted)
        of_area = inside(area, Window(0, 0, raster.height, raster.width))
        assert_array_equal(kept, wanted & valid[of_area])
        assert_array_equal(modes[kept], whole[of_area][kept])


@pytest.mark.parametrize("tile_size", [17, 20, 64])
@pytest.mark.parametrize("turned", [0, 1, 2, 3])
def test_trajectories_that_travel_far_are_found_in_larger_blocks(make_raster, tile_size, turned):
    values = np.rot90(wedge(120), turned, (1, 2))
    raster = make_raster(values)
    assert_modes_are_those_of_the_whole(raster, MeanShift(**SLIDING).stages(raster)[-1], tile_size)
    if tile_size == 20:
        found = segment_array(MeanShift(**SLIDING), raster, Work(tile_size=tile_size))
        assert_array_equal(found, whole(values, None, **SLIDING))


@on_files
@given(
    sides,
    st.integers(1, 4),
    st.integers(5, 25),
    st.sampled_from([(1.5, 30), (3, 12), (7, 30)]),
    st.sampled_from(["uniform", "gaussian"]),
    st.integers(0, 999),
)
def test_modes_of_any_tiling_are_those_of_the_whole(make_raster, shape, n_bands, tile_size, radii, kernel, seed):
    raster = make_raster(*patches(shape, n_bands, "float32", seed))
    stage = MeanShift(*radii, kernel=kernel).stages(raster)[-1]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tiled, "PIECE_PX", 5)
        assert_modes_are_those_of_the_whole(raster, replace(stage, halo=1), tile_size)


def test_only_the_pixels_that_need_it_are_computed_again(make_raster, monkeypatch):
    monkeypatch.setattr(tiled, "HALO_RADII", 1)
    monkeypatch.setattr(tiled, "GROWTH", 2)
    monkeypatch.setattr(tiled, "PIECE_PX", 6)
    tiles, searched = [], []
    read, search = Tile.read, tiled._ModeStage._search_in

    def note(self, halo):
        tiles.append((self.number, halo))
        return read(self, halo)

    def count(self, tile, block, area, modes, missing):
        before = int(missing.sum())
        search(self, tile, block, area, modes, missing)
        searched.append((tile.number, block.window, before, int(missing.sum())))

    monkeypatch.setattr(Tile, "read", note)
    monkeypatch.setattr(tiled._ModeStage, "_search_in", count)
    values = wedge(120)
    found = segment_array(MeanShift(**SLIDING), make_raster(values), Work(tile_size=20))
    assert_array_equal(found, whole(values, None, **SLIDING))
    first_tile = [found for found in searched if found[0] == 0]
    assert {halo for number, halo in tiles if number == 0} == {
        0,
        8,
        16,
        32,
        64,
    }  # 0: for the range; they travel beyond four radii
    assert first_tile[0][2] == 17 * 21  # with the neighbours over the right face
    assert 0 < first_tile[0][3] < first_tile[0][2]
    assert sum(before - after for _, _, before, after in first_tile) == 17 * 21
    for _, window, _, _ in first_tile[1:]:
        assert window.width <= 6 + 2 * 64


@pytest.mark.parametrize("color", ["auto", "as-is"])
@pytest.mark.parametrize("tile_size", [16, 37, 100])
def test_noise_under_islands_of_data(make_raster, rng, color, tile_size):
    values = rng.integers(0, 250, (3, 50, 70), dtype=np.uint8)
    values[:, :, 30:40] //= 8
    valid = np.ones((50, 70), bool)
    valid[20:30] = valid[:, 33] = False
    arguments = {"spatial_radius": 3, "range_radius": 20, "min_size": 12, "color": color}
    raster = make_raster(values, valid)
    expected = whole(values, valid, **arguments)
    assert_array_equal(segment_array(MeanShift(**arguments), raster, Work(tile_size=tile_size)), expected)
    threads = segment_array(MeanShift(**arguments), raster, Work(tile_size=tile_size, workers=2))
    assert_array_equal(threads, expected)
    assert expected.max() > 4
    assert_array_equal(expected == 0, ~valid)


def test_strips_and_single_pixels(make_raster, rng):
    for shape in ((1, 1), (1, 9), (9, 1)):
        values = rng.integers(0, 3, (3, *shape), dtype=np.uint8) * 60
        for tile_size in (1, 4, 9):
            found = segment_array(MeanShift(2, 10), make_raster(values), Work(tile_size=tile_size))
            assert_array_equal(found, whole(values, None, spatial_radius=2, range_radius=10, min_size=1))


def test_regions_merge_over_any_number_of_tiles(make_raster):
    stairs = np.arange(40, dtype=np.float32).repeat(2)  # neighbours closer than half a radius: closure joins all
    values = np.tile(stairs, (3, 1))[np.newaxis]
    for tile_size in (5, 7, 80):
        method = MeanShift(1, 2.5, 1, join_threshold=0.5)
        assert_array_equal(segment_array(method, make_raster(values), Work(tile_size=tile_size)), np.ones((3, 80)))


@pytest.mark.parametrize("tile_size", [2, 3, 4, 12])
def test_diagonals_are_joined_through_the_corners_of_tiles(make_raster, tile_size):
    for line in (np.eye(12), np.eye(12)[::-1]):
        values = (line * 100).astype(np.uint8)[np.newaxis]
        found = segment_array(MeanShift(1, 10), make_raster(values), Work(tile_size=tile_size))
        assert_array_equal(found == found[line == 1][0], line)


def test_the_global_step_may_be_done_again(make_raster, tmp_path):
    values, valid = patches((20, 30), 3, "uint8", 5)
    raster = make_raster(values, valid)
    folder, grid = WorkFolder(tmp_path / "regions.tif", "segmentation"), Grid(20, 30, 8)
    folder.make()
    stages = MeanShift(3, 15, 6).stages(raster)
    store = run_stages(stages, raster, folder, grid)
    before = store.regions(Window(0, 0, 20, 30))
    stages[-1].gather(store, grid)
    assert_array_equal(store.regions(Window(0, 0, 20, 30)), before)
    assert store.count() == before.max()


def test_a_raster_without_a_valid_pixel_has_no_regions(make_raster):
    for dtype in ("uint8", "float32"):
        raster = make_raster(np.zeros((2, 5, 4), dtype), np.zeros((5, 4), bool))
        assert not segment_array(MeanShift(2, 3), raster, Work(tile_size=2)).any()


def test_negative_values_leave_room_for_their_sums(make_raster, tmp_path):
    values = np.full((1, 6, 9), -1000, np.float32)
    values[0, 0, 0] = 3
    method, grid = MeanShift(2, 5), Grid(6, 9, 4)
    folder = WorkFolder(tmp_path / "regions.tif", "segmentation")
    folder.make()
    store = run_stages(method.stages(make_raster(values)), make_raster(values), folder, grid)
    parts = [store.load("modes", number, "sums")["sums"] for number in range(len(grid))]
    assert np.concatenate(parts).sum() == -(53 * 1000 - 3) * steps(1000, 54)


def test_method_travels_and_is_written_down():
    method = MeanShift(3, 6.5, 20, kernel="gaussian", join_threshold=2)
    assert pickle.loads(pickle.dumps(method)) == method
    assert MeanShift(**json.loads(json.dumps(method.parameters()))) == method


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"spatial_radius": 0}, "spatial_radius"),
        ({"range_radius": np.inf}, "range_radius"),
        ({"min_size": 0}, "min_size"),
        ({"kernel": "flat"}, "kernel"),
        ({"color": "lab"}, "color"),
        ({"join_threshold": -1}, "join_threshold"),
        ({"max_iterations": 0}, "max_iterations"),
        ({"tolerance": -0.1}, "tolerance"),
    ],
)
def test_what_cannot_be_used_is_said_when_the_method_is_made(change, message):
    with pytest.raises(InputError, match=message):
        MeanShift(**{"spatial_radius": 3, "range_radius": 5, **change})


def test_rasters_that_do_not_fit_are_refused(make_raster):
    with pytest.raises(InputError, match="8-bit RGB, got uint16 with 3 bands"):
        MeanShift(3, 5, color="luv").stages(make_raster(np.zeros((3, 4, 4), np.uint16)))
    raster = make_raster(np.zeros((1, 4, 4), np.float32))
    raster.dtype = np.dtype(np.complex64)
    with pytest.raises(InputError, match="complex64"):
        MeanShift(3, 5).stages(raster)
    with pytest.raises(InputError, match="between -1e15 and 1e15"):
        segment_array(MeanShift(3, 5), make_raster(np.full((1, 4, 4), 1e20, np.float32)))
