import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.testing import assert_array_equal

from densa import InputError, Legend, raster
from densa.datasets.masks import read_labels, read_objects, runs, scan_mask
from densa.legend import IGNORE

RED, BLUE = (200, 10, 10), (10, 10, 200)
LEGEND = Legend(("red", "blue"), (RED, BLUE), codes=(3, 5), ignored_codes=(9,))
WINDOW = raster.Window(1, 2, 3, 4)
CUT = np.s_[1:4, 2:6]


@given(arrays.arrays(np.uint8, arrays.array_shapes(min_dims=1, max_dims=2, max_side=20), elements=st.integers(0, 3)))
def test_runs_repeat_to_the_values(values):
    found, lengths = runs(values)
    assert_array_equal(np.repeat(found, lengths), values.ravel())
    assert (lengths > 0).all()
    assert (found[1:] != found[:-1]).all()  # each run is as long as it can be


def test_a_scan_of_values(write):
    found = scan_mask(write("a.png", np.resize([3, 9, 5], (6, 8))))
    assert (found.values, found.colors, found.palette, found.is_rgb) == ((3, 5, 9), (), (), False)
    deep = scan_mask(write("b.tif", np.resize([0, 40_000], (6, 8)).astype(np.uint16)))
    assert deep.values == (0, 40_000)


def test_a_scan_of_colours(write):
    found = scan_mask(write("a.png", np.resize(np.array([RED, BLUE]), (6, 8, 3))))
    assert (found.values, found.colors, found.is_rgb) == ((), (BLUE, RED), True)
    grey = scan_mask(write("b.png", np.resize(np.array([7, 2]), (6, 8))[..., None].repeat(3, axis=2)))
    assert (grey.values, grey.colors, grey.is_rgb) == ((2, 7), ((2, 2, 2), (7, 7, 7)), True)


def test_a_scan_of_a_palette_holds_what_occurs(write):
    found = scan_mask(write("a.png", np.resize([1, 2], (6, 8)), palette=[0, 0, 0, *RED, *BLUE, 9, 9, 9]))
    assert found.values == (1, 2)
    assert found.palette == ((1, RED), (2, BLUE))
    assert found.colors == (RED, BLUE)
    assert not found.is_rgb


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_values_and_their_windows(write, suffix):
    values = np.resize([3, 5, 9], (6, 8))
    path = write(f"a.{suffix}", values)
    labels = np.select([values == 3, values == 5], [0, 1], IGNORE)
    assert_array_equal(read_labels(path, LEGEND, "values"), labels)
    assert_array_equal(read_labels(path, LEGEND, "values", window=WINDOW), labels[CUT])


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_colours_and_their_windows(write, suffix):
    colors = np.resize(np.array([RED, BLUE]), (6, 8, 3))
    path = write(f"a.{suffix}", colors)
    labels = (colors == BLUE).all(axis=2)
    assert_array_equal(read_labels(path, LEGEND, "colors"), labels)
    assert_array_equal(read_labels(path, LEGEND, "colors", window=WINDOW), labels[CUT])


def test_grey_and_palette_files_have_colours_too(write):
    values = np.resize([1, 2], (6, 8))
    greys = Legend(("one", "two"), ((1, 1, 1), (2, 2, 2)), codes=(1, 2))
    assert_array_equal(read_labels(write("a.png", values), greys, "colors"), values - 1)
    shown = write("b.png", values, palette=[0, 0, 0, *BLUE, *RED])
    assert_array_equal(read_labels(shown, LEGEND, "colors"), 2 - values)
    stored_as_rgb = write("c.png", values[..., None].repeat(3, axis=2))
    assert_array_equal(read_labels(stored_as_rgb, greys, "values"), values - 1)


def test_objects_by_value_by_colour_and_by_file(write, tmp_path):
    numbers = np.array([[0, 300, 300], [7, 0, 300]], np.uint16)
    assert_array_equal(read_objects((write("n.png", numbers),)), numbers)
    colors = np.zeros((2, 3, 3), np.uint8)
    colors[numbers == 300], colors[numbers == 7] = (0, 0, 9), (9, 0, 0)
    assert_array_equal(read_objects((write("c.png", colors),)), [[0, 1, 1], [2, 0, 1]])
    full = np.full((2, 3, 3), 5, np.uint8)
    assert_array_equal(read_objects((write("full.png", full),)), np.ones((2, 3)))  # no black: no 0
    files = [write(f"{n}.png", (numbers == n) * 255) for n in (7, 300)]
    assert_array_equal(read_objects(files), [[0, 2, 2], [1, 0, 2]])
    with pytest.raises(InputError, match="2x4, the other objects of its image are not"):
        read_objects([*files, write("wide.png", np.zeros((2, 4)))])


def test_instances_are_object_or_background(write):
    numbers = np.zeros((6, 8), np.uint16)
    numbers[2:4, 1:3], numbers[4:, 5:] = 7, 300
    path = write("a.tif", numbers)
    assert_array_equal(read_labels(path, LEGEND, "instances"), numbers > 0)
    assert_array_equal(read_labels(path, LEGEND, "instances", window=WINDOW), numbers[CUT] > 0)


def test_what_does_not_fit_is_said_with_the_file(write):
    color = write("color.png", np.resize(np.array([RED, BLUE]), (6, 8, 3)))
    deep = write("deep.tif", np.full((6, 8), 300, np.uint16))
    with pytest.raises(InputError, match=r"color\.png: the mask holds colours, the other masks hold values"):
        read_labels(color, LEGEND, "values")
    with pytest.raises(InputError, match=r"deep\.tif: the mask holds uint16 values, the other masks hold colours"):
        read_labels(deep, LEGEND, "colors")
    with pytest.raises(InputError, match=r"deep\.tif: mask has values 300"):
        read_labels(deep, LEGEND, "values")
    with pytest.raises(InputError, match=r"color\.png: mask has colours"):
        read_labels(color, Legend(("a", "b")), "colors")


def test_a_colour_for_each_object(tmp_path):
    from PIL import Image

    from densa import Legend
    from densa.datasets.masks import read_labels

    colors = np.zeros((3, 4, 3), np.uint8)
    colors[0, :2], colors[2, 2:] = (200, 3, 9), (0, 0, 77)
    Image.fromarray(colors).save(tmp_path / "a.png")
    labels = read_labels(tmp_path / "a.png", Legend(("background", "object")), "instances")
    np.testing.assert_array_equal(labels, colors.any(axis=2))
