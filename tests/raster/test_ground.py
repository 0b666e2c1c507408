"""Areas of pixels, in map units and on the ellipsoid."""

import numpy as np
import pytest
import shapely
from affine import Affine
from numpy.testing import assert_allclose

from tests.raster.vector.polygon_files import LABELS, read, write


def test_feet(tmp_path, place):
    """EPSG:2263 counts US survey feet; areas are square metres all the same, and so is `min_area`."""
    like = place("EPSG:2263", Affine(10, 0, 980000, 0, -10, 200000))
    write(tmp_path / "map.geojson", like=like, min_area=50)  # a pixel has 9.29 m2
    columns, _ = read(tmp_path / "map.geojson")
    pixel = (10 * 1200 / 3937) ** 2
    assert sum(columns["area_m2"]) == pytest.approx((LABELS != 255).sum() * pixel, rel=1e-4)
    n_pixels = np.array(columns["area_m2"]) / pixel
    assert_allclose(n_pixels, np.rint(n_pixels), atol=1e-3)


def test_longitude_and_latitude(tmp_path, place):
    """The whole ellipsoid of WGS 84 has 510 065 622 km2 (Moritz 2000, GRS 80: 510 065 621.7)."""
    like = place("EPSG:4326", Affine(1, 0, -180, 0, -1, 90), width=360)
    labels = np.zeros((180, 360), np.uint8)
    labels[:60] = 1
    write(tmp_path / "map.geojson", labels, like=like)
    columns, geometries = read(tmp_path / "map.geojson")
    assert sum(columns["area_m2"]) == pytest.approx(510_065_621.7e6, rel=1e-4)
    north = columns["area_m2"][columns["class"].index(1)]  # above 30 degrees: a quarter of a sphere
    assert north / sum(columns["area_m2"]) == pytest.approx(0.25, abs=2e-3)
    assert shapely.total_bounds(geometries).tolist() == [-180, -90, 180, 90]
