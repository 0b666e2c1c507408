"""The region graph out of core: against the in-memory functions and a pixel-by-pixel count, for any tiles."""

from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal

from densa.engine.regions.graph import stage as graph
from densa.engine.regions.graph.stage import ALL, GraphStage, graph_of, graph_stages
from densa.engine.regions.graph.table import BORDERS, narrowed
from densa.engine.regions.run import run_stages
from densa.engine.regions.stages.stage import widened
from densa.engine.work.journal import WorkFolder
from densa.errors import InputError
from densa.raster import Window
from densa.raster.grid import Block, Grid, inside
from densa.regions import region_graph, region_statistics

STEPS = {1: ((0, 1), (1, 0)), 2: ((0, 1), (1, 0), (1, 1), (1, -1))}
VALUES = {
    np.bool_: st.booleans(),
    np.uint8: st.integers(0, 255),
    np.uint16: st.integers(0, 2**16 - 1),
    np.int64: st.integers(-(2**53), 2**53),
    np.float32: st.floats(-1000, 1000, width=32).map(lambda v: v if v == 0 or abs(v) > 1e-20 else 1e-20),
}


class Numbers:
    """Regions from an array."""

    def __init__(self, regions):
        self.regions = regions

    def __call__(self, window):
        return self.regions[inside(window, Window(0, 0, *self.regions.shape))]


class Results(dict):
    """A store without a disk; arrays cannot be written to, as those of the real one."""

    def load(self, stage, number, *names):
        return {name: self[stage, number][name] for name in names or self[stage, number]}

    def table(self, name):
        return self[name]

    def save_table(self, name, arrays):
        for values in arrays.values():
            values.flags.writeable = False
        self[name] = arrays


class Tile:
    """A tile of an array whose invalid pixels hold 0."""

    def __init__(self, pixels, valid, core):
        self.pixels, self.valid, self.core = np.where(valid, pixels, pixels.dtype.type(0)), valid, core
        self.height, self.width = valid.shape
        self.dtype, self.georeference = pixels.dtype, None

    def read(self, halo):
        window = widened(self.core, halo, self.height, self.width)
        part = inside(window, Window(0, 0, self.height, self.width))
        return Block(self.core, window, self.pixels[:, *part].copy(), self.valid[part])


def collected(pixels, regions, valid, tile_size, connectivity, **options):
    """The table of an image in memory."""
    grid, store = Grid(*valid.shape, tile_size), Results()
    tiles = [Tile(pixels, valid, grid.tile(number)[0]) for number in range(len(grid))]
    for stage in graph_stages(tiles[0], connectivity=connectivity, source=Numbers(regions), **options):
        for number, tile in enumerate(tiles):
            part = stage.compute(tile, store)
            for values in part.values():
                values.flags.writeable = False
            store[stage.name, number] = part
        stage.gather(store, grid)
    return graph_of(store)


def assert_same(one, other):
    a, b = one.arrays(), other.arrays()
    for name in a:
        assert_array_equal(a[name], b[name], err_msg=name)
        assert a[name].dtype == b[name].dtype, name


@st.composite
def scenes(draw, kinds=tuple(VALUES)):
    """(B, H, W) pixels, (H, W) regions and validity."""
    kind = draw(st.sampled_from(kinds))
    shape = draw(st.sampled_from([(1, 1, 7), (2, 6, 1), (3, 5, 6), (1, 8, 8), (4, 3, 7)]))
    pixels = draw(arrays(kind, shape, elements=VALUES[kind]))
    regions = draw(arrays(np.int32, shape[1:], elements=st.integers(0, draw(st.sampled_from([2, 12])))))
    valid = draw(arrays(np.bool_, shape[1:], elements=st.integers(0, 5).map(bool)))
    return pixels, regions, valid


@settings(max_examples=60)
@given(scenes(), st.integers(1, 6), st.sampled_from([1, 2]))
def test_tiles_leave_no_trace(scene, tile_size, connectivity):
    assert_same(collected(*scene, tile_size, connectivity), collected(*scene, 8, connectivity))


@settings(max_examples=40)
@given(scenes(), st.sampled_from([3, 8]), st.sampled_from([1, 2]), st.integers(1, 9))
def test_strips_leave_no_trace(scene, tile_size, connectivity, runs):
    whole = collected(*scene, tile_size, connectivity)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(graph, "_STRIP_RUNS", runs)
        assert_same(collected(*scene, tile_size, connectivity), whole)


