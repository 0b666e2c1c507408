"""The classes of vector labels: one table, whatever the order of the features."""

import pytest

from densa import InputError, Legend
from densa.datasets.vector_labels.classes import class_table
from densa.legend import IGNORE


def test_names_and_numbers_in_their_order():
    table = class_table(["water", 12, "Field", 3, "water"])
    assert table.legend.class_names == ("3", "12", "Field", "water")
    assert table.labels_of([12, "water"]).tolist() == [1, 3]
    assert table.rest == IGNORE


def test_void_is_no_class():
    table = class_table(["road", "Void", "unlabelled"])
    assert table.legend.class_names == ("road",)
    assert table.labels == {"road": 0, "Void": IGNORE, "unlabelled": IGNORE}
    with pytest.raises(InputError, match="nothing is labelled"):
        class_table(["void"])


def test_the_background_is_the_first_class_or_one_of_the_file():
    table = class_table(["roof"], background="background")
    assert (table.legend.class_names, table.rest) == (("background", "roof"), 0)
    table = class_table(["roof", "ground"], background="ground")
    assert (table.legend.class_names, table.rest) == (("ground", "roof"), 0)
    assert class_table(["roof"], background="none").rest == IGNORE


def test_a_legend_numbers_the_classes():
    legend = Legend(("Water", "road", "field"), codes=(7, 3, 1))
    table = class_table(["water", 3, "field", "void"], legend=legend, background="field")
    assert table.labels_of(["water", 3, "field", "void"]).tolist() == [0, 1, 2, IGNORE]
    assert (table.legend, table.rest) == (legend, 2)


def test_a_class_without_a_place_in_the_legend_is_named():
    legend = Legend(("water", "road"))
    with pytest.raises(InputError, match=r"the classes barn, which the legend does not name: water, road"):
        class_table(["water", "barn"], legend=legend)
    with pytest.raises(InputError, match="background must be a class of the legend"):
        class_table(["water"], legend=legend, background="ground")


def test_one_class_in_two_forms_is_refused():
    with pytest.raises(InputError, match="'3' by a number and by text"):
        class_table([3, "3"])
