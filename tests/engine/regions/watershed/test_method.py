"""The watershed of a raster in tiles is that of the whole; what tiles hand on is bounded by their faces."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scipy import ndimage

from densa import raster
from densa.engine.regions.run import segment_array
from densa.engine.regions.stages.stage import Tile
from densa.engine.regions.watershed.method import MinimaForestStage, Watershed
from densa.engine.regions.watershed.relief import Relief
from densa.engine.work.settings import Work
from densa.errors import InputError
from densa.raster import Window
from densa.raster.grid import Grid, inside
from densa.regions import gradient_magnitude, label_minima, watershed_forest
from densa.regions.watershed.spanning_forest import terrain
from densa.regions.watershed.spanning_forest_tiles import TileOrigin, shrink


class Kept(dict):
    """A store in memory."""

    def __init__(self, grid):
        super().__init__()
        self.grid, self.save_table, self.table = grid, self.__setitem__, self.__getitem__

    def save(self, stage, number, arrays):
        self[stage, number] = dict(arrays)

    def load(self, stage, number, *names):
        found = self[stage, number]
        return {name: found[name] for name in names or found}


def in_tiles(method, pixels, valid, tile_size):
    """What `segment_array` does, without files."""
    bands, height, width = pixels.shape

    def read(window):
        place = np.s_[window.row : window.row + window.height, window.column : window.column + window.width]
        return pixels[:, *place].copy(), valid[place].copy()

    image = SimpleNamespace(
        height=height, width=width, n_bands=bands, dtype=pixels.dtype, path="image.tif", read=read
    )  # fmt: skip
    grid = Grid(height, width, tile_size)
    store = Kept(grid)
    for stage in method.stages(image):
        for number in range(len(grid)):
            core = grid.tile(number)[0]
            ahead = Tile(image, number, core).read(stage.halo) if stage.halo >= 0 else None
            store.save(stage.name, number, stage.compute(Tile(image, number, core, ahead), store))
        stage.gather(store, grid)
        stage.gather(store, grid)  # once more changes nothing
    regions = np.empty((height, width), np.int32)
    for number in range(len(grid)):
        numbers, nodes = store["numbers", number]["numbers"], store["forest", number]["fragments"]
        regions[inside(grid.tile(number)[0], Window(0, 0, height, width))] = numbers[nodes]
    assert store.table("regions")["count"] == len(np.unique(regions[regions > 0]))
    return regions


def whole(method, pixels, valid, markers):
    """The definition."""
    image = np.where(valid, pixels, 0).astype(pixels.dtype)
    relief = image[0]
    if method.relief == "gradient":
        relief = gradient_magnitude(np.moveaxis(image, 0, -1), method.sigma, bands=method.bands)
    return watershed_forest(relief, markers, method.connectivity, mask=valid)


@st.composite
def scenes(draw, n_bands=1):
    """Pixels with plateaus of several sizes, and islands of valid ones."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    height, width = draw(st.sampled_from([(1, 25), (30, 1), (9, 13), (17, 12), (23, 20)]))
    dtype = draw(st.sampled_from(["uint8", "uint16", "int16", "float32", "float64"]))
    pixels = rng.integers(0, draw(st.sampled_from([1, 2, 6, 200])) + 1, (n_bands, height, width))
    grain = draw(st.sampled_from([1, 1, 3, 8]))
    pixels = np.kron(pixels, np.ones((grain, grain), int))[:, :height, :width]
    valid = rng.random((height, width)) < draw(st.sampled_from([0.7, 0.95, 1.0]))
    return (pixels / 3 - 1 if dtype.startswith("f") else pixels).astype(dtype), valid, rng


tile_sizes = st.sampled_from([1, 3, 4, 6, 11, 64])
reaches = st.sampled_from([1, 2])


# -- the same for any tiling -------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=50)
@given(scenes(), tile_sizes, reaches, st.sampled_from(["gradient", "as-is"]))
def test_from_minima(scene, tile_size, connectivity, relief):
    pixels, valid, _ = scene
    method = Watershed(sigma=0, relief=relief, connectivity=connectivity)
    assert_array_equal(in_tiles(method, pixels, valid, tile_size), whole(method, pixels, valid, None))


