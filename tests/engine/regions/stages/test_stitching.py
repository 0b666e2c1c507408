"""Pieces of tiles become regions of the raster: any tiling gives the components of the whole."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_array_equal

from densa.engine.regions.stages import stitching
from densa.engine.regions.stages.stitching import describe_fragments, face_links, fragment_arrays, number_fragments
from densa.errors import InputError
from densa.raster import Window
from densa.raster.grid import Grid, inside
from densa.regions import connected_components

shapes = st.one_of(
    st.tuples(st.integers(1, 14), st.integers(1, 14)),
    st.tuples(st.just(1), st.integers(1, 40)),
    st.tuples(st.integers(1, 40), st.just(1)),
)
label_images = shapes.flatmap(lambda s: arrays(np.int32, s, elements=st.integers(0, 2)))


class DictStore:
    """The results of stages, in memory."""

    def __init__(self):
        self.tiles, self.tables = {}, {}

    def load(self, stage, number, *names):
        arrays = self.tiles[stage, number]
        return {name: arrays[name] for name in names or arrays}

    def save(self, stage, number, arrays):
        self.tiles[stage, number] = dict(arrays)

    def save_table(self, name, arrays):
        self.tables[name] = dict(arrays)


def split(labels, grid, connectivity):
    """What a stage of equal labels leaves in each tile."""
    store = DictStore()
    for number in range(len(grid)):
        core, window = grid.tile(number)
        block = labels[inside(window, Window(0, 0, *labels.shape))]

        def joined(a, b, block=block):
            return (block[a] == block[b]) & (block[a] > 0)

        fragments = connected_components(block[inside(core, window)], connectivity)[0]
        store.save("some", number, fragment_arrays(fragments, core, window, grid.width, connectivity, joined))
    return store


def painted(store, grid):
    out = np.full((grid.height, grid.width), -1, np.int32)
    for number in range(len(grid)):
        numbers = store.load("numbers", number)["numbers"]
        assert numbers.dtype == np.int32
        fragments = store.load("some", number)["fragments"]
        out[inside(grid.tile(number)[0], Window(0, 0, grid.height, grid.width))] = numbers[fragments]
    return out


@settings(max_examples=150)
@given(label_images, st.integers(1, 15), st.sampled_from([1, 2]))
def test_any_tiling_gives_the_components_of_the_whole(labels, tile_size, connectivity):
    grid = Grid(*labels.shape, tile_size, halo=1)
    store = split(labels, grid, connectivity)
    count = number_fragments(store, "some", grid)
    expected, n = connected_components(labels, connectivity)
    assert count == n == store.tables["regions"]["count"]
    assert_array_equal(painted(store, grid), expected)
    again = painted(store, grid)
    assert number_fragments(store, "some", grid) == n  # a gathering that was killed is done once more
    assert_array_equal(painted(store, grid), again)


def test_many_pieces_and_a_region_that_winds_through_all_tiles(rng):
    labels = np.zeros((61, 57), np.int32)
    labels[::2] = 1
    labels[1::4, 56] = labels[3::4, 0] = 1
    noise = (rng.random((200, 170)) < 0.55).astype(np.int32)
    for whole, tile_size in ((labels, 8), (labels[:9, :57], 1), (noise, 13), (noise, 64)):
        for connectivity in (1, 2):
            grid = Grid(*whole.shape, tile_size, halo=1)
            store = split(whole, grid, connectivity)
            expected, n = connected_components(whole, connectivity)
            assert number_fragments(store, "some", grid) == n
            assert_array_equal(painted(store, grid), expected)


def test_a_piece_that_begins_lower_but_in_an_earlier_tile_takes_the_first_pixel_of_the_whole():
    labels = np.array([[0, 0, 2, 1], [3, 0, 0, 1], [1, 1, 1, 1], [0, 4, 0, 0]], np.int32)
    grid = Grid(4, 4, 2, halo=1)
    store = split(labels, grid, 1)
    assert number_fragments(store, "some", grid) == 4
    assert_array_equal(painted(store, grid), [[0, 0, 1, 2], [3, 0, 0, 2], [2, 2, 2, 2], [0, 4, 0, 0]])


def test_links_and_firsts_by_hand():
    labels = np.array([[1, 2, 2], [2, 1, 2], [1, 1, 2]])
    core, window = Window(10, 20, 2, 2), Window(10, 20, 3, 3)
    right, down = face_links(core, window, 2, lambda a, b: labels[a] == labels[b])
    assert_array_equal(right, [[False, True, True], [False, False, False]])  # (1, 1) to (2, 2) is in `down`
    assert_array_equal(down, [[False, False, False], [True, True, False]])
    right, down = face_links(core, window, 1, lambda a, b: labels[a] == labels[b])
    assert_array_equal(right, [[False, True, False], [False, False, False]])
    assert_array_equal(down, [[False, False, False], [False, True, False]])
    at_the_end = face_links(core, Window(9, 20, 3, 2), 2, lambda a, b: labels[a] == labels[b])
    assert not np.any(at_the_end[0])
    assert not np.any(at_the_end[1])
    firsts = describe_fragments(np.array([[2, 2], [0, 1]], np.int32), core, 100)
    assert_array_equal(firsts, [1121, 1020])
    assert firsts.dtype == np.int64


def test_firsts_beyond_int32():
    firsts = describe_fragments(np.ones((1, 1), np.int32), Window(99_999, 7, 1, 1), 100_000)
    assert_array_equal(firsts, [9_999_900_007])


def test_more_regions_than_can_be_numbered_are_refused_before_anything_is_saved(monkeypatch):
    labels = np.arange(12, dtype=np.int32).reshape(3, 4)
    grid = Grid(3, 4, 2, halo=1)
    store = split(labels, grid, 1)
    monkeypatch.setattr(stitching, "MAX_REGIONS", 11)
    assert number_fragments(store, "some", grid) == 11
    store = split(labels, grid, 1)
    monkeypatch.setattr(stitching, "MAX_REGIONS", 10)
    with pytest.raises(InputError, match="there are 11 regions, at most 10 can be numbered"):
        number_fragments(store, "some", grid)
    assert not store.tables
    assert ("numbers", 0) not in store.tiles


def test_a_raster_without_regions():
    grid = Grid(3, 5, 2, halo=1)
    store = split(np.zeros((3, 5), np.int32), grid, 2)
    assert number_fragments(store, "some", grid) == 0
    assert not painted(store, grid).any()
