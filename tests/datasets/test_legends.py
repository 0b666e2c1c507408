import json

import numpy as np
import pytest

from densa import InputError, Legend, datasets, raster
from densa.datasets import SplitRule
from densa.legend import IGNORE

WHOLE = SplitRule(val_fraction=0)
RED, BLUE, CREAM = (200, 10, 10), (10, 10, 200), (250, 250, 220)


def open_one(write, tmp_path, *masks, palette=None, legend=None):
    for i, mask in enumerate(masks):
        write(f"images/{i}.png", np.asarray(mask).shape[:2])
        write(f"masks/{i}.png", mask, palette=palette)
    return datasets.open(tmp_path, split=WHOLE, legend=legend)["train"]


def test_0_and_255_are_background_and_foreground(write, tmp_path):
    part = open_one(write, tmp_path, np.resize([0, 255], (4, 5)), np.zeros((4, 5)))
    assert part.legend.class_names == ("background", "foreground")
    assert part.legend_source == "inferred from 2 masks"
    np.testing.assert_array_equal(part.labels(0), np.resize([0, 1], (4, 5)))


def test_0_and_255_stored_as_rgb(write, tmp_path):
    part = open_one(write, tmp_path, np.resize([0, 255], (4, 5))[..., None].repeat(3, axis=2))
    np.testing.assert_array_equal(part.labels(0), np.resize([0, 1], (4, 5)))


def test_indices_with_255_ignored(write, tmp_path):
    part = open_one(write, tmp_path, np.resize([0, 1, 3], (4, 5)), np.resize([2, 255], (4, 5)))
    assert part.legend.class_names == ("class_0", "class_1", "class_2", "class_3")
    assert part.labels(1)[0, 1] == IGNORE


def test_indices_from_1(write, tmp_path):
    part = open_one(write, tmp_path, np.resize([1, 2, 3], (4, 5)))
    assert part.legend.codes == (1, 2, 3)
    np.testing.assert_array_equal(part.labels(0), np.resize([0, 1, 2], (4, 5)))


def test_palette_files_keep_their_colors(write, tmp_path):
    part = open_one(write, tmp_path, np.resize([0, 1, 2], (4, 5)), palette=[*RED, *BLUE, *CREAM])
    assert part.legend.colors == (RED, BLUE, CREAM)
    assert part.encoding == "values"


def test_colors_name_themselves(write, tmp_path):
    mask = np.resize(np.array([RED, BLUE]), (4, 5, 3))
    part = open_one(write, tmp_path, mask)
    assert part.legend.class_names == ("#0A0AC8", "#C80A0A")
    assert part.encoding == "colors"
    np.testing.assert_array_equal(part.labels(0) == 1, (mask == RED).all(axis=2))


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (np.resize([0, 128, 255], (4, 5)), "do not number classes"),
        (np.resize([0, 1, 2, 40], (4, 5)), "do not number classes"),
        (np.resize([200, 201], (4, 5)), "do not number classes"),
        (np.random.default_rng(0).integers(0, 255, (40, 50, 3)), "too many to be classes"),
    ],
)
def test_what_is_not_clear_needs_a_legend(write, tmp_path, mask, message):
    with pytest.raises(InputError, match=message) as caught:
        open_one(write, tmp_path, mask)
    assert "legend=FILE" in str(caught.value)


def test_no_readable_mask(write, tmp_path):
    write("images/0.png", (4, 5))
    (tmp_path / "masks").mkdir()
    (tmp_path / "masks" / "0.png").write_bytes(b"")
    with pytest.raises(InputError, match="none can be read"):
        datasets.open(tmp_path)


def test_legend_files_and_the_given_one(write, tmp_path):
    part = open_one(write, tmp_path, np.resize([0, 1], (4, 5)))
    (tmp_path / "classes.txt").write_text("grass\nroad\n")
    assert datasets.open(tmp_path, split=WHOLE)["train"].legend.class_names == ("grass", "road")
    (tmp_path / "legend.json").write_text(json.dumps({"classes": [{"name": "a"}, {"name": "b"}]}))
    assert datasets.open(tmp_path, split=WHOLE)["train"].legend.class_names == ("a", "b")
    assert datasets.open(tmp_path, split=WHOLE, legend=part.legend)["train"].legend == part.legend
    file = datasets.open(tmp_path, split=WHOLE, legend=tmp_path / "classes.txt")["train"]
    assert file.legend_source.endswith("classes.txt")


def test_palettes_that_differ_are_read_by_color(write, tmp_path):
    """The Dubai tiles: some masks are RGB, some palette files, each with a palette of its own."""
    legend = Legend(("red", "blue"), (RED, BLUE), ignored_colors=(CREAM,))
    write("images/0.png", (4, 5))
    write("masks/0.png", np.resize([0, 1, 2], (4, 5)), palette=[*BLUE, *CREAM, *RED])
    alone = datasets.open(tmp_path, split=WHOLE, legend=legend)["train"]
    expected = np.resize([1, IGNORE, 0], (4, 5))
    np.testing.assert_array_equal(alone.labels(0), expected)
    write("images/1.png", (4, 5))
    write("masks/1.png", np.resize(np.array([RED, BLUE, CREAM]), (4, 5, 3)))
    part = datasets.open(tmp_path, split=WHOLE, legend=legend)["train"]
    np.testing.assert_array_equal(part.labels(0), expected)
    np.testing.assert_array_equal(part.labels(1), np.resize([0, 1, IGNORE], (4, 5)))


def test_label_maps_of_densa_are_masks(write, tmp_path):
    """Their ignored label is drawn black, which may be a class's colour too: indices count."""
    legend = Legend(("dark", "red"), ((0, 0, 0), RED))
    labels = np.resize([0, 1, IGNORE], (4, 5)).astype(np.uint8)
    write("images/0.png", (4, 5))
    (tmp_path / "masks").mkdir()
    raster.write_label_map(tmp_path / "masks" / "0.png", labels, legend)
    part = datasets.open(tmp_path, split=WHOLE, legend=legend)["train"]
    np.testing.assert_array_equal(part.labels(0), labels)


@pytest.mark.realdata
def test_dubai_masks_agree_in_both_forms(realdata, tmp_path):
    """Tile 2 has palette files, tile 3 RGB ones."""
    for tile in ("Tile 2", "Tile 3"):
        (tmp_path / tile).symlink_to(realdata / "dubai" / tile)
    colors = {"building": "3C1098", "land": "8429F6", "road": "6EC1E4", "vegetation": "FEDD3A", "water": "E2A929"}
    classes = [{"name": name, "color": color} for name, color in colors.items()]
    legend = Legend.from_dict({"classes": classes, "ignore": ["#9B9B9B", "#000000"]})
    part = datasets.open(tmp_path, legend=legend, split=WHOLE)["train"]
    assert datasets.check(part) == 3
    counts = datasets.class_frequencies(part).pixels
    inferred = datasets.open(tmp_path, split=WHOLE)["train"]
    assert inferred.legend.class_names == tuple(colors)  # known by their colours
    assert list(datasets.class_frequencies(inferred).pixels) == list(counts)


def test_label_maps_of_densa_carry_their_legend(tmp_path):
    legend = Legend(("ground", "square"))
    for kind in ("images", "masks"):
        (tmp_path / kind).mkdir()
    for name in "ab":
        raster.write_bands(tmp_path / "images" / f"{name}.tif", np.zeros((1, 4, 4), np.uint8))
        raster.write_label_map(tmp_path / "masks" / f"{name}.png", np.eye(4, dtype=np.uint8), legend)
    assert datasets.open(tmp_path)["train"].legend == legend
