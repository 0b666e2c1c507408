"""Areas of pixels on the ground, against figures of an independent program."""

from itertools import pairwise

import numpy as np
import pytest
import shapely
from affine import Affine
from numpy.testing import assert_allclose
from rasterio.crs import CRS

from densa import raster
from densa.pixel_areas import area_of_run, value_at
from densa.raster.earth.ground import ground_of
from tests.raster.vector.polygon_files import LABELS, read, write

# Square metres of the first 100 and the other 300 columns of 300 rows: `pyproj.Geod.polygon_area_perimeter` (pyproj
# 3.7.2, PROJ 9.5.1; geodesics by Karney) of their outlines on the ellipsoid of the system, eight points per pixel side.
GEODESIC = {
    "web-mercator": ("EPSG:3857", (10, 0, -8900000.0, 0, -10, 3250000.0), 2330164.01, 6990492.029),
    "utm-edge": ("EPSG:32633", (20, 0, 790000, 0, -20, 5000000.0), 11984621.51, 35951790.43),
    "feet": ("EPSG:2263", (10, 0, 980000, 0, -10, 200000), 278711.4541, 836134.3623),
    "degrees": ("EPSG:4326", (0.001, 0, 25, 0, -0.001, 60.2), 186223871.2, 558671613.7),
    "degrees-rotated": ("EPSG:4326", (0.0008, 0.0006, 25, 0.0006, -0.0008, 60.2), 185887651.1, 555643055.8),
    "utm-rotated": ("EPSG:32633", (8, 6, 690000, 6, -8, 5000000.0), 2999700.02, 8998963.938),
    "utm-sheared": ("EPSG:32633", (8, 3, 690000, 1, -9, 5000000.0), 2249784.539, 6749251.752),
    "utm-south-up": ("EPSG:32733", (10, 0, 690000, 0, 10, 8000000.0), 2999707.937, 8998953.206),
    "grads-clarke": ("EPSG:27572", (25, 0, 900000, 0, -25, 2400000.0), 18738065.15, 56214333.73),
    "polar": ("EPSG:3413", (1000, 0, -200300, 0, -1000, 150700), 3.188089396e10, 9.565938185e10),
    "conic": ("EPSG:5070", (1000, 0, 100000, 0, -1000, 2000000), 3e10, 9e10),
    "mercator-coarse": ("EPSG:3857", (20000, 0, -4000000.0, 0, -20000, 9000000.0), 5.727160859e12, 1.718148258e13),
    "gall-peters-like": ("EPSG:6933", (9000, 0, -1800000.0, 0, -9000, 2700000.0), 2.430000006e12, 7.290000017e12),
}

# Metres around them, by the same program.
PERIMETERS = {
    "web-mercator": (7041.330355, 10575.85168),
    "utm-edge": (15989.74429, 23983.92388),
    "feet": (2438.410209, 3657.615313),
    "degrees": (77990.99866, 100277.2334),
    "degrees-rotated": (73163.90542, 105206.5541),
    "utm-rotated": (7999.599995, 11999.30916),
    "utm-sheared": (7304.201576, 10528.87074),
    "utm-south-up": (7999.61056, 11999.30201),
    "grads-clarke": (19993.63315, 29990.48576),
    "polar": (824670.6101, 1237033.629),
    "conic": (796325.0812, 1199934.57),
    "mercator-coarse": (10851509.64, 16295177),
    "gall-peters-like": (6796997.751, 10804631.59),
}


def ground(crs, transform, height, width):
    place = raster.Georeference(None if crs is None else CRS.from_user_input(crs), Affine(*transform))
    return ground_of(raster.from_array(np.zeros((height, width), np.uint8), georeference=place), width)


@pytest.mark.parametrize("name", GEODESIC)
def test_geodesic_areas(name):
    crs, transform, left, right = GEODESIC[name]
    found = ground(crs, transform, 300, 400)
    areas = [found.areas(begin, begin + 100) for begin in (0, 100, 200)]  # strips, as a map is written
    for begin, end, expected in ((0, 100, left), (100, 400, right)):
        units = sum(area_of_run(part, row, begin, end) for part in areas for row in range(100))
        assert units * found.unit_area == pytest.approx(expected, rel=3e-6)
    assert found.unit == "m2"


