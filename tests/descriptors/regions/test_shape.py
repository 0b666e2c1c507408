"""Shape and position of regions against scikit-image and by hand."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from densa.descriptors import RegionPosition, RegionShape


def test_shape_is_scikit_images(rng):
    measure = pytest.importorskip("skimage.measure")
    regions = np.repeat(np.repeat(rng.integers(0, 40, (9, 11)), 5, axis=0), 4, axis=1)
    regions[rng.random(regions.shape) < 0.2] = 7
    found = RegionShape().compute(np.zeros((1, *regions.shape)), regions)
    place = RegionPosition().compute(np.zeros((1, *regions.shape)), regions)
    for p in measure.regionprops(regions):
        area, height, width, extent, eccentricity, _, _ = found[p.label - 1]
        assert area == p.area
        assert (height, width) == (p.bbox[2] - p.bbox[0], p.bbox[3] - p.bbox[1])
        assert extent == pytest.approx(p.extent)
        low, high = np.linalg.eigvalsh(p.inertia_tensor + np.eye(2) / 12)  # of points there, of unit squares here
        assert eccentricity == pytest.approx(np.sqrt(1 - low / high), abs=1e-5)
        centre = (np.array(p.centroid) + 0.5) / regions.shape
        assert_allclose(place[p.label - 1], centre, rtol=1e-6)


def test_shape_by_hand():
    regions = np.array([[1, 1, 1, 1], [2, 2, 0, 3], [2, 2, 0, 3]])
    found = RegionShape().compute(np.zeros((1, 3, 4)), regions, 5)
    assert RegionShape().names([]) == ["area", "height", "width", "extent", "eccentricity", "perimeter", "compactness"]
    # a row of four: moments 1/12 and 15/12 + 1/12, eccentricity sqrt(1 - 1/16)
    assert_allclose(found[0], [4, 1, 4, 1, np.sqrt(15 / 16), 10, 4 * np.pi * 4 / 100], rtol=1e-6)
    assert_allclose(found[1], [4, 2, 2, 1, 0, 8, np.pi / 4], rtol=1e-6)
    assert_allclose(found[2, [0, 5]], [2, 6])
    assert_array_equal(found[3:], 0)
    assert_allclose(RegionPosition().compute(np.zeros((1, 3, 4)), regions)[1], [2 / 3, 1 / 4])


def test_position_does_not_cancel_far_from_the_corner():
    """A small region at the far end of a long map has the shape that it has at its beginning."""
    regions = np.zeros((3, 40_000), np.int32)
    regions[0, :3] = regions[1, 0] = 1
    regions[0, -3:] = regions[1, -3] = 2
    found = RegionShape().compute(np.zeros((1, *regions.shape)), regions)
    assert_array_equal(found[0], found[1])
