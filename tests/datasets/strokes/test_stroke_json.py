"""Strokes: read from JSON, drawn with a round pen."""

import itertools
import json
from importlib import resources

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from densa.datasets.strokes import Stroke, Strokes, draw_strokes, read_strokes, stroke_schema, write_strokes
from densa.errors import InputError
from densa.legend import Legend

LEGEND = Legend(("ground", "cell"))


def drawn(*strokes, height=7, width=9):
    return draw_strokes(Strokes(LEGEND, strokes), height, width)


def test_a_thin_line_by_hand():
    labels = drawn(Stroke(1, 1, ((1, 2), (4, 2))))
    expected = np.full((7, 9), 255, np.uint8)
    expected[2, 1:5] = 1
    assert_array_equal(labels, expected)


def test_a_disk_is_the_pixels_within_its_radius():
    labels = drawn(Stroke(0, 4, ((4, 3),)))
    rows, columns = np.indices(labels.shape)
    assert_array_equal(labels == 0, (rows - 3) ** 2 + (columns - 4) ** 2 <= 4)


def test_a_polyline_covers_what_is_near_any_of_its_segments():
    points = ((-3.0, -1.0), (6.5, 4.0), (6.5, 40.0))
    labels = drawn(Stroke(1, 2.4, points))
    rows, columns = np.indices(labels.shape)
    near = np.zeros(labels.shape, bool)
    for (x0, y0), (x1, y1) in itertools.pairwise(points):
        for t in np.linspace(0, 1, 4001):
            near |= (rows - y0 - t * (y1 - y0)) ** 2 + (columns - x0 - t * (x1 - x0)) ** 2 <= 1.44
    assert_array_equal(labels == 1, near)


def test_the_later_stroke_lies_on_top():
    labels = drawn(Stroke(0, 3, ((0, 3), (8, 3))), Stroke(1, 1, ((4, 0), (4, 6))))
    assert labels[3, 4] == 1
    assert labels[3, 0] == 0


def test_a_file_of_strokes(tmp_path):
    content = {
        "classes": [{"name": "ground"}, {"name": "cell", "color": "#ff0000"}],
        "strokes": [{"class": "cell", "width": 3, "points": [[1, 2], [3, 4]]}, {"class": 0, "points": [[5, 5]]}],
    }
    path = tmp_path / "strokes.json"
    path.write_text(json.dumps(content))
    found = read_strokes(path)
    assert found.legend.class_names == ("ground", "cell")
    assert found.strokes == (Stroke(1, 3.0, ((1, 2), (3, 4))), Stroke(0, 5.0, ((5, 5),)))


@pytest.mark.parametrize(
    ("strokes", "said"),
    [
        ([], "hold no stroke"),
        ([{"class": "sky", "points": [[1, 1]]}], "stroke 1 has the class 'sky'; choose from ground, cell"),
        ([{"class": 2, "points": [[1, 1]]}], "has the class 2"),
        ([{"class": True, "points": [[1, 1]]}], "has the class True"),
        ([{"class": 0, "points": []}], "stroke 1 must be"),
        ([{"class": 0, "points": [[1, 2, 3]]}], "points"),
        ([{"class": 0, "points": [[1, float("nan")]]}], "finite"),
        ([{"class": 0, "points": [[1, 1]], "width": 0}], "width 0"),
        (["line"], "stroke 1 must be"),
    ],
)
def test_damaged_files_are_said(tmp_path, strokes, said):
    path = tmp_path / "strokes.json"
    path.write_text(json.dumps({"classes": [{"name": "ground"}, {"name": "cell"}], "strokes": strokes}))
    with pytest.raises(InputError, match=said):
        read_strokes(path)


@pytest.mark.parametrize("text", ["", "[1]", '{"strokes": []}', '{"strokes": [], "classes": 3}', "[" * 100000])
def test_what_is_no_file_of_strokes_is_said(tmp_path, text):
    path = tmp_path / "strokes.json"
    path.write_text(text)
    with pytest.raises(InputError, match="strokes"):
        read_strokes(path)
    with pytest.raises(InputError, match="cannot be read"):
        read_strokes(tmp_path / "none.json")


def test_strokes_beside_the_image_are_said():
    with pytest.raises(InputError, match="no stroke touches the image of 7 x 9"):
        drawn(Stroke(1, 3, ((100, 100),)))


EXAMPLE = {
    "classes": ["ground", {"name": "cell", "color": "#ff0000"}],
    "ignore": 255,
    "strokes": [
        {"class": "cell", "width": 3, "points": [[1, 2], [3.5, 4]]},
        {"class": 0, "points": [[5, 5]]},
        {"class": "cell", "shape": "polygon", "points": [[1, 1], [9, 1], [5, 8]], "holes": [[[4, 2], [6, 2], [5, 4]]]},
        {"class": None, "points": [[2, 2]]},
    ],
}
BROKEN = [
    {"strokes": []},
    {"classes": [], "strokes": EXAMPLE["strokes"]},
    {"classes": ["a"]},
    *(
        {"classes": ["a", "b"], "strokes": [stroke]}
        for stroke in (
            "line",
            {"points": [[1, 1]]},
            {"class": "a"},
            {"class": "a", "points": []},
            {"class": "a", "points": [[1, 2, 3]]},
            {"class": "a", "points": [["x", 2]]},
            {"class": True, "points": [[1, 2]]},
            {"class": -1, "points": [[1, 2]]},
            {"class": "a", "points": [[1, 1]], "width": 0},
            {"class": "a", "points": [[1, 1]], "width": -2},
            {"class": "a", "points": [[1, 1]], "width": 1001},
            {"class": "a", "points": [[1, 1]], "width": "5"},
            {"class": "a", "points": [[1, 1]], "shape": "blob"},
            {"class": "a", "points": [[1, 1], [2, 2]], "shape": "polygon"},
            {"class": "a", "points": [[1, 1]], "holes": [[[1, 1]]]},
        )
    ),
]


def test_what_the_schema_takes_is_read(tmp_path):
    validator = pytest.importorskip("jsonschema").Draft202012Validator(stroke_schema())
    validator.check_schema(stroke_schema())
    assert list(validator.iter_errors(EXAMPLE)) == []
    path = tmp_path / "s.json"
    path.write_text(json.dumps(EXAMPLE))
    found = read_strokes(path)
    assert [stroke.label for stroke in found.strokes] == [1, 0, 1, 255]
    assert found.strokes[2].shape == "polygon"
    write_strokes(tmp_path / "again.json", found)
    assert list(validator.iter_errors(json.loads((tmp_path / "again.json").read_text()))) == []
    assert read_strokes(tmp_path / "again.json").strokes == found.strokes


@pytest.mark.parametrize("content", BROKEN)
def test_what_the_schema_refuses_is_refused(tmp_path, content):
    path = tmp_path / "s.json"
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match="strokes"):
        read_strokes(path)


@pytest.mark.parametrize("content", BROKEN)
def test_the_schema_refuses_it_too(content):
    validator = pytest.importorskip("jsonschema").Draft202012Validator(stroke_schema())
    assert list(validator.iter_errors(content))


def test_the_strokes_of_the_demo_follow_the_schema():
    validator = pytest.importorskip("jsonschema").Draft202012Validator(stroke_schema())
    content = json.loads(resources.files("densa.shallow").joinpath("tissue.json").read_text())
    assert list(validator.iter_errors(content)) == []
