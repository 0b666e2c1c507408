"""Colours of the classes inside a GeoPackage."""

import sqlite3
from contextlib import closing
from xml.etree import ElementTree

import pytest

from tests.raster.vector.polygon_files import LEGEND, UTM, write


def test_style_inside_the_geopackage(tmp_path, place):
    pyogrio = pytest.importorskip("pyogrio")
    path = tmp_path / "land cover.gpkg"
    write(path, like=place("EPSG:32630", UTM))
    assert pyogrio.list_layers(path)[:, 0].tolist() == ["land cover", "layer_styles"]
    assert pyogrio.read_info(path, layer="land cover")["crs"] == "EPSG:32630"
    about, _, _, columns = pyogrio.raw.read(path, layer="layer_styles", read_geometry=False)
    row = dict(zip(about["fields"], (c[0] for c in columns), strict=True))
    assert (row["f_table_name"], row["f_geometry_column"]) == ("land cover", "geom")
    assert row["useAsDefault"]
    style = ElementTree.fromstring(row["styleQML"].partition("\n")[2])
    renderer = style.find("renderer-v2")
    assert renderer.get("attr") == "class"
    labels = {c.get("symbol"): (c.get("value"), c.get("label")) for c in renderer.iter("category")}
    assert labels == {"0": ("0", "road"), "1": ("1", "Straße"), "2": ("2", "tree")}
    for symbol in renderer.iter("symbol"):
        color = next(o.get("value") for o in symbol.iter("Option") if o.get("name") == "color")
        assert color == ",".join(map(str, LEGEND.colors[int(symbol.get("name"))])) + ",255"
    with closing(sqlite3.connect(path)) as file:
        assert file.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert ("rtree_land cover_geom",) in file.execute("SELECT name FROM sqlite_master").fetchall()