@settings(deadline=None, max_examples=40)
@given(scenes(), tile_sizes, reaches, st.floats(0, 1))
def test_from_a_grid_of_markers(scene, tile_size, connectivity, share):
    pixels, valid, _ = scene
    valid[0, 0] = True
    count = max(1, int(share**3 * valid.sum()))
    method = Watershed(count, relief="as-is", connectivity=connectivity)
    assert_array_equal(in_tiles(method, pixels, valid, tile_size), whole(method, pixels, valid, count))


@settings(deadline=None, max_examples=20)
@given(scenes(n_bands=3), tile_sizes, st.sampled_from([0, 0.3, 1.0]), st.sampled_from(["largest", "di-zenzo"]))
def test_gradients_of_several_bands(scene, tile_size, sigma, bands):
    pixels, valid, _ = scene
    method = Watershed(sigma=sigma, bands=bands)
    assert_array_equal(in_tiles(method, pixels, valid, tile_size), whole(method, pixels, valid, None))


@pytest.mark.parametrize("connectivity", [1, 2])
def test_plateaus_wider_than_tiles_and_than_steps_are_counted(connectivity, rng):
    pixels = np.kron(rng.integers(0, 4, (1, 3, 3)), np.ones((40, 50), int)).astype(np.uint8)
    pixels[:, rng.random(pixels.shape[1:]) < 0.0005] = 7
    valid = np.ones(pixels.shape[1:], bool)
    for markers in (None, 6):
        method = Watershed(markers, relief="as-is", connectivity=connectivity)
        for tile_size in (17, 64):
            assert_array_equal(in_tiles(method, pixels, valid, tile_size), whole(method, pixels, valid, markers))


def test_a_photograph_through_files(make_raster):
    rng = np.random.default_rng(0)
    photo = ndimage.gaussian_filter(rng.random((3, 70, 90)), (0, 2, 2))
    photo = np.uint8(250 * (photo - photo.min()) / np.ptp(photo))
    valid = ndimage.gaussian_filter(rng.random((70, 90)), 4) > 0.48
    image = make_raster(photo, valid)
    for markers in (None, 20):
        expected = whole(Watershed(), photo, valid, markers)
        for tile_size in (32, 51):
            assert_array_equal(segment_array(Watershed(markers), image, Work(tile_size=tile_size)), expected)


@pytest.mark.parametrize("tile_size", [4, 16])
def test_from_a_raster_of_markers(make_raster, tile_size, rng):
    pixels, valid = rng.integers(0, 30, (1, 11, 14)).astype(np.uint8), rng.random((11, 14)) < 0.9
    markers = (rng.random((11, 14)) < 0.1) * rng.integers(1, 2**31, (11, 14))
    drawn = make_raster(markers[None].astype(np.int32), name="markers.tif")
    image = make_raster(pixels, valid)
    method = Watershed(drawn.path, relief="as-is", connectivity=2)
    found = segment_array(method, image, Work(tile_size=tile_size))
    assert_array_equal(found, whole(method, pixels, valid, markers))


def test_without_valid_pixels_or_markers_nothing_is_flooded(make_raster):
    pixels, valid = np.arange(20, dtype=np.uint8).reshape(1, 4, 5), np.zeros((4, 5), bool)
    assert not in_tiles(Watershed(), pixels, valid, 3).any()
    none = make_raster(np.zeros((1, 4, 5), np.uint8))
    assert not segment_array(Watershed(none.path), make_raster(pixels), Work(tile_size=3)).any()


