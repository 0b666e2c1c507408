"""Ellipsoids of reference systems."""

import numpy as np
import pytest
from rasterio.crs import CRS

from densa.raster.earth.ellipsoid import ellipsoid_of, metres_per_unit


@pytest.mark.parametrize(
    ("crs", "semi_major", "inverse_flattening"),
    [
        ("EPSG:4326", 6378137, 298.257223563),
        ("EPSG:3857", 6378137, 298.257223563),
        ("EPSG:2263", 6378137, 298.257222101),
        ("EPSG:27572", 6378249.2, 293.4660212936),
        ("EPSG:32633+5773", 6378137, 298.257223563),
        ("+proj=utm +zone=33 +ellps=bessel", 6377397.155, 299.1528128),
    ],
)
def test_of_the_system(crs, semi_major, inverse_flattening):
    found = ellipsoid_of(CRS.from_user_input(crs))
    flattening = 1 - np.sqrt(1 - found.eccentricity_squared)
    assert found.semi_major == pytest.approx(semi_major)
    assert 1 / flattening == pytest.approx(inverse_flattening, rel=1e-7)


def test_sphere():
    found = ellipsoid_of(CRS.from_user_input("+proj=longlat +R=1000"))
    assert found.zones(np.array([-90.0, 90.0])) * 360 == pytest.approx(4 * np.pi * 1000**2)
    x, y, z = found.positions(np.array([90.0]), np.array([30.0]))
    assert np.allclose([x[0], y[0], z[0]], [0, 866.0254, 500])


def test_local_systems_have_none():
    local = CRS.from_wkt('LOCAL_CS["site grid",UNIT["metre",1]]')
    assert ellipsoid_of(local) is None
    assert metres_per_unit(local) == 1
    assert ellipsoid_of(None) is None