@pytest.mark.parametrize("name", GEODESIC)
def test_geodesic_perimeters(name):
    crs, transform, *_ = GEODESIC[name]
    found = ground(crs, transform, 300, 400)
    parts = [found.sides(begin, begin + 100) for begin in (0, 100, 200)]
    for begin, end, expected in zip((0, 100), (100, 400), PERIMETERS[name], strict=True):
        units = area_of_run(parts[0][0], 0, begin, end) + area_of_run(parts[2][0], 100, begin, end)
        units += sum(value_at(part[1], row, column) for part in parts for row in range(100) for column in (begin, end))
        assert units * found.unit_length == pytest.approx(expected, rel=3e-6)
    for above, below in pairwise(parts):
        assert np.array_equal(above[0].values[100], below[0].values[0])


def test_sums_do_not_depend_on_strips():
    crs, transform, *_ = GEODESIC["web-mercator"]
    found = ground(crs, transform, 300, 400)
    whole = found.areas(0, 300)
    for begin in (0, 7, 255, 256, 299):
        assert np.array_equal(found.areas(begin, begin + 1).values, whole.values[begin : begin + 1])


def test_feet(tmp_path, place):
    """EPSG:2263 counts US survey feet; areas are square metres all the same, and so is `min_area`."""
    like = place("EPSG:2263", Affine(10, 0, 980000, 0, -10, 200000))
    write(tmp_path / "map.geojson", like=like, min_area=50)  # a pixel has 9.29 m2
    columns, _ = read(tmp_path / "map.geojson")
    pixel = (10 * 1200 / 3937) ** 2
    assert sum(columns["area_m2"]) == pytest.approx((LABELS != 255).sum() * pixel, rel=1e-4)
    n_pixels = np.array(columns["area_m2"]) / pixel
    assert_allclose(n_pixels, np.rint(n_pixels), rtol=1e-4)


def test_longitude_and_latitude(tmp_path, place):
    """The whole ellipsoid of WGS 84 has 510 065 622 km2 (Moritz 2000, GRS 80: 510 065 621.7)."""
    like = place("EPSG:4326", Affine(1, 0, -180, 0, -1, 90), width=360, height=180)
    labels = np.zeros((180, 360), np.uint8)
    labels[:60] = 1
    write(tmp_path / "map.geojson", labels, like=like)
    columns, geometries = read(tmp_path / "map.geojson")
    assert sum(columns["area_m2"]) == pytest.approx(510_065_621.7e6, rel=1e-6)
    north = columns["area_m2"][columns["class"].index(1)]  # above 30 degrees: a quarter of a sphere
    assert north / sum(columns["area_m2"]) == pytest.approx(0.25, abs=2e-3)
    assert shapely.total_bounds(geometries).tolist() == [-180, -90, 180, 90]


def test_least_area_is_on_the_ground(tmp_path, place):
    """At 28 degrees north, 12 pixels of 100 m2 in Web Mercator are 932 m2."""
    labels = np.zeros((4, 30), np.uint8)
    labels[:3, 4:8] = 1
    like = place("EPSG:3857", Affine(10, 0, -8.9e6, 0, -10, 3.25e6))
    for min_area, n_polygons in ((900, 2), (1000, 1)):
        write(tmp_path / f"{min_area}.geojson", labels, like=like, min_area=min_area)
        assert len(read(tmp_path / f"{min_area}.geojson")[0]["area_m2"]) == n_polygons


def test_plane_and_unknown_systems():
    local = ground('LOCAL_CS["site grid",UNIT["foot",0.3048]]', (10, 0, 0, 0, -10, 0), 20, 30)
    assert (local.unit, local.unit_area) == ("m2", pytest.approx(9.290304))
    assert ground(None, (10, 0, 0, 0, -10, 0), 20, 30).unit == "px"


@pytest.mark.parametrize("crs", ["ESRI:54009", "EPSG:3857"])
def test_corners_beyond_the_map_count_as_their_neighbours(crs):
    """The corners of a world map in Mollweide's projection are not on the Earth."""
    found = ground(crs, (1e5, 0, -1.8e7, 0, -1e5, 9e6), 180, 360)
    areas = found.areas(0, 180)
    assert np.isfinite(areas.values).all()
    assert (areas.values >= 0).all()
