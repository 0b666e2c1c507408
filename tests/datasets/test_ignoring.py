import numpy as np
import pytest
from numpy.testing import assert_array_equal

from densa import InputError, Legend, datasets
from densa.datasets.ignoring import without_ignored
from densa.legend import IGNORE

RED, BLUE, GREEN = (255, 0, 0), (0, 0, 255), (0, 255, 0)
WHOLE = datasets.SplitRule(val_fraction=0)
LEGEND = Legend(("road", "roof", "tree"), (RED, BLUE, GREEN), codes=(1, 5, 9))


def test_a_value_a_colour_and_a_name():
    for one in (5, "#0000FF", "Roof"):
        found = without_ignored(LEGEND, "values", (one,))
        assert (found.class_names, found.codes, found.colors) == (("road", "tree"), (1, 9), (RED, GREEN))
        assert set(found.ignored_codes) >= {5, IGNORE}
    by_color = without_ignored(LEGEND, "colors", ("#0000FF", "#123456"))
    assert by_color.class_names == ("road", "tree")
    assert set(by_color.ignored_colors) == {BLUE, (0x12, 0x34, 0x56)}
    assert without_ignored(LEGEND, "values", (77,)).ignored_codes == (IGNORE, 77)


@pytest.mark.parametrize(
    ("encoding", "ignore", "said"),
    [
        ("colors", (5,), "ignore must be a colour"),
        ("values", ("#123456",), "ignore must be a value"),
        ("values", ("river",), "one of the classes road, roof, tree, got 'river'"),
        ("values", ("road", 5, 9), "names all classes"),
    ],
)
def test_what_cannot_be_ignored(encoding, ignore, said):
    with pytest.raises(InputError, match=said):
        without_ignored(LEGEND, encoding, ignore)


def test_ignored_values_do_not_count_in_what_is_inferred(write, tmp_path):
    write("images/a.png", (2, 3))
    write("masks/a.png", [[0, 1, 2], [200, 200, 3]])
    with pytest.raises(InputError, match="do not number classes"):
        datasets.open(tmp_path, split=WHOLE)
    part = datasets.open(tmp_path, split=WHOLE, ignore=(200, 3))["train"]
    assert part.legend.class_names == ("class_0", "class_1", "class_2")
    assert_array_equal(part.labels(0), [[0, 1, 2], [IGNORE, IGNORE, IGNORE]])


def test_objects_have_nothing_to_ignore(write, tmp_path):
    write("images/a.png", (2, 3))
    write("masks/a.png", [[0, 1, 2], [0, 0, 3]])
    with pytest.raises(InputError, match="ignore does not go with masks that number objects"):
        datasets.open(tmp_path, split=WHOLE, ignore=(3,), instances=True)


def test_half_transparent_edges_are_not_labelled(tmp_path):
    from PIL import Image

    painted = np.zeros((4, 6, 4), np.uint8)
    painted[:, :2] = (255, 0, 0, 255)
    painted[:, 2] = (120, 0, 30, 90)  # the smoothed edge of a brush
    painted[:, 4:] = (0, 0, 255, 200)
    for kind, values in (("images", np.zeros((4, 6, 3), np.uint8) + 7), ("masks", painted)):
        (tmp_path / kind).mkdir()
        for name in ("a", "b"):
            Image.fromarray(values).save(tmp_path / kind / f"{name}.png")
    part = datasets.open(tmp_path, split=WHOLE)["train"]
    assert part.legend.class_names == ("#0000FF", "#FF0000")
    assert_array_equal(part.labels(0)[0], [1, 1, IGNORE, IGNORE, 0, 0])
