"""Legend: formats, codes, colours, what is ignored, and what is refused."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from densa.errors import InputError
from densa.legend import IGNORE, MAX_CLASSES, Legend, default_colors
from tests.reports.html_page import Page

ROAD, CAR, VOID = (128, 64, 128), (64, 0, 128), (0, 0, 0)


def saved(folder, name, text):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


JSON = json.dumps({"classes": [{"name": "road", "color": "#804080"}, {"name": "car", "color": [64, 0, 128]}]})
YAML = "classes:\n  - {name: road, color: '#804080'}\n  - {name: car, color: [64, 0, 128]}\nignore: 255\n"
CSV = "index,name,color\n0,road,#804080\n1,car,#400080\n"
CSV_RGB = "index,name,r,g,b\n0,road,128,64,128\n\n1,car,64,0,128\n"
LINES = "128 64 128\troad\n64 0 128\tcar\n"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.json", JSON),
        ("a.yaml", YAML),
        ("a.YML", YAML),
        ("a.csv", CSV),
        ("b.csv", CSV_RGB),
        ("label_colors.txt", LINES),
    ],
)
def test_every_format_gives_the_same_legend(tmp_path, name, text):
    assert Legend.from_file(saved(tmp_path, name, text)) == Legend(("road", "car"), (ROAD, CAR))


def test_byte_order_mark_of_spreadsheets(tmp_path):
    assert Legend.from_file(saved(tmp_path, "a.csv", "\ufeff" + CSV)).class_names == ("road", "car")


def test_label_colors_of_camvid_with_void(tmp_path):
    legend = Legend.from_file(saved(tmp_path, "label_colors.txt", LINES + "0 0 0\t\tVoid\n"))
    assert legend.class_names == ("road", "car")
    assert legend.ignored_codes == (2,)
    assert legend.ignored_colors == (VOID,)
    assert_array_equal(legend.labels(np.array([[0, 1, 2]], np.uint8)), [[0, 1, IGNORE]])
    rgb = np.array([[CAR, VOID, ROAD]], np.uint8)
    assert_array_equal(legend.labels_of_colors(rgb), [[1, IGNORE, 0]])


def test_names_with_spaces_in_text_lines(tmp_path):
    legend = Legend.from_file(saved(tmp_path, "c.txt", "1, 2, 3  low vegetation \n4 5 6 tree\n"))
    assert legend.class_names == ("low vegetation", "tree")
    assert legend.colors == ((1, 2, 3), (4, 5, 6))


def test_ignored_index_takes_its_class_out():
    content = {"classes": ["boundary", "road", "car"], "ignore": 0}
    legend = Legend.from_dict(content)
    assert legend.class_names == ("road", "car")
    assert legend.codes == (1, 2)
    assert_array_equal(legend.labels(np.array([[0, 1, 2]])), [[IGNORE, 0, 1]])


def test_ignored_index_takes_its_colour_along():
    classes = [{"name": "void", "color": "#9B9B9B"}, {"name": "land", "color": "#8429F6"}]
    legend = Legend.from_dict({"classes": classes, "ignore": [0, "#000000"]})
    assert set(legend.ignored_colors) == {(0x9B, 0x9B, 0x9B), (0, 0, 0)}


def test_nothing_ignored():
    legend = Legend.from_dict({"classes": ["a", "b"], "ignore": None})
    assert legend.ignored_codes == ()
    with pytest.raises(InputError, match="255"):
        legend.labels(np.array([[0, 255]], np.uint8))


def test_masks_of_0_and_255():
    """A class may own 255; 255 is then not the ignored value, in every way to say it."""
    by_hand = Legend(("membrane", "cell"), codes=(0, 255))
    listed = Legend.from_dict({"classes": [{"name": "membrane"}, {"name": "cell", "index": 255}]})
    assert by_hand.ignored_codes == listed.ignored_codes == ()
    assert listed == by_hand
    assert_array_equal(by_hand.labels(np.array([[255, 0]], np.uint8)), [[1, 0]])


def test_class_255_in_csv(tmp_path):
    legend = Legend.from_file(saved(tmp_path, "a.csv", "0,membrane\n255,cell\n"))
    assert legend == Legend(("membrane", "cell"), codes=(0, 255))


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int32, np.int64, np.uint32])
def test_labels_of_every_integer_type(dtype):
    legend = Legend(("a", "b", "c"), codes=(7, 0, 100), ignored_codes=(3,))
    labels = legend.labels(np.array([[0, 7, 100], [3, 0, 7]], dtype))
    assert labels.dtype == np.uint8
    assert_array_equal(labels, [[1, 0, 2], [IGNORE, 1, 0]])


def test_negative_codes():
    legend = Legend(("dry", "water"), ignored_codes=(-1,))
    assert_array_equal(legend.labels(np.array([[-1, 0, 1]], np.int16)), [[IGNORE, 0, 1]])


def test_254_classes_leave_no_value_ambiguous():
    legend = Legend(tuple(f"c{i}" for i in range(MAX_CLASSES)))
    values = np.arange(256, dtype=np.uint8)[None]
    assert_array_equal(legend.labels(values[:, values[0] != 254])[0], [*range(254), 255])
    with pytest.raises(InputError, match="254"):
        legend.labels(values)


@pytest.mark.parametrize("dtype", [np.uint8, np.int32])
def test_unknown_values_are_named_most_frequent_first(dtype):
    legend = Legend(("a", "b"))
    with pytest.raises(InputError, match=r"values 9, 2 .*0\.\.1, ignored 255"):
        legend.labels(np.array([[0, 2, 9, 9, 1]], dtype))


def test_unknown_colours_are_named():
    legend = Legend(("road", "car"), (ROAD, CAR))
    with pytest.raises(InputError, match=r"colours #010203 .*#804080, #400080"):
        legend.labels_of_colors(np.array([[ROAD, (1, 2, 3)]], np.uint8))


@settings(deadline=None)
@given(st.lists(st.integers(0, 5), min_size=1), st.permutations(range(6)))
def test_colours_and_codes_lead_to_the_same_labels(values, codes):
    legend = Legend(tuple("abcdef"), codes=tuple(codes))
    classes = np.array([values])
    mask = np.array(codes)[classes]
    assert_array_equal(legend.labels(mask), classes)
    assert_array_equal(legend.labels(mask.astype(np.uint8)), classes)
    assert_array_equal(legend.labels_of_colors(legend.palette()[classes]), classes)


colors = st.tuples(*[st.integers(0, 255)] * 3)


@st.composite
def legends(draw):
    n = draw(st.integers(1, 6))
    names = draw(st.lists(st.text(min_size=1).filter(str.strip), min_size=n, max_size=n, unique=True))
    drawn = draw(st.lists(colors, min_size=n + 2, max_size=n + 2, unique=True))
    codes = draw(st.lists(st.integers(-5, 300), min_size=n + 2, max_size=n + 2, unique=True))
    k = draw(st.integers(0, 2))
    return Legend(tuple(names), tuple(drawn[:n]), tuple(codes[:n]), tuple(codes[n : n + k]), tuple(drawn[n : n + k]))


@settings(deadline=None)
@given(legends())
def test_json_gives_the_legend_back(legend):
    assert Legend.from_dict(json.loads(json.dumps(legend.to_dict()))) == legend


def test_default_colours_are_those_of_pascal_voc():
    # The first classes of the VOC development kit: aeroplane, bicycle, bird, boat, bottle, bus.
    expected = ((128, 0, 0), (0, 128, 0), (128, 128, 0), (0, 0, 128), (128, 0, 128), (0, 128, 128))
    assert default_colors(6) == expected
    assert len(set(default_colors(600))) == 600


def test_missing_colours_avoid_the_given_ones():
    classes = [{"name": "a", "color": "#008000"}, "b", "c"]
    legend = Legend.from_dict({"classes": classes, "ignore": "#800000"})
    assert legend.colors[0] == (0, 128, 0)
    assert len({*legend.colors, *legend.ignored_colors}) == 4
    assert (128, 0, 0) not in Legend(("a",), ignored_colors=((128, 0, 0),)).colors


def test_numbers_from_numpy_become_plain():
    codes, colors = np.array([3, 4]), np.array([ROAD, CAR])
    legend = Legend(["road", "car"], tuple(map(tuple, colors)), tuple(codes))
    assert legend == Legend(("road", "car"), (ROAD, CAR), (3, 4))
    json.dumps(legend.to_dict())


def test_palette():
    table = Legend(("road", "car"), (ROAD, CAR)).palette()
    assert table.shape == (256, 3)
    assert_array_equal(table[:2], [ROAD, CAR])
    assert not table[2:].any()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"class_names": ()}, "1 to 254 classes, got 0"),
        ({"class_names": tuple(f"c{i}" for i in range(255))}, "got 255"),
        ({"class_names": ("a", "a")}, "'a' twice"),
        ({"class_names": "road"}, "list of names"),
        ({"class_names": ("a", " ")}, "list of names"),
        ({"class_names": ("a", "b"), "codes": (1, 1)}, "1 twice"),
        ({"class_names": ("a", "b"), "codes": (1,)}, "must have 2 codes, got 1"),
        ({"class_names": ("a", "b"), "colors": (ROAD,)}, "must have 2 colours, got 1"),
        ({"class_names": ("a", "b"), "colors": (ROAD, ROAD)}, "colours must differ"),
        ({"class_names": ("a",), "colors": ((0, 0, 256),)}, "0..255"),
        ({"class_names": ("a",), "colors": (ROAD,), "ignored_colors": (ROAD,)}, "#804080"),
    ],
)
def test_impossible_legends(arguments, message):
    with pytest.raises(InputError, match=message):
        Legend(**arguments)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.json", "{", "a.json"),
        ("a.json", "[" * 100_000, "a.json"),
        ("a.json", "[]", "classes"),
        ("a.json", '{"classes": {}}', "classes"),
        ("a.json", '{"classes": ["a"], "ignored": 3}', "ignored"),
        ("a.json", '{"classes": [{"name": "a", "colour": "#000000"}]}', "colour"),
        ("a.json", '{"classes": [{"color": "#000000"}]}', "class 0"),
        ("a.json", '{"classes": [{"name": "a", "color": "red"}]}', "#RRGGBB"),
        ("a.json", '{"classes": [{"name": "a", "index": 1.5}]}', "must be an integer, got 1.5"),
        ("a.json", '{"classes": [{"name": "a", "index": true}]}', "must be an integer"),
        ("a.json", '{"classes": ["a"], "ignore": [2.5]}', "must be an integer"),
        ("a.yaml", "classes: [a\n  b: : c", "a.yaml"),
        ("a.yaml", "- a\n- b\n", "classes"),
        ("a.csv", "0,road,#804080\nx,car\n", "line 2"),
        ("a.csv", "0,road,1,2,300\n", "0..255"),
        ("a.csv", "0," + "x" * 200_000, "a.csv"),
        ("a.csv", "", "got 0"),
        ("a.txt", "128 64 road\n", "line 1"),
        ("a.txt", "128 64 999 road\n", "0..255"),
    ],
)
def test_broken_files_name_the_file_in_one_line(tmp_path, name, text, message):
    path = saved(tmp_path, name, text)
    with pytest.raises(InputError) as error:
        Legend.from_file(path)
    assert message in str(error.value)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_files_that_cannot_be_read(tmp_path):
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\x00\x80")
    for path in (tmp_path / "missing.json", tmp_path, tmp_path / "binary.json"):
        with pytest.raises(InputError, match="cannot be read"):
            Legend.from_file(path)


def test_a_notebook_shows_swatches_and_names():
    shown = Page(Legend(("<b>roads</b> & tracks", "roof"), ((128, 64, 128), (255, 0, 0)))._repr_html_())
    assert shown.text.split(maxsplit=3) == ["<b>roads</b>", "&", "tracks", "roof"]
    assert set(shown.tags) == {"div", "span"}
    assert "background:#804080" in Legend(("roads",), ((128, 64, 128),))._repr_html_()
