"""Polygon files of numbered regions: read back by an independent library."""

import json
from xml.etree import ElementTree

import numpy as np
import pytest
import shapely
from affine import Affine
from numpy.testing import assert_allclose, assert_array_equal
from rasterio.features import shapes
from scipy import ndimage

from densa.errors import InputError
from densa.raster import RegionPolygonWriter
from densa.raster.vector import map_writer as vector_writer

UTM = Affine(2, 0, 500000, 0, -2, 4000000)
FORMATS = [".geojson", ".gpkg", ".fgb"]
MOST = 2**31 - 1


def region_map():
    """Regions of 8-connected pixels, one with the largest number there is; 0 in between."""
    smooth = ndimage.gaussian_filter(np.random.default_rng(0).random((40, 30)), 0.7) > 0.52
    regions, n = ndimage.label(smooth, np.ones((3, 3)))
    assert n > 10
    return np.where(regions == n, MOST, regions).astype(np.int32)


REGIONS = region_map()


def write(path, regions=REGIONS, height=7, **options):
    with RegionPolygonWriter(path, width=regions.shape[1], **options) as writer:
        for top in range(0, len(regions), height):
            writer.write(regions[top : top + height])


def read(path):
    """{column: values} and geometries."""
    pyogrio = pytest.importorskip("pyogrio")
    about, _, geometries, columns = pyogrio.raw.read(path, layer=path.stem)
    return dict(zip(about["fields"], columns, strict=True)), shapely.from_wkb(geometries)


@pytest.mark.parametrize("suffix", FORMATS)
def test_equal_to_gdal(tmp_path, place, suffix):
    like = None if suffix == ".geojson" else place("EPSG:32630", UTM)
    write(tmp_path / f"map{suffix}", like=like)
    columns, geometries = read(tmp_path / f"map{suffix}")
    transform, unit = (Affine.identity(), "px") if like is None else (UTM, "m2")
    expected = [(int(v), shapely.geometry.shape(s)) for s, v in shapes(REGIONS, mask=REGIONS > 0, transform=transform)]
    assert len(expected) > len(np.unique(REGIONS)) - 1  # some regions are in pieces
    assert sorted(columns["region"].tolist()) == sorted(v for v, _ in expected)
    for number in np.unique(columns["region"]):
        mine = shapely.MultiPolygon(geometries[columns["region"] == number].tolist())
        other = shapely.MultiPolygon([g for v, g in expected if v == number])
        assert shapely.equals_exact(mine, other, 1e-6, normalize=True)
    assert_allclose(columns[f"area_{unit}"], shapely.area(geometries), rtol=1e-3)  # the scale of UTM


def attributes(numbers):
    return {
        "mean_red": (numbers / 7).astype(np.float32),
        "n_bands": (numbers % 5).astype(np.uint8),
        "is_odd": numbers % 2 == 1,
        "title": np.array([f"Gebiet {n}" for n in numbers], str),
        "mean_void": np.full(len(numbers), np.nan),
    }


@pytest.mark.parametrize("suffix", FORMATS)
def test_columns(tmp_path, monkeypatch, suffix):
    monkeypatch.setattr(vector_writer, "_MOST_POLYGONS", 5)
    write(tmp_path / f"map{suffix}", columns=attributes)
    columns, _ = read(tmp_path / f"map{suffix}")
    assert list(columns) == ["region", "area_px", "mean_red", "n_bands", "is_odd", "title", "mean_void"]
    numbers = columns["region"].astype(np.int64)
    assert_allclose(columns["mean_red"], numbers / 7, rtol=1e-6, atol=5e-4)
    assert_array_equal(columns["n_bands"], numbers % 5)
    assert_array_equal(columns["is_odd"].astype(bool), numbers % 2 == 1)
    assert columns["title"].tolist() == [f"Gebiet {n}" for n in numbers]
    assert all(v is None or np.isnan(v) for v in columns["mean_void"])
    if suffix == ".geojson":  # NaN is no JSON
        content = json.loads((tmp_path / "map.geojson").read_text(), parse_constant=pytest.fail)
        assert content["features"][0]["properties"]["mean_void"] is None


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_map_without_regions(tmp_path, suffix):
    write(tmp_path / f"map{suffix}", np.zeros((5, 6), np.int32), columns=attributes)
    columns, geometries = read(tmp_path / f"map{suffix}")
    assert len(geometries) == 0
    assert suffix == ".geojson" or "mean_red" in columns


def test_simplify(tmp_path):
    for name, tolerance in (("a", 0), ("b", 1.5)):
        write(tmp_path / f"{name}.gpkg", simplify=tolerance)
    (columns, exact), (_, simple) = (read(tmp_path / f"{name}.gpkg") for name in "ab")
    assert shapely.get_num_coordinates(simple).sum() < shapely.get_num_coordinates(exact).sum()
    assert_allclose(columns["area_px"], shapely.area(exact))  # of the pixels
    assert sum(shapely.area(simple)) == pytest.approx(shapely.union_all(simple).area)


def test_outlines_in_qgis(tmp_path):
    pyogrio = pytest.importorskip("pyogrio")
    write(tmp_path / "map.gpkg")
    about, _, _, columns = pyogrio.raw.read(tmp_path / "map.gpkg", layer="layer_styles", read_geometry=False)
    style = dict(zip(about["fields"], (c[0] for c in columns), strict=True))
    renderer = ElementTree.fromstring(style["styleQML"].partition("\n")[2]).find("renderer-v2")
    assert renderer.get("type") == "singleSymbol"
    options = {o.get("name"): o.get("value") for o in renderer.iter("Option")}
    assert (options["style"], options["outline_style"]) == ("no", "solid")


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (lambda n: {"a": np.zeros(len(n) + 1)}, "one value per region"),
        (lambda n: {"a": np.zeros(len(n), complex)}, "booleans or strings, got complex128"),
        (lambda n: {"a": np.array([None] * len(n), object)}, "booleans or strings, got object"),
        (lambda n: {"Region": n}, "unique names that are not reserved, got 'Region'"),
        (lambda n: {"geom": n}, "unique names that are not reserved, got 'geom'"),
        (lambda n: {"a": n, "A": n}, "unique names that are not reserved"),
        (lambda n: {f"a{len(n) > 5}": n}, "the same every time"),
    ],
)
def test_columns_that_are_refused(tmp_path, monkeypatch, columns, message):
    monkeypatch.setattr(vector_writer, "_MOST_POLYGONS", 6)
    assert read_count() % 6 != 0
    with pytest.raises(InputError, match=message):
        write(tmp_path / "map.geojson", columns=columns)
    assert not list(tmp_path.iterdir())


def read_count():
    return sum(1 for _ in shapes(REGIONS, mask=REGIONS > 0))


def test_refusals(tmp_path):
    with pytest.raises(InputError, match="labels must be int32, got uint8"):
        write(tmp_path / "map.geojson", np.zeros((2, 3), np.uint8))
    with pytest.raises(InputError, match="from 1, with 0 for no region, got -1"):
        write(tmp_path / "map.geojson", np.full((2, 3), -1, np.int32))
    with pytest.raises(InputError, match="RegionPolygonWriter must be used inside a with block"):
        RegionPolygonWriter(tmp_path / "map.geojson", width=3).write(REGIONS)
    assert not list(tmp_path.iterdir())
