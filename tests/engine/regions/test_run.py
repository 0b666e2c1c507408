"""A method by hand through the whole of the engine: files, journal, workers, budget."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest

from densa import raster
from densa.engine.regions import run
from densa.engine.regions.products.files import RegionFiles
from densa.engine.regions.run import segment_array, segment_to_file
from densa.engine.regions.stages.stage import RegionMethod, Stage
from densa.engine.resources.memory import resident_bytes
from densa.engine.work.journal import WorkFolder
from densa.engine.work.settings import Work
from densa.errors import InputError


@dataclass(frozen=True)
class Stripes(Stage):
    """Pixels of one value in a row of the raster are one region, whatever lies between: pieces 1 to 4 of each row."""

    name = "stripes"
    halo = 0
    paints = True
    stops_at: int = -1

    def compute(self, tile, store):
        if tile.number == self.stops_at:
            raise KeyboardInterrupt
        block = tile.read(0)
        value = np.where(block.valid, block.pixels[0].astype(np.int64), -1)
        rows = np.arange(tile.core.height)[:, None]
        return {"fragments": np.where(value >= 0, rows * 4 + value + 1, 0).astype(np.int32)}

    def gather(self, store, grid):
        for number in range(len(grid)):
            core = grid.tile(number)[0]
            table = np.concatenate([[0], core.row * 4 + np.arange(1, core.height * 4 + 1)]).astype(np.int32)
            store.save("numbers", number, {"numbers": table})
        store.save_table("regions", {"count": np.array(grid.height * 4)})


@dataclass(frozen=True)
class Merge(Stage):
    """Regions of odd and even number become one each."""

    name = "merge"
    halo = -1
    merges = True

    def compute(self, tile, store):
        return {"seen": np.unique(store.regions(tile.core))}

    def gather(self, store, grid):
        assert all(store.load(self.name, n)["seen"].max() <= grid.height * 4 for n in range(len(grid)))
        numbers = np.arange(grid.height * 4 + 1)
        store.save_merge(self.name, np.where(numbers > 0, 2 - numbers % 2, 0).astype(np.int32))


@dataclass(frozen=True)
class Method(RegionMethod):
    merged: bool = False
    stops_at: int = -1
    name = "stripes"

    def parameters(self):
        return {"merged": self.merged}

    def stages(self, raster):
        return [Stripes(self.stops_at), *([Merge()] if self.merged else [])]

    def bytes_per_pixel(self, raster):
        return 100.0


def _ample():
    """A budget that leaves a gigabyte to the tiles, whatever the tests before have left in this process."""
    return int((resident_bytes() + 1.3e9) / 0.75)


VALUES = np.random.default_rng(0).integers(0, 4, (1, 37, 50), dtype=np.uint8)
EXPECTED = np.arange(37)[:, None] * 4 + VALUES[0] + 1


@pytest.mark.parametrize("tile_size", [7, 16, 50])
def test_the_regions_of_an_array(make_raster, tile_size):
    image = make_raster(VALUES)
    np.testing.assert_array_equal(segment_array(Method(), image, Work(tile_size=tile_size)), EXPECTED)
    np.testing.assert_array_equal(segment_array(Method(True), image, Work(tile_size=tile_size)), 2 - EXPECTED % 2)


@pytest.mark.parametrize(
    "options",
    [
        {"tile_size": 16},
        {"tile_size": 9, "workers": 3},
        pytest.param({"tile_size": 16, "workers": 2, "executor": "processes"}, marks=pytest.mark.slow),
        {"tile_size": 25, "dask": "local:2"},
        {"memory": None},
    ],
    ids=["tiles", "threads", "processes", "dask", "memory"],
)
def test_the_bytes_are_the_same_whoever_computes(make_raster, tmp_path, options):
    if "memory" in options:
        options = {"memory": _ample()}
    image = make_raster(VALUES, valid=VALUES[0] != 3)
    segment_to_file(Method(True), image, RegionFiles(tmp_path / "whole.tif"))
    told = []
    count = segment_to_file(
        Method(True),
        image,
        RegionFiles(tmp_path / "tiled.tif"),
        Work(**options),
        progress=lambda *done: told.append(done),
    )
    assert count == 2
    assert (tmp_path / "tiled.tif").read_bytes() == (tmp_path / "whole.tif").read_bytes()
    assert told[-1] == (3 * 37 * 50, 3 * 37 * 50)
    assert all(a <= b for a, b in pairwise(told))
    with raster.open(tmp_path / "tiled.tif") as made:
        found, valid = made.read()
        assert made.band_names == ("region",)
    np.testing.assert_array_equal(valid, VALUES[0] != 3)
    np.testing.assert_array_equal(found[0], np.where(valid, 2 - EXPECTED % 2, 0))
    assert not WorkFolder(tmp_path / "tiled.tif").path.exists()


def test_tables_that_the_memory_cannot_hold_are_refused(make_raster, tmp_path):
    """Before anything is computed where the number of regions is known, else as soon as it is."""
    image, outputs = make_raster(VALUES), RegionFiles(tmp_path / "out.tif")

    @dataclass(frozen=True)
    class Hungry(Merge):
        def gather_bytes(self, raster, n_regions):
            return n_regions * 1e9

    @dataclass(frozen=True)
    class Known(Method):
        expected: int | None = None

        def stages(self, raster):
            return [Stripes(), Hungry()]

        def expected_regions(self, raster):
            return self.expected

    message = r"the tables of about 148 regions take 1\d\d\.\d+ GB, the memory is .*; give more, or ask for larger"
    for expected in (148, None):
        with pytest.raises(InputError, match=message):
            segment_to_file(Known(expected=expected), image, outputs, Work(memory=_ample()))
        assert WorkFolder(outputs.regions).path.exists() == (expected is None)
    segment_to_file(Known(), image, outputs, Work(resume=True))  # with as much memory as there is
    assert outputs.regions.exists()


def test_a_run_stopped_before_its_first_tile_leaves_nothing(make_raster, tmp_path):
    image, outputs = make_raster(VALUES), RegionFiles(tmp_path / "out.tif")
    before = set(tmp_path.iterdir())
    with pytest.raises(KeyboardInterrupt):
        segment_to_file(Method(True, 0), image, outputs, Work(tile_size=16))
    assert set(tmp_path.iterdir()) == before


@pytest.mark.parametrize("stops_at", [3, 5])
def test_a_stopped_run_is_continued(make_raster, tmp_path, stops_at):
    image, outputs = make_raster(VALUES), RegionFiles(tmp_path / "out.tif")
    with pytest.raises(KeyboardInterrupt):
        segment_to_file(Method(True, stops_at), image, outputs, Work(tile_size=16))
    assert not outputs.regions.exists()
    with pytest.raises(InputError, match=r"holds an unfinished segmentation of out\.tif; resume=True continues it"):
        segment_to_file(Method(True), image, outputs, Work(tile_size=16))
    with pytest.raises(InputError, match="belongs to another method: merged is now false, it was true"):
        segment_to_file(Method(False), image, outputs, Work(resume=True))
    lines = []
    segment_to_file(Method(True), image, outputs, Work(resume=True), tell=lines.append)
    assert len(lines) == (stops_at > 0)
    with raster.open(outputs.regions) as made:
        np.testing.assert_array_equal(made.read()[0][0], 2 - EXPECTED % 2)
    assert segment_to_file(Method(True), image, outputs, Work(resume=True)) is None
    with pytest.raises(InputError, match="exists"):
        segment_to_file(Method(True), image, outputs)


def test_a_damaged_tile_is_computed_again(make_raster, tmp_path):
    image, outputs = make_raster(VALUES), RegionFiles(tmp_path / "out.tif")
    with pytest.raises(KeyboardInterrupt):
        segment_to_file(Method(True, 5), image, outputs, Work(tile_size=16))
    tile = WorkFolder(outputs.regions).path / "stripes.000000001.tile"
    tile.write_bytes(tile.read_bytes()[:-3])
    segment_to_file(Method(True), image, outputs, Work(resume=True))
    with raster.open(outputs.regions) as made:
        np.testing.assert_array_equal(made.read()[0][0], 2 - EXPECTED % 2)


def test_a_budget_that_is_too_small_is_refused(make_raster, tmp_path):
    with pytest.raises(InputError, match=r"a memory of 50 MB is too small for stripes on raster0\.tif; the least is"):
        segment_to_file(Method(), make_raster(VALUES), RegionFiles(tmp_path / "out.tif"), Work(memory=50_000_000))
    assert not (tmp_path / "out.tif.partial").exists()


def test_a_budget_gives_the_largest_tiles_that_fit(make_raster):
    image = make_raster(np.zeros((1, 900, 700), np.uint8))
    sizes = [
        run.choose_tile_size(Method(), Method().stages(image), image, Work(memory=memory))
        for memory in (_ample(), 2 * _ample())
    ]
    assert sizes == [900, 900]
    many = run.choose_tile_size(Method(), Method().stages(image), image, Work(memory=2 * _ample(), workers=2))
    assert 350 <= many < 900
