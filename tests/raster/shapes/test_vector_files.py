"""Vector files in: formats, attributes, reference systems, and files that are not sound."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import shapely

from densa import InputError
from densa.raster.shapes import vector_files
from densa.raster.shapes.vector_files import open_layer

SQUARE = shapely.box(0, 0, 4, 3)
SUFFIXES = {"GPKG": ".gpkg", "FlatGeobuf": ".fgb", "ESRI Shapefile": ".shp"}


def write(path, geometries, driver="GPKG", crs="EPSG:25832", layer=None, append=False, **columns):
    pyogrio = pytest.importorskip("pyogrio")
    kind = "Polygon" if driver == "ESRI Shapefile" else "Unknown"
    options = {} if driver == "ESRI Shapefile" else {"SPATIAL_INDEX": "NO"}
    pyogrio.raw.write(
        str(path),
        np.array([None if g is None else shapely.to_wkb(g) for g in geometries], object),
        [np.array(values, object if isinstance(values[0], str) else None) for values in columns.values()],
        list(columns),
        geometry_type=kind,
        driver=driver,
        crs=crs,
        layer=layer,
        append=append,
        **options,
    )
    return path


def geojson(path, features, **more):
    content = {"type": "FeatureCollection", "features": features, **more}
    path.write_text(json.dumps(content))
    return path


def feature(geometry, **properties):
    return {"type": "Feature", "properties": properties, "geometry": shapely.geometry.mapping(geometry)}


@pytest.mark.parametrize("driver", SUFFIXES)
def test_formats_of_gdal(tmp_path, driver):
    path = write(tmp_path / f"a{SUFFIXES[driver]}", [SQUARE, SQUARE.buffer(2)], driver, name=["roof", "road"], n=[2, 5])
    layer = open_layer(path)
    assert (layer.fields, layer.crs.to_epsg(), layer.may_be_pixels) == (("name", "n"), 25832, False)
    found = layer.read(["n", "name"])
    assert found.columns["name"].tolist() == ["roof", "road"]
    assert found.columns["n"].tolist() == [2, 5]
    assert shapely.equals(found.geometries[0], SQUARE)


def test_geojson_is_read_without_pyogrio(tmp_path):
    geojson(tmp_path / "a.geojson", [feature(SQUARE, kind="roof"), feature(shapely.Point(1, 2))])
    code = (
        "import sys; sys.modules['pyogrio'] = None\n"
        "from densa.raster.shapes.vector_files import open_layer\n"
        "layer = open_layer('a.geojson'); found = layer.read(['kind'])\n"
        "print(layer.crs.to_epsg(), layer.may_be_pixels, found.columns['kind'].tolist(), len(found.geometries))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True, env=os.environ
    )
    assert done.stdout.split(maxsplit=2) == ["4326", "True", "['roof', None] 2\n"]


def test_geojson_names_its_system_as_it_did_before_2016(tmp_path):
    system = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::25832"}}
    layer = open_layer(geojson(tmp_path / "a.geojson", [feature(SQUARE)], crs=system))
    assert (layer.crs.to_epsg(), layer.may_be_pixels) == (25832, False)
    wrong = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::1"}}
    with pytest.raises(InputError, match="names the reference system 'urn:ogc:def:crs:EPSG::1', which is not known"):
        open_layer(geojson(tmp_path / "b.geojson", [feature(SQUARE)], crs=wrong))


def test_an_absent_field_lists_the_fields(tmp_path):
    path = geojson(tmp_path / "a.geojson", [feature(SQUARE, kind="roof", height=3)])
    with pytest.raises(InputError, match="has no field 'class'; its fields: kind, height"):
        open_layer(path).read(["class"])


def test_several_layers_are_named(tmp_path):
    path = write(tmp_path / "a.gpkg", [SQUARE], layer="roofs", kind=["roof"])
    write(path, [SQUARE], layer="area", append=True, kind=["all"])
    with pytest.raises(InputError, match=r"has 2 layers \(roofs, area\); name one: .*a.gpkg#layer=NAME"):
        open_layer(path)
    assert open_layer(f"{path}#layer=area").read(["kind"]).columns["kind"].tolist() == ["all"]
    with pytest.raises(InputError, match="has no layer 'are'; its layers: roofs, area"):
        open_layer(f"{path}#layer=are")


def test_what_has_no_geometry_is_left_out_and_counted(tmp_path):
    bow_tie = shapely.Polygon([(0, 0), (4, 4), (4, 0), (0, 4)])
    path = write(
        tmp_path / "a.gpkg", [SQUARE, None, bow_tie, shapely.Polygon()], name=["square", "none", "bow tie", "empty"]
    )
    found = open_layer(path).read(["name"])
    assert found.columns["name"].tolist() == ["square", "bow tie"]
    assert (found.n_without, found.n_mended) == (2, 1)
    assert shapely.is_valid(found.geometries).all()
    assert found.geometries[1].area == pytest.approx(8)


def test_coordinates_that_are_no_numbers_are_left_out_and_counted(tmp_path):
    path = tmp_path / "a.geojson"
    ring = '{"type": "Polygon", "coordinates": [[[0, 0], [4, %s], [4, 4], [0, 0]]]}'
    geometries = [
        ring % "1",
        ring % "NaN",
        ring % "1e999",
        ring % '"x"',
        ring % "1e300",
        "null",
        '{"type": "Foo"}',
        "[[[[1]]]]",
    ]
    texts = [f'{{"type": "Feature", "properties": {{"n": {i}}}, "geometry": {g}}}' for i, g in enumerate(geometries)]
    path.write_text(f'{{"type": "FeatureCollection", "features": [{", ".join(texts)}]}}')
    found = open_layer(path).read(["n"])
    assert found.columns["n"].tolist() == [0]
    assert found.n_without == 7


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.geojson", b"[" * 100_000, "is nested too deeply|Expecting"),
        ("a.geojson", b"{", "is no GeoJSON"),
        ("a.geojson", b'{"images": []}', "it must be"),
        ("a.geojson", b"\xff\xfe", "is no GeoJSON"),
        ("a.gpkg", b"", r"is no GeoPackage: it is empty \(0 bytes\)"),
        ("a.gpkg", b"SQLite format 3\0" + bytes(100), "cannot be read"),
        ("a.fgb", b"PK\3\4", "is no FlatGeobuf"),
        ("a.shp", b"PK\3\4", "is no Shapefile"),
        ("a.kml", b"<kml/>", "must be a vector file"),
    ],
)
def test_files_that_are_none(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        open_layer(tmp_path / name)


def test_a_large_geojson_is_refused_before_it_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(vector_files, "LARGEST_GEOJSON", 10)
    with pytest.raises(InputError, match="bytes, at most 10 are read"):
        open_layer(geojson(tmp_path / "a.geojson", [feature(SQUARE)]))


def test_a_missing_file(tmp_path):
    with pytest.raises(InputError, match="there is no such file"):
        open_layer(tmp_path / "a.gpkg")