@settings(max_examples=30)
@example(
    (np.zeros((1, 1, 2), np.uint8), np.array([[1, 2]], np.int32), np.ones((1, 2), bool)), 2, 1, {"contrasts", "edges"}
)
@given(scenes(), st.integers(1, 8), st.sampled_from([1, 2]), st.sets(st.sampled_from(ALL)))
def test_of_some_columns_the_others_are_empty(scene, tile_size, connectivity, names):
    found = collected(*scene, tile_size, connectivity, columns=tuple(names))
    whole = collected(*scene, tile_size, connectivity)
    if "edges" not in names:
        names = names - set(BORDERS)
    for name in ALL:
        expected = getattr(whole, name)
        if name in names or name == "n_pixels":
            assert_array_equal(getattr(found, name), expected, err_msg=name)
        else:
            assert not getattr(found, name).size, name
        assert getattr(found, name).dtype == expected.dtype, name
    mean = found.graph().statistics.mean
    assert_array_equal(mean, whole.graph().statistics.mean if "sums" in names else np.empty((0, len(scene[0]))))


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([0, 255], np.uint8),
        ([0, 256], np.uint16),
        ([65536], np.uint32),
        ([2**32], np.int64),
        ([-128, 127], np.int8),
        ([-1, 128], np.int16),
        ([-32769], np.int32),
        ([-(2**31) - 1], np.int64),
    ],
)
def test_integers_are_kept_in_the_narrowest_type(values, kind):
    found = narrowed(np.array(values))
    assert found.dtype == kind
    assert found.tolist() == values


@settings(max_examples=80)
@given(scenes(), st.integers(2, 8), st.sampled_from([1, 2]))
def test_it_is_the_graph_of_the_whole(scene, tile_size, connectivity):
    pixels, regions, valid = scene
    regions = np.where(valid, regions, 0)
    table = collected(*scene, tile_size, connectivity)
    span = float(np.ptp(np.where(valid, pixels, pixels[:, valid].flat[0] if valid.any() else 0).astype(float)))
    image = np.moveaxis(np.where(valid, pixels, 0), 0, -1).astype(np.float64)
    expected = region_graph(image, regions, connectivity=connectivity)
    found = table.graph()
    assert found.n_regions == expected.n_regions
    assert_array_equal(found.edges, expected.edges)
    assert_array_equal(found.lengths, expected.lengths)
    assert_allclose(found.strengths, expected.strengths, rtol=1e-12, atol=4 * span * 2**-30 + 2**-16)
    ours, theirs = found.statistics, expected.statistics
    for name in ("n_pixels", "low", "high", "box", "perimeter"):
        assert_array_equal(getattr(ours, name), getattr(theirs, name), err_msg=name)
    if pixels.dtype.itemsize <= 2:
        assert_array_equal(ours.mean, theirs.mean)
    exact = pixels.dtype.kind != "f"
    assert_allclose(ours.mean, theirs.mean, rtol=1e-12, atol=span * (1e-12 if exact else 2**-31))
    assert_allclose(ours.squares, theirs.squares, rtol=1e-12, atol=pixels.size * span**2 * (1e-15 if exact else 1e-8))


@settings(max_examples=60)
@given(scenes([np.uint8]), st.sampled_from([1, 2]))
def test_places_sides_and_first_pixels_by_a_count(scene, connectivity):
    _, regions, valid = scene
    regions = np.where(valid, regions, 0)
    height, width = regions.shape
    met, sides = defaultdict(list), defaultdict(int)
    for y in range(height):
        for x in range(width):
            for dy, dx in STEPS[connectivity]:
                if y + dy < height and 0 <= x + dx < width:
                    i, j = int(regions[y, x]), int(regions[y + dy, x + dx])
                    if i != j and i and j:
                        met[i, j].append(y * width + x)
                        met[j, i].append((y + dy) * width + x + dx)
                        sides[min(i, j), max(i, j)] += not dy or not dx
    table = collected(*scene, 3, connectivity)
    edges = [tuple(edge) for edge in table.edges.tolist()]
    assert edges == sorted(pair for pair in met if pair[0] < pair[1])
    assert table.places.tolist() == [min(met[i, j]) for i, j in edges]
    assert table.beyond.tolist() == [min(met[j, i]) for i, j in edges]
    assert table.sides.tolist() == [sides[edge] for edge in edges]
    for k in range(1, table.n_regions + 1):
        at = np.flatnonzero(regions == k)
        assert table.first[k] == (at[0] if len(at) else 0)


@settings(max_examples=60)
@given(scenes([np.uint8, np.float32]), st.sampled_from([1, 2]), st.data())
def test_a_merged_table_is_the_graph_of_the_merged_regions(scene, connectivity, data):
    pixels, regions, valid = scene
    regions = np.where(valid, regions, 0)
    table = collected(*scene, 4, connectivity)
    parents = data.draw(st.lists(st.integers(1, 4), min_size=table.n_regions, max_size=table.n_regions))
    new = np.array([0, *parents])
    present = np.unique(new[regions])
    new = np.where(np.isin(new, present), np.searchsorted(present[present > 0], new) + 1, 0) * (new > 0)
    merged = table.merged(new)
    assert_same(merged, collected(pixels, new[regions].astype(np.int32), valid, 8, connectivity))