# -- what tiles hand on ------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32), reaches, st.sampled_from([0, 0.003, 0.05]), st.sampled_from([1, 3, 1000]))
def test_undecided_edges_and_nodes_are_bounded_by_face_pixels(seed, connectivity, share, n_values):
    rng = np.random.default_rng(seed)
    relief = rng.integers(0, n_values, (22, 26)).astype(np.int32)
    markers = (rng.random((22, 26)) < share) * np.arange(1, 22 * 26 + 1, dtype=np.int32).reshape(22, 26)
    land = terrain(relief, rng.random((22, 26)) < 0.95, markers, connectivity)
    land.fill_steps()
    core = land.part(slice(1, 21), slice(1, 25))
    left = shrink(core, markers[1:21, 1:25], TileOrigin(1, 1, 26))
    n_face = 2 * (20 + 24) - 4
    assert (left["labels"] == 0).sum() <= n_face
    assert len(left["one"]) <= (left["labels"] == 0).sum()
    assert len(left["inner"]) <= 3 * (n_face + 8)
    assert len(left["altitude"]) == len(left["order"]) == len(left["one"]) + len(left["inner"])
    ends = np.concatenate([left["one"], left["other"], left["inner"]])
    assert (ends >= 1).all()
    assert (ends <= len(left["labels"])).all()


def test_memory_of_the_global_step_does_not_know_the_inside_of_tiles(rng):
    relief = rng.random((200, 200)).astype(np.float32)
    stage = MinimaForestStage(Relief("as-is", 0, "largest"), 1)
    land = terrain(relief, None, None, 1)
    markers = label_minima(relief)
    land.fill_steps()
    left = shrink(land.part(slice(10, 190), slice(10, 190)), markers[10:190, 10:190], TileOrigin(10, 10, 200))
    assert stage.halo == 130
    assert len(left["one"]) + len(left["inner"]) < 3 * 4 * 180


# -- bad input ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"markers": 0}, "count from 1"),
        ({"markers": True}, "count from 1"),
        ({"markers": 2.5}, "count from 1"),
        ({"sigma": -1}, "sigma"),
        ({"sigma": float("nan")}, "sigma"),
        ({"relief": "slope"}, "as-is"),
        ({"bands": "mean"}, "di-zenzo"),
        ({"connectivity": 4}, "connectivity"),
    ],
)
def test_options_that_make_no_sense(options, message):
    with pytest.raises(InputError, match=message):
        Watershed(**options)


def test_rasters_that_do_not_fit(make_raster):
    image = make_raster(np.zeros((2, 6, 7), np.uint8))
    with pytest.raises(InputError, match="2 bands, a relief must have one"):
        Watershed(relief="as-is").stages(image)
    with pytest.raises(InputError, match="from 1 to the 42 pixels"):
        Watershed(43).stages(image)
    small = make_raster(np.ones((1, 6, 6), np.uint8))
    with pytest.raises(InputError, match=r"6 x 7 pixels, .* has 6 x 6"):
        Watershed(small.path).stages(image)
    reals = make_raster(np.ones((1, 6, 7), np.float32))
    with pytest.raises(InputError, match="integers"):
        Watershed(reals.path).stages(image)
    with pytest.raises(InputError, match="missing"):
        Watershed(small.path.with_name("missing.tif")).stages(image)


def test_markers_that_cannot_be(make_raster, tmp_path):
    pixels, valid = np.zeros((1, 6, 7), np.uint8), np.ones((6, 7), bool)
    valid[2:4, 2:4] = False
    image = make_raster(pixels, valid)
    outside = make_raster(~valid[None] * np.uint8(1))
    with pytest.raises(InputError, match="all 4 marker pixels"):
        segment_array(Watershed(outside.path), image, Work(tile_size=4))
    for value, dtype in ((-1, np.int16), (2**31, np.uint32)):
        raster.write_bands(tmp_path / "wrong.tif", np.full((1, 6, 7), value, dtype), overwrite=True)
        with pytest.raises(InputError, match=str(value)):
            segment_array(Watershed(tmp_path / "wrong.tif"), image, Work(tile_size=4))
    with pytest.raises(InputError, match="from 1 to the 38 pixels"):
        segment_array(Watershed(40), image, Work(tile_size=4))


def test_a_changed_raster_of_markers_is_another_run(make_raster):
    drawn = make_raster(np.ones((1, 6, 6), np.uint8))
    before = Watershed(drawn.path).parameters()
    assert before == Watershed(str(drawn.path)).parameters()
    raster.write_bands(drawn.path, np.full((1, 6, 6), 2, np.uint8), overwrite=True)
    assert Watershed(drawn.path).parameters() != before
