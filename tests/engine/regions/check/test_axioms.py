"""The axioms checked in tiles: the violations that `densa.regions.check` finds in the whole."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from densa.engine.regions.check.axioms import check_regions
from densa.engine.regions.stages import stitching
from densa.engine.work.settings import Work
from densa.errors import InputError
from densa.raster import gdal
from densa.regions import check, connected_components, deviation_at_most, range_at_most, spread_at_most

on_files = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
sides = st.one_of(st.tuples(st.integers(1, 12), st.integers(1, 12)), st.tuples(st.integers(1, 30), st.just(1)))
tile_sizes = st.sampled_from([3, 4, 7, 40])
connectivities = st.sampled_from([1, 2])


def partition(shape, n_regions, seed):
    """Regions, mostly in pieces, with holes."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, n_regions + 1, (shape[0] // 3 + 1, shape[1] // 3 + 1))
    return np.kron(small, np.ones((3, 3), int))[: shape[0], : shape[1]].astype(np.int32)


def in_memory(numbers, valid, image=None, predicate=None, connectivity=1):
    """What stands under nodata is 0, and in no region where values are asked for."""
    pixels = np.zeros(numbers.shape) if image is None else np.moveaxis(np.where(valid, image, 0), 0, -1)
    found = check(pixels, numbers, connectivity=connectivity, mask=valid)
    if predicate is not None:
        inside = np.where(valid, numbers, 0)
        found += tuple(v for v in check(pixels, inside, predicate, connectivity=connectivity) if v.axiom in "de")
    return found


@on_files
@given(sides, st.integers(1, 6), tile_sizes, connectivities, st.booleans(), st.integers(0, 999))
def test_regions_alone(make_raster, shape, n_regions, tile_size, connectivity, with_nodata, seed):
    numbers = partition(shape, n_regions, seed)
    valid = np.random.default_rng(seed).random(shape) < 0.8 if with_nodata else np.ones(shape, bool)
    found = check_regions(make_raster(numbers[None], valid), connectivity=connectivity, work=Work(tile_size=tile_size))
    assert found == in_memory(np.where(valid, numbers, 0), valid, connectivity=connectivity)
    assert found.n_regions == len(np.unique(numbers[valid & (numbers > 0)]))


@on_files
@given(
    sides, st.integers(1, 8), st.sampled_from(["uint8", "uint16", "float32"]), st.integers(1, 3), tile_sizes,
    connectivities, st.sampled_from([range_at_most, deviation_at_most, spread_at_most]), st.integers(0, 999),
)  # fmt: skip
def test_regions_of_an_image(make_raster, shape, n_regions, dtype, n_bands, tile_size, connectivity, predicate, seed):
    rng = np.random.default_rng(seed)
    numbers = partition(shape, n_regions, seed)
    image = (rng.integers(0, 12, (n_bands, *shape)) * (0.25 if dtype == "float32" else 1)).astype(dtype)
    valid = rng.random(shape) < 0.9
    p = predicate(2.6 if dtype == "float32" else 8.3)
    opened = make_raster(image, valid)
    found = check_regions(
        make_raster(numbers[None]), opened, p, connectivity=connectivity, work=Work(tile_size=tile_size)
    )
    assert found == in_memory(numbers, valid, image, p, connectivity)


def test_what_is_listed_and_what_is_counted(make_raster):
    numbers = np.array([[1, 2, 1, 2, 1, 2, 3, 3, 4, 4, 0, 0]])
    image = np.array([[[0, 9, 0, 9, 0, 9, 9, 9, 0, 5, 5, 5]]], np.uint8)
    arguments = make_raster(numbers[None].astype(np.uint8)), make_raster(image), range_at_most(4)
    found = check_regions(*arguments, work=Work(tile_size=5))
    assert [v.message for v in found] == [
        "axiom (a): 2 pixels of the domain are in no region, first at (0, 10)",
        "axiom (b): region 1 is in 3 pieces, the second begins at (0, 2)",
        "axiom (b): region 2 is in 3 pieces, the second begins at (0, 3)",
        "axiom (d): the predicate is false for region 4, which begins at (0, 8)",
        "axiom (e): the predicate holds for the union of the adjacent regions 2 and 3, which meet at (0, 5)",
    ]
    assert found.counts == {"a": 1, "b": 2, "c": 0, "d": 1, "e": 1}
    assert found.n_regions == 4
    fewer = check_regions(*arguments, most=1, work=Work(tile_size=5))
    assert [v.axiom for v in fewer] == ["a", "b", "d", "e"]
    assert fewer.counts == found.counts
    assert check_regions(*arguments[:1], most=0).counts == {"a": 1, "b": 2, "c": 0}


