"""What a segmentation is said to take: tables of regions count."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from densa.engine.regions.components import Components
from densa.engine.regions.cuts_of_regions import NormalizedCuts
from densa.engine.regions.estimate import estimate_segmentation
from densa.engine.regions.graph.merge_small import MergeSmall
from densa.engine.regions.graph.stage import ALL, MEANS, GraphStage
from densa.engine.regions.products.files import RegionFiles
from densa.engine.regions.stages.stage import RegionMethod
from densa.engine.resources.memory import resident_bytes
from densa.errors import InputError


@dataclass(frozen=True)
class Greedy(GraphStage):
    """A stage whose global step takes much."""

    def gather_bytes(self, raster, n_regions):
        return 1e9 * n_regions


@dataclass(frozen=True)
class WithTables(RegionMethod):
    """Components, and a stage that gathers."""

    name = "components"

    def parameters(self):
        return {}

    def stages(self, raster):
        return [*Components().stages(raster), Greedy()]

    def bytes_per_pixel(self, raster):
        return 1.0


def columns(n_columns):
    """Regions of two by forty pixels."""
    return np.repeat(np.arange(n_columns) % 2, 2)[np.newaxis, np.newaxis].repeat(40, 1).astype(np.uint8) + 1


def test_the_largest_table_counts(make_raster):
    raster = make_raster(columns(600))
    found = estimate_segmentation(lambda part, share: WithTables(), raster, RegionFiles(Path("r.tif")))
    assert_allclose(found.memory_bytes, 600e9, rtol=0.01)


def test_small_tables_change_nothing(make_raster):
    raster = make_raster(columns(50))
    before = resident_bytes()  # what the tests before have left in this process is no table
    found = estimate_segmentation(lambda part, share: MergeSmall(Components(), 9), raster, RegionFiles(Path("r.tif")))
    assert found.memory_bytes - before < 0.75e9


def test_what_cannot_be_cut_is_refused(make_raster):
    raster = make_raster(columns(600))
    method = NormalizedCuts(Components(), 100_000)
    with pytest.raises(InputError, match="100000 segments of about 600 regions"):
        estimate_segmentation(lambda part, share: method, raster, RegionFiles(Path("r.tif")))


def test_tables_grow_with_what_is_asked_for(make_raster):
    raster = make_raster(columns(2))
    means, whole = (GraphStage(columns=names).gather_bytes(raster, 1e6) for names in (MEANS, ALL))
    assert 5.6e7 < means < whole / 2
    few, many = (NormalizedCuts(Components(), n).stages(raster)[-1].gather_bytes(raster, 1e6) for n in (2, 20))
    assert means < few < many
    halving = NormalizedCuts(Components(), max_cut=0.1).stages(raster)[-1].gather_bytes(raster, 1e6)
    assert few < halving < many
