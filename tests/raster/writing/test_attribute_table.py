"""Names and colours of the classes beside a label map."""

from xml.etree import ElementTree

import numpy as np

from densa import raster
from densa.legend import Legend

LEGEND = Legend(("road", "water", "tree"), ((128, 64, 128), (0, 0, 255), (0, 200, 0)))


def test_attribute_table(tmp_path):
    """Columns and usages as GDAL's GDALRATFieldUsage numbers them; QGIS needs value, name and the colours."""
    raster.write_label_map(tmp_path / "a.tif", np.zeros((4, 5), np.uint8), LEGEND)
    table = next(ElementTree.parse(tmp_path / "a.tif.aux.xml").iter("GDALRasterAttributeTable"))
    fields = [(f.findtext("Name"), f.findtext("Type"), f.findtext("Usage")) for f in table.iter("FieldDefn")]
    expected = [("Value", "0", "5"), ("Class", "2", "2")]
    expected += [("Red", "0", "6"), ("Green", "0", "7"), ("Blue", "0", "8"), ("Alpha", "0", "9")]
    assert fields == expected
    rows = [[cell.text for cell in row] for row in table.iter("Row")]
    assert rows[0] == ["0", "road", "128", "64", "128", "255"]
    assert len(rows) == 3
