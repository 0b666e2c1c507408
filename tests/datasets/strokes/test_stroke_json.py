"""Strokes: read from JSON, drawn with a round pen."""

import itertools
import json

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from densa.datasets.strokes import Stroke, Strokes, draw_strokes, read_strokes
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
