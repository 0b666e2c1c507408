"""QGIS styles stored in a GeoPackage: one colour per class, or outlines."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from densa.legend import Legend

__all__ = ["QgisStyle", "add_style", "class_style", "outline_style"]

# As QGIS creates it to save a style in a GeoPackage.
_TABLE = """
CREATE TABLE layer_styles (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, f_table_catalog TEXT(256), f_table_schema TEXT(256),
    f_table_name TEXT(256), f_geometry_column TEXT(256), styleName TEXT(30), styleQML TEXT, styleSLD TEXT,
    useAsDefault BOOLEAN, description TEXT, owner TEXT(30), ui TEXT(30),
    update_time DATETIME DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now'))
)
"""
_OUTLINE = {
    "outline_color": "35,35,35,255",
    "outline_style": "solid",
    "outline_width": "0.1",
    "outline_width_unit": "MM",
}


class QgisStyle(NamedTuple):
    """A named style; `qml` is the text of a QGIS style file."""

    name: str
    description: str
    qml: str


def add_style(path: Path, layer: str, style: QgisStyle) -> None:
    """Store the style with which QGIS opens `layer` of a GeoPackage."""
    with closing(sqlite3.connect(path)) as file, file:
        row = file.execute("SELECT column_name FROM gpkg_geometry_columns WHERE table_name = ?", (layer,)).fetchone()
        file.execute(_TABLE)
        file.execute(
            "INSERT INTO gpkg_contents (table_name, data_type, identifier, description, srs_id)"
            " VALUES ('layer_styles', 'attributes', 'layer_styles', '', 0)"
        )
        file.execute(
            "INSERT INTO layer_styles (f_table_catalog, f_table_schema, f_table_name, f_geometry_column, styleName,"
            " styleQML, styleSLD, useAsDefault, description, owner) VALUES ('', '', ?, ?, ?, ?, '', 1, ?, '')",
            (layer, row[0], style.name, style.qml, style.description),
        )


def class_style(legend: Legend) -> QgisStyle:
    """A style with the legend's colours and names, for a layer whose column `class` holds class indices."""
    root, renderer = _document("categorizedSymbol", attr="class")
    categories, symbols = SubElement(renderer, "categories"), SubElement(renderer, "symbols")
    for index, (name, (red, green, blue)) in enumerate(zip(legend.class_names, legend.colors, strict=True)):
        number = str(index)
        SubElement(categories, "category", value=number, type="integer", symbol=number, label=name, render="true")
        _add_symbol(symbols, number, {"color": f"{red},{green},{blue},255", **_OUTLINE, "style": "solid"})
    return QgisStyle("classes", "colours of the classes, by densa", _text(root, renderer))


def outline_style() -> QgisStyle:
    """A style of outlines without fill."""
    root, renderer = _document("singleSymbol")
    symbols = SubElement(renderer, "symbols")
    _add_symbol(symbols, "0", {"color": "255,255,255,0", **_OUTLINE, "outline_width": "0.2", "style": "no"})
    return QgisStyle("regions", "outlines of the regions, by densa", _text(root, renderer))


def _document(kind: str, **options: str) -> tuple[Element, Element]:
    root = Element("qgis", version="3.28", styleCategories="Symbology")
    more = {"symbollevels": "0", "enableorderby": "0", "forceraster": "0"}
    return root, SubElement(root, "renderer-v2", {"type": kind, **options, **more})


def _add_symbol(symbols: Element, name: str, filling: dict[str, str]) -> None:
    symbol = SubElement(symbols, "symbol", type="fill", name=name, alpha="1", clip_to_extent="1", force_rhr="0")
    layer = SubElement(symbol, "layer", {"class": "SimpleFill", "enabled": "1", "locked": "0", "pass": "0"})
    options = SubElement(layer, "Option", type="Map")
    for key, value in filling.items():
        SubElement(options, "Option", name=key, type="QString", value=value)
    for key, value in filling.items():  # QGIS before 3.20 reads these
        SubElement(layer, "prop", k=key, v=value)


def _text(root: Element, renderer: Element) -> str:
    SubElement(renderer, "rotation")
    SubElement(renderer, "sizescale")
    SubElement(root, "layerGeometryType").text = "2"
    ElementTree.indent(root)
    return "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n" + ElementTree.tostring(root, "unicode")
