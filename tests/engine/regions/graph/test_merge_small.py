"""Merging out of core: the partition that the in-memory functions make, for any tiles."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from densa.engine.regions.components import Components
from densa.engine.regions.graph.merge_small import MergeSmall, merge_stages
from densa.engine.regions.run import run_stages, segment_array
from densa.engine.work.journal import WorkFolder
from densa.engine.work.settings import Work
from densa.errors import InputError
from densa.raster import Window
from densa.raster.grid import Grid
from densa.regions import (
    absorb_small_regions,
    connected_components,
    felzenszwalb_cut,
    merge_by_predicate,
    range_at_most,
    region_graph,
)


def picture(rng, n_bands, height, width, kind):
    """Blobs of few values, so that there are regions of all sizes and many ties."""
    coarse = rng.integers(1, 5, (n_bands, height // 3 + 1, width // 3 + 1))
    image = np.repeat(np.repeat(coarse, 3, 1), 3, 2)[:, :height, :width] * 40
    image[:, rng.random((height, width)) < 0.2] += 7
    return image.astype(kind)


def merged_in_memory(image, valid, rule, connectivity=1):
    """The rule on the components of the first band."""
    regions, _ = connected_components(np.where(valid, image[0], 0).astype(np.int64), connectivity)
    bands = np.moveaxis(np.where(valid, image, 0), 0, -1).astype(np.float64)
    return rule(region_graph(bands, regions, connectivity=connectivity))[regions]


@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2**32), st.sampled_from([np.uint8, np.int64]), st.integers(3, 30), st.sampled_from([1, 2]))
def test_small_regions_are_those_of_the_whole(make_raster, seed, kind, min_size, connectivity):
    rng = np.random.default_rng(seed)
    image = np.repeat(picture(rng, 1, 23, 29, kind), 2, 0)
    valid = rng.random((23, 29)) < 0.9
    expected = merged_in_memory(image, valid, partial(absorb_small_regions, min_size=min_size), connectivity)
    raster = make_raster(image, valid)
    method = MergeSmall(Components(connectivity), min_size, connectivity)
    for tile_size in (7, 14):
        assert_array_equal(segment_array(method, raster, Work(tile_size=tile_size)), expected)


@pytest.mark.parametrize(
    "rule",
    [partial(merge_by_predicate, predicate=range_at_most(50)), partial(felzenszwalb_cut, scale=30, min_size=4)],
    ids=["predicate", "felzenszwalb"],
)
def test_other_rules_and_several_of_them(make_raster, tmp_path, rng, rule):
    image, valid = picture(rng, 1, 30, 40, np.uint8), np.ones((30, 40), bool)
    small = partial(absorb_small_regions, min_size=25)
    first = merged_in_memory(image, valid, rule)
    expected = small(region_graph(image[0].astype(np.float64), first))[first]
    raster = make_raster(image)
    folder = WorkFolder(Path(tmp_path) / "regions.tif", "segmentation")
    folder.make()
    stages = [
        *Components().stages(raster),
        *merge_stages(raster, "first", rule),
        *merge_stages(raster, "second", small),
    ]
    store = run_stages(stages, raster, folder, Grid(30, 40, 16))
    assert_array_equal(store.regions(Window(0, 0, 30, 40)), expected)
    assert store.count() == expected.max() < first.max()
    stages[-1].gather(store, store.grid)  # as a run that was stopped does it again
    assert_array_equal(store.regions(Window(0, 0, 30, 40)), expected)


def test_bad_input():
    with pytest.raises(InputError, match="min_size"):
        MergeSmall(Components(), 0)
    with pytest.raises(InputError, match="connectivity"):
        MergeSmall(Components(), 5, 8)
