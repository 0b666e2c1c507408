"""Methods that are told how many regions to make say so, whatever is made of them afterwards."""

import numpy as np
import pytest

from densa.engine.regions import Components, MergeSmall, NormalizedCuts, Slic, Watershed


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
