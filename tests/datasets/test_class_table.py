"""The classes of labels that are drawn: one table, whatever the order of the features."""

import numpy as np
import pytest

from densa import InputError, Legend
from densa.datasets.class_table import REST, UNLABELLED, Classed, class_table, in_order
from densa.legend import IGNORE
from densa.raster import Window


def labels_of(table):
    return table.labels[:-2].tolist()


def test_numbers_come_before_names():
    assert in_order(["water", 12, "Field", 3, "water", "field"]) == (3, 12, "Field", "field", "water")


def test_the_values_are_the_classes_in_their_order():
    table = class_table(["water", 12, "Field"])
    assert table.legend.class_names == ("water", "12", "Field")
    assert (labels_of(table), table.rest) == ([0, 1, 2], None)
    assert (table.labels[REST], table.labels[UNLABELLED]) == (IGNORE, IGNORE)


def test_void_is_no_class():
    table = class_table(["road", "Void", "unlabelled"])
    assert table.legend.class_names == ("road",)
    assert labels_of(table) == [0, IGNORE, IGNORE]
    with pytest.raises(InputError, match="nothing is labelled"):
        class_table(["void"])


def test_classes_may_be_ignored():
    table = class_table(["road", "cloud", 7], ignore=["Cloud", 7])
    assert (table.legend.class_names, labels_of(table)) == (("road",), [0, IGNORE, IGNORE])
    with pytest.raises(InputError, match=r"ignore must be a class of the labels \(road\), got 'cloud'"):
        class_table(["road"], ignore=["cloud"])


def test_the_background_is_the_first_class_or_one_of_the_file():
    table = class_table(["roof"], background="background")
    assert (table.legend.class_names, table.rest, labels_of(table)) == (("background", "roof"), "background", [1])
    table = class_table(["roof", "ground"], background="ground")
    assert (table.legend.class_names, table.rest) == (("roof", "ground"), "ground")
    assert class_table(["roof"], background="none").rest is None


def test_a_legend_numbers_the_classes():
    legend = Legend(("Water", "road", "field"), codes=(7, 3, 1))
    table = class_table(["water", 3, "field", "void"], legend=legend, background="field")
    assert labels_of(table) == [0, 1, 2, IGNORE]
    assert (table.legend, table.rest) == (legend, "field")


def test_a_class_without_a_place_in_the_legend_is_named():
    legend = Legend(("water", "road"))
    with pytest.raises(InputError, match=r"the classes barn, which the legend does not name: water, road"):
        class_table(["water", "barn"], legend=legend)
    with pytest.raises(InputError, match="background must be a class of the legend"):
        class_table(["water"], legend=legend, background="ground")


def test_one_class_in_two_forms_is_refused():
    with pytest.raises(InputError, match="'3' by a number and by text"):
        class_table([3, "3"])


class Diagonal:
    height, width = 2, 4

    def numbers(self, window):
        return np.array([[0, 1, REST, UNLABELLED], [1, 0, REST, 1]], np.int32)


def test_numbers_are_read_as_classes():
    table = class_table(["roof", "void"], background="ground")
    source = Classed(Diagonal(), table.labels)
    assert source.read(Window(0, 0, 2, 4)).tolist() == [[1, IGNORE, 0, IGNORE], [IGNORE, 1, 0, IGNORE]]
    assert (source.height, source.width) == (2, 4)
