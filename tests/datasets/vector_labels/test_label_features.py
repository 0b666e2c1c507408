"""The features of a vector file as labels: class, order and width."""

import json

import pytest
import shapely

from densa import InputError
from densa.datasets.vector_labels.label_features import read_label_features


def write(path, rows):
    features = [
        {"type": "Feature", "properties": row, "geometry": shapely.geometry.mapping(shapely.box(i, 0, i + 1, 1))}
        for i, row in enumerate(rows)
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


def test_the_class_field_is_found_by_its_name(tmp_path):
    file = write(tmp_path / "a.geojson", [{"owner": "x", "Class": "roof"}, {"owner": "y", "Class": "road"}])
    found = read_label_features(file)
    assert (found.class_field, found.values.tolist()) == ("Class", ["roof", "road"])


def test_a_class_field_may_be_spelled_in_another_case(tmp_path):
    file = write(tmp_path / "a.geojson", [{"KIND": "roof"}])
    assert read_label_features(file, "kind").class_field == "KIND"


def test_an_absent_field_lists_those_there_are(tmp_path):
    file = write(tmp_path / "a.geojson", [{"owner": "x", "kind": "roof"}])
    with pytest.raises(InputError, match=r"class_field must be a field of .*, got 'klass'; its fields: owner, kind"):
        read_label_features(file, "klass")
    with pytest.raises(InputError, match=r"no field that is known to name classes; name it: class_field=owner"):
        read_label_features(file)
    with pytest.raises(InputError, match=r"has no field 'z'; its fields: owner, kind"):
        read_label_features(file, "kind", "z")


def test_without_fields_every_feature_is_of_one_class(tmp_path):
    found = read_label_features(write(tmp_path / "roofs.geojson", [{}, {}]))
    assert (found.class_field, found.values.tolist()) == (None, ["roofs", "roofs"])


def test_features_without_a_class_are_left_out_and_counted(tmp_path):
    file = write(tmp_path / "a.geojson", [{"class": "a"}, {"class": None}, {"class": "  "}, {"class": 3.0}])
    found = read_label_features(file)
    assert found.values.tolist() == ["a", 3]
    assert found.remarks == (f"2 features of {file} without a class left out",)
    with pytest.raises(InputError, match="nothing is labelled"):
        read_label_features(write(tmp_path / "b.geojson", [{"class": None}]))


@pytest.mark.parametrize("value", [1.5, [1], {"a": 1}])
def test_classes_are_names_or_whole_numbers(tmp_path, value):
    with pytest.raises(InputError, match="must hold names or whole numbers"):
        read_label_features(write(tmp_path / "a.geojson", [{"class": value}]))


def test_the_greatest_of_the_order_is_drawn_last(tmp_path):
    rows = [{"class": "a", "z": 3}, {"class": "b", "z": None}, {"class": "c", "z": -1}, {"class": "d", "z": 3}]
    assert read_label_features(write(tmp_path / "a.geojson", rows), None, "z").values.tolist() == ["b", "c", "a", "d"]
    mixed = [{"class": "a", "z": 3}, {"class": "b", "z": "x"}]
    with pytest.raises(InputError, match="must hold numbers alone, or text alone"):
        read_label_features(write(tmp_path / "b.geojson", mixed), None, "z")


def test_widths_are_read(tmp_path):
    rows = [{"class": "a", "width": 3}, {"class": "b", "width": None}]
    widths = read_label_features(write(tmp_path / "a.geojson", rows)).widths
    assert widths[0] == 3
    assert widths[1] != widths[1]


@pytest.mark.parametrize("width", [0, -2, 1e6, "wide"])
def test_a_width_is_a_positive_number(tmp_path, width):
    with pytest.raises(InputError, match="field 'width' of"):
        read_label_features(write(tmp_path / "a.geojson", [{"class": "a", "width": width}]))
