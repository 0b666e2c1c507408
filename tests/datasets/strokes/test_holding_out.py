"""Strokes held out: whole ones, of every class, and no pixel twice."""

import numpy as np
from numpy.testing import assert_array_equal

from densa.datasets.strokes import Stroke, StrokeLabels
from densa.datasets.strokes.holding_out import hold_out
from densa.raster import Window

ALL = Window(0, 0, 60, 90)


class Map:
    """A label map as a `LabelSource`, as a painted image is one."""

    def __init__(self, labels):
        self.labels = labels
        self.height, self.width = labels.shape

    def read(self, window):
        return self.labels[window.row : window.row + window.height, window.column : window.column + window.width].copy()


def strokes():
    lines = [Stroke(0, 3, ((5 + 15 * k, 5), (12 + 15 * k, 5))) for k in range(5)]
    lines += [Stroke(1, 3, ((5 + 30 * k, 40), (15 + 30 * k, 50))) for k in range(2)]
    return [*lines, Stroke(2, 5, ((80, 50),))]


def check_divided(whole, found):
    train, val = found.train.read(ALL), found.val.read(ALL)
    assert not ((train != 255) & (val != 255)).any()
    assert_array_equal(np.minimum(train, val), whole)
    covered = np.zeros(whole.shape, int)
    for window in found.windows:
        covered[window.row : window.row + window.height, window.column : window.column + window.width] += 1
    assert covered.max() == 1
    assert covered[val != 255].all()


def test_whole_strokes_of_every_class_that_has_two():
    labels = StrokeLabels(strokes(), 60, 90)
    found = hold_out(labels, 0.4, 0, "a")
    assert found.counts == {0: (2, 5), 1: (1, 2), 2: (0, 1)}
    check_divided(labels.read(ALL), found)
    again = hold_out(labels, 0.4, 0, "a")
    assert_array_equal(again.val.read(ALL), found.val.read(ALL))


def test_components_of_a_painted_image_are_strokes():
    labels = StrokeLabels(strokes(), 60, 90).read(ALL)
    found = hold_out(Map(labels), 0.4, 0, "a")
    assert found.counts == {0: (2, 5), 1: (1, 2), 2: (0, 1)}
    check_divided(labels, found)


def test_strokes_that_cross_are_divided_by_what_lies_on_top():
    crossing = [Stroke(k % 2, 9, ((10 * k, 0), (80 - 10 * k, 59))) for k in range(8)]
    crossing.insert(4, Stroke(255, 7, ((0, 30), (89, 30))))
    labels = StrokeLabels(crossing, 60, 90)
    for seed in range(5):
        check_divided(labels.read(ALL), hold_out(labels, 0.5, seed, "a"))


def test_nothing_is_held_out_of_single_strokes():
    assert hold_out(StrokeLabels([Stroke(0, 3, ((5, 5),)), Stroke(1, 3, ((50, 5),))], 60, 90), 0.2, 0, "a") is None
    lonely = [Stroke(0, 3, ((5, 5),)), Stroke(0, 3, ((500, 5),)), Stroke(1, 3, ((50, 5),))]  # one lies outside
    assert hold_out(StrokeLabels(lonely, 60, 90), 0.2, 0, "a") is None
