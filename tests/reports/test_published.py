"""Scores and costs that were printed."""

import pytest

from densa.reports.published import CAMVID_CLASSES, PUBLISHED_ACCURACY, camvid_order
from tests.reports.camvid import CAMVID


def test_classes_of_camvid_by_other_names():
    order = camvid_order(CAMVID)
    assert [CAMVID[k].removesuffix("-symbol") for k in order] == list(CAMVID_CLASSES)
    assert camvid_order(("Sky", "Building", "Column_Pole", "Road", "Sidewalk", "Tree", "SignSymbol", "Fence", "Car",
                         "Pedestrian", "Bicyclist")) == order  # fmt: skip
    assert camvid_order(CAMVID[:-1]) is None


def test_printed_rows_are_whole():
    """Class averages follow from the printed classes, within the rounding of the paper."""
    for row in PUBLISHED_ACCURACY:
        if row.per_class is None or None in row.per_class:
            continue
        assert len(row.per_class) == 11
        assert sum(row.per_class) / 11 == pytest.approx(row.class_average, abs=0.55), row.name
