"""Shapes of an image, drawn over each other by windows."""

import numpy as np

from densa.datasets.annotations.shapes import Bitmap, DrawnShapes, Painted, outline
from densa.datasets.class_table import REST
from densa.raster import Window


def test_later_shapes_lie_on_top():
    below = outline(np.array([[0, 0], [6, 0], [6, 4], [0, 4]], float))
    above = Bitmap(1, 2, np.array([[True, False], [True, True]]))
    drawn = DrawnShapes((5, 7), [below, above], [4, 9])
    expected = np.full((5, 7), REST)
    expected[:4, :6] = 4
    expected[1, 2] = expected[2, 2] = expected[2, 3] = 9
    np.testing.assert_array_equal(drawn.numbers(Window(0, 0, 5, 7)), expected)
    np.testing.assert_array_equal(drawn.numbers(Window(2, 1, 3, 4)), expected[2:5, 1:5])


def test_a_polygon_covers_the_pixels_whose_centre_is_inside():
    found = outline(np.array([[0.4, 0.4], [2.6, 0.4], [2.6, 1.4], [0.4, 1.4]]))
    assert found.mask(Window(0, 0, 2, 4)).tolist() == [[True, True, True, False], [False] * 4]


def test_outlines_that_cross_themselves_and_those_without_an_area():
    bow_tie = outline(np.array([[0, 0], [8, 8], [8, 0], [0, 8]], float))
    assert bow_tie.polygon.is_valid
    assert bow_tie.polygon.area == 32
    assert outline(np.array([[0, 0], [4, 4], [8, 8]], float)) is None


def test_what_lies_outside_the_image_is_left_out():
    far = Painted("circle", ((500.0, 500.0), (510.0, 500.0)))
    assert (DrawnShapes((4, 4), [far], [0]).numbers(Window(0, 0, 4, 4)) == REST).all()


def test_the_size_may_be_found_later():
    asked = []

    def size():
        asked.append(1)
        return 3, 5

    drawn = DrawnShapes(size, [], [])
    assert not asked
    assert (drawn.height, drawn.width, len(asked)) == (3, 5, 1)
