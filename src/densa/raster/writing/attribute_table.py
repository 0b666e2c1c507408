"""The `.aux.xml` beside a label map: class names and colours for GDAL and QGIS."""

from __future__ import annotations

from xml.etree import ElementTree

from densa.legend import Legend

__all__ = ["attribute_table_xml"]

_OF_THE_RASTER = {"SRS", "GeoTransform", "GCPList"}
_INTEGER, _TEXT = 0, 2
# GDAL's GDALRATFieldUsage: QGIS looks for a value, a name, and the four components of a colour.
_MIN_MAX, _NAME, _RED, _GREEN, _BLUE, _ALPHA = 5, 2, 6, 7, 8, 9
_COLUMNS = (
    ("Value", _INTEGER, _MIN_MAX),
    ("Class", _TEXT, _NAME),
    ("Red", _INTEGER, _RED),
    ("Green", _INTEGER, _GREEN),
    ("Blue", _INTEGER, _BLUE),
    ("Alpha", _INTEGER, _ALPHA),
)


def attribute_table_xml(legend: Legend, written: bytes | None = None) -> bytes:
    """Category names and raster attribute table of band 1, in GDAL's auxiliary format (UTF-8).

    Args:
        legend: names and colours of the classes.
        written: what GDAL wrote into this file; kept of it is what belongs to the whole raster, such as a reference
            system that GeoTIFF cannot hold.
    """
    root = ElementTree.Element("PAMDataset")
    if written is not None:
        root.extend(one for one in ElementTree.fromstring(written) if one.tag in _OF_THE_RASTER)
    band = ElementTree.SubElement(root, "PAMRasterBand", band="1")
    names = ElementTree.SubElement(band, "CategoryNames")
    for name in legend.class_names:
        ElementTree.SubElement(names, "Category").text = name
    table = ElementTree.SubElement(band, "GDALRasterAttributeTable", tableType="thematic")
    for place, (title, kind, usage) in enumerate(_COLUMNS):
        column = ElementTree.SubElement(table, "FieldDefn", index=str(place))
        for tag, text in (("Name", title), ("Type", kind), ("Usage", usage)):
            ElementTree.SubElement(column, tag).text = str(text)
    for index, (name, color) in enumerate(zip(legend.class_names, legend.colors, strict=True)):
        row = ElementTree.SubElement(table, "Row", index=str(index))
        for value in (index, name, *color, 255):
            ElementTree.SubElement(row, "F").text = str(value)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="utf-8")
