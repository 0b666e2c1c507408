"""What stages and region methods say of themselves, by default and in the methods of densa."""

import numpy as np
import pytest

from densa.engine.regions import Components, MergeSmall, NormalizedCuts, PixelCuts, RegionMethod, Slic, Stage, Watershed


class Nothing(Stage):
    name, halo = "nothing", 0

    def compute(self, tile, store):
        return {}

    def gather(self, store, grid):
        pass


class OfNothing(RegionMethod):
    name = "of nothing"

    def parameters(self):
        return {}

    def stages(self, raster):
        return [Nothing()]

    def bytes_per_pixel(self, raster):
        return 1.0


def test_defaults(make_raster):
    image = make_raster(np.zeros((1, 3, 4), np.uint8))
    stage, method = Nothing(), OfNothing()
    assert (stage.paints, stage.merges, stage.margin, stage.gather_bytes(image, 1e9)) == (False, False, 0, 0.0)
    assert (method.whole, method.expected_regions(image)) == (False, None)


@pytest.mark.parametrize("kind", [Stage, RegionMethod])
def test_what_is_missing_is_refused(kind):
    with pytest.raises(TypeError, match="abstract"):
        type("Incomplete", (kind,), {"name": "incomplete"})()


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        (Slic(superpixel_size=25), 48),
        (MergeSmall(Slic(n_superpixels=40), 20), 40),
        (NormalizedCuts(Slic(n_superpixels=30), n_segments=4), 30),
        (Watershed(12), 12),
        (Watershed(), None),
        (MergeSmall(Components(), 4), None),
    ],
)
def test_about_how_many_regions(make_raster, method, expected):
    image = make_raster(np.zeros((1, 30, 40), np.uint8))
    assert method.expected_regions(image) == expected


@pytest.mark.parametrize(("method", "whole"), [(PixelCuts(), True), (Slic(), False)])
def test_which_methods_need_the_whole_image(method, whole):
    assert method.whole == whole


def test_stages_that_paint_and_merge(make_raster):
    image = make_raster(np.zeros((1, 30, 40), np.uint8))
    stages = MergeSmall(Components(), 4).stages(image)
    assert [(stage.name, stage.paints, stage.merges) for stage in stages] == [
        ("components", True, False),
        ("small", False, True),
    ]