def test_a_partition_has_no_violations(make_raster, rng):
    labels = rng.integers(1, 4, (33, 41)).astype(np.uint8)
    numbers = connected_components(labels)[0]
    opened = make_raster(numbers[None]), make_raster(labels[None])
    assert check_regions(*opened, range_at_most(0), work=Work(tile_size=10, workers=2)) == ()
    by_corners = check_regions(*opened, range_at_most(0), work=Work(tile_size=10), connectivity=2)
    assert by_corners == check(labels, numbers, range_at_most(0), connectivity=2)[:100]
    assert by_corners.counts["e"] == len(check(labels, numbers, range_at_most(0), connectivity=2))


def test_processes_open_the_regions_themselves(make_raster, rng):
    numbers = partition((40, 30), 9, 0)
    image = rng.integers(0, 9, (2, 40, 30)).astype(np.uint8)
    opened = make_raster(numbers[None]), make_raster(image)
    found = check_regions(*opened, range_at_most(5), work=Work(tile_size=20, workers=2, executor="processes"))
    assert found == check(np.moveaxis(image, 0, -1), numbers, range_at_most(5))


def test_a_budget_of_memory_chooses_the_tiles(make_raster, monkeypatch):
    monkeypatch.setattr(gdal, "_cache_megabytes", gdal._cache_megabytes)  # the budget sets it for the process
    numbers = partition((20, 30), 5, 1)
    regions = make_raster(numbers[None])
    done = []
    found = check_regions(
        regions, work=Work(memory=4 * 10**9), progress=lambda pixels, total: done.append((pixels, total))
    )
    assert found == in_memory(numbers, np.ones(numbers.shape, bool))
    assert done[-1] == (600, 600)
    with pytest.raises(InputError, match=r"memory of 50 MB is too small for check"):
        check_regions(regions, work=Work(memory=50 * 10**6))


def test_a_predicate_of_its_own(make_raster):
    image, numbers = make_raster([[[1, 2, 9]]]), make_raster(np.array([[[1, 1, 2]]], np.uint16))
    found = check_regions(numbers, image, lambda statistics: statistics.n_pixels >= 2)
    assert [(v.axiom, v.regions, v.place) for v in found] == [("d", (2,), (0, 2)), ("e", (1, 2), (0, 1))]


def test_a_raster_of_nodata_is_a_partition_of_nothing(make_raster):
    nowhere = np.zeros((4, 5), bool)
    numbers, image = (
        make_raster(np.zeros((1, 4, 5), np.uint8), nowhere),
        make_raster(np.zeros((1, 4, 5), np.float32), nowhere),
    )
    found = check_regions(numbers, image, range_at_most(1), work=Work(tile_size=2))
    assert found == ()
    assert found.n_regions == 0


def test_region_numbers_that_are_none(make_raster):
    for number in (-3, 2**31):
        values = np.ones((1, 5, 5), np.int64)
        values[0, 3, 1] = number
        with pytest.raises(InputError, match=rf"has region {number} at \(3, 1\); regions must be numbered from 1"):
            check_regions(make_raster(values), work=Work(tile_size=2))
    values[0, 3, 1] = 2**31 - 1
    assert check_regions(make_raster(values), work=Work(tile_size=2)) == ()
    with pytest.raises(InputError, match="without wide gaps"):
        check_regions(make_raster(values), make_raster(np.ones((1, 5, 5), np.uint8)), range_at_most(1))


def test_bad_input(make_raster):
    numbers, image = make_raster(np.ones((1, 4, 5), np.uint8)), make_raster(np.ones((1, 4, 5), np.uint8))
    with pytest.raises(InputError, match=r"must have the size of .*, 4 x 6 pixels, got 4 x 5"):
        check_regions(numbers, make_raster(np.ones((1, 4, 6), np.uint8)))
    with pytest.raises(InputError, match="give the image"):
        check_regions(numbers, None, range_at_most(1))
    with pytest.raises(InputError, match="most must be 0 or more"):
        check_regions(numbers, most=-1)
    with pytest.raises(InputError, match="connectivity must be 1"):
        check_regions(numbers, image, connectivity=4)
    for values in (np.ones((2, 4, 5), np.uint8), np.ones((1, 4, 5), np.float32)):
        with pytest.raises(InputError, match="regions must be one band of integers"):
            check_regions(make_raster(values))


def test_more_pieces_than_can_be_numbered_are_refused(make_raster, monkeypatch):
    monkeypatch.setattr(stitching, "MAX_REGIONS", 5)
    with pytest.raises(InputError, match="there are 6 regions, at most 5"):
        check_regions(make_raster(np.array([[[1, 2, 1, 2, 1, 2]]], np.uint8)), work=Work(tile_size=4))