def test_sums_beyond_64_bits():
    """Near 2^53 a single square has 106 bits."""
    pixels = np.full((1, 4, 50), 2**53 - 1, np.int64)
    pixels[0, :, ::2] = -(2**53) + 1
    regions = np.ones((4, 50), np.int32)
    regions[:, 25:] = 2
    table = collected(pixels, regions, np.ones((4, 50), bool), 16, 1)
    steps = [int(v) for v in pixels[0, regions == 1]]
    assert table.step == 1
    assert table.sums[1, 0] == sum(steps)
    assert (int(table.squares[1, 0, 0]) << 64) + int(table.squares[1, 0, 1]) == sum(v * v for v in steps)
    mean = sum(steps) / 100
    assert_allclose(table.statistics().squares[1, 0], sum((v - mean) ** 2 for v in steps), rtol=1e-12)


def test_deviations_do_not_cancel():
    """A large mean with a small spread, of which sums of squares in float64 would keep nothing."""
    pixels = np.full((1, 100, 100), 2.0**40)
    pixels[0, 50, 50] += 1
    pixels[0, 0, 0] = 0
    regions = np.ones((100, 100), np.int32)
    regions[0] = 2
    found = collected(pixels, regions, np.ones((100, 100), bool), 64, 1).statistics()
    whole = region_statistics(pixels[0], regions)
    assert_allclose(found.squares[2], whole.squares[2], rtol=1e-9)
    assert found.squares[1, 0] <= 2.0**20
    integers = np.full((1, 100, 100), 65535, np.uint16)
    integers[0, 50, 50] = 65534
    found = collected(integers, np.ones((100, 100), np.int32), np.ones((100, 100), bool), 64, 1).statistics()
    assert_allclose(found.squares[1, 0], 1 - 1e-4, rtol=1e-15)


def test_float_pictures_of_whole_numbers_are_exact(rng):
    pixels = rng.integers(0, 256, (3, 30, 40)).astype(np.float32)
    regions = rng.integers(1, 9, (30, 40)).astype(np.int32)
    found = collected(pixels, regions, np.ones((30, 40), bool), 16, 1).statistics()
    assert_array_equal(found.mean, region_statistics(np.moveaxis(pixels, 0, -1).astype(np.float64), regions).mean)


def test_without_an_image():
    regions = np.array([[1, 1, 2], [3, 3, 2]], np.int32)
    table = collected(np.zeros((1, 2, 3), np.uint8), regions, np.ones((2, 3), bool), 2, 1, with_image=False)
    assert table.sums.shape == (4, 0)
    assert_array_equal(table.edges, [(1, 2), (1, 3), (2, 3)])
    assert_array_equal(table.lengths, [1, 2, 1])
    assert table.statistics().mean.shape == (4, 0)


def test_no_region_at_all():
    table = collected(np.zeros((1, 2, 3), np.float32), np.zeros((2, 3), np.int32), np.zeros((2, 3), bool), 2, 2)
    assert table.n_regions == 0
    assert table.edges.shape == (0, 2)
    assert_same(table, table.merged([0]))


def test_through_the_engine(make_raster, tmp_path, rng):
    """Files, tiles and a mask: the same table as in memory."""
    pixels = rng.normal(size=(2, 37, 41)).astype(np.float32)
    valid = rng.random((37, 41)) < 0.9
    regions = rng.integers(0, 30, (37, 41)).astype(np.int32)
    raster = make_raster(pixels, valid)
    folder = WorkFolder(Path(tmp_path) / "regions.tif", "segmentation")
    folder.make()
    store = run_stages(graph_stages(raster, source=Numbers(regions)), raster, folder, Grid(37, 41, 16))
    assert_same(graph_of(store), collected(pixels, regions, valid, 41, 1))


def test_bad_input():
    regions = np.array([[1, 2**31 - 1]], np.int32)
    with pytest.raises(InputError, match="wide gaps"):
        collected(np.zeros((1, 1, 2), np.uint8), regions, np.ones((1, 2), bool), 2, 1)
    with pytest.raises(InputError, match="connectivity"):
        GraphStage("graph", 3)
    table = collected(np.zeros((1, 1, 2), np.uint8), np.array([[1, 2]], np.int32), np.ones((1, 2), bool), 2, 1)
    with pytest.raises(InputError, match="each of 2 regions"):
        table.merged([0, 1])
    with pytest.raises(InputError, match="each of 2 regions"):
        table.merged([0, 1, 0])
    huge = np.array([[[1e-35, 1e35]]])
    with pytest.raises(InputError, match="rescale"):
        collected(huge, np.array([[1, 2]], np.int32), np.ones((1, 2), bool), 2, 1)
