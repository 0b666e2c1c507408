import numpy as np
import pytest
from numpy.testing import assert_array_equal

from densa.errors import InputError
from densa.metrics import ConfusionMatrix
from densa.metrics.intervals import UnitRule, UnitSums
from densa.metrics.intervals import units as module
from densa.metrics.intervals.sums import Columns

SHAPE = (90, 70)


def maps(rng, shape=SHAPE):
    target = rng.integers(0, 3, shape).astype(np.uint8)
    target[rng.random(shape) < 0.1] = 255
    return target, np.where(rng.random(shape) < 0.2, 0, target).astype(np.uint8)


def sums_of(rng, names, rule=None, scenes=None):
    sums = UnitSums(3, rule=rule)
    total = ConfusionMatrix(3)
    for i, name in enumerate(names):
        target, predicted = maps(rng)
        total.update(target, predicted)
        sums.add(target, predicted, image=name, scene=scenes[i] if scenes else "")
    table = sums.table()
    columns = Columns(3)
    assert_array_equal(
        table.sums.sum(0)[: columns.n_pixel_columns], columns.of_matrix(total.counts, "ignore"), "nothing is lost"
    )
    return table


def test_scenes_come_before_images_and_images_before_blocks(rng):
    by_scene = sums_of(rng, "abcd", scenes=("s", "s", "t", "t"))
    assert (by_scene.kind, by_scene.names, by_scene.text) == ("scene", ("s", "t"), "2 scenes")
    by_image = sums_of(rng, "abcd")
    assert (by_image.kind, by_image.names, by_image.text) == ("image", tuple("abcd"), "4 images")
    of_one = sums_of(rng, "abc", scenes=("s",) * 3)
    assert (of_one.kind, of_one.text) == ("image", "3 images of one scene")
    by_block = sums_of(rng, "a")
    assert by_block.kind == "block"
    assert by_block.number > 10
    assert by_block.names[0] == "a@0,0"


def test_a_kind_can_be_chosen(rng):
    scenes = ("s", "s", "t", "t")
    assert sums_of(rng, "abcd", UnitRule("image"), scenes).kind == "image"
    assert sums_of(rng, "abcd", UnitRule("scene"), ("s",) * 4).number == 1
    blocks = sums_of(rng, "abcd", UnitRule("block", 32), scenes)
    assert (blocks.kind, blocks.side, blocks.number) == ("block", 32, 4 * 3 * 3)
    assert sums_of(rng, "ab", UnitRule(block=32)).kind == "block"


def test_blocks_of_windows_are_those_of_the_image(rng):
    target, predicted = maps(rng)
    whole, cut = (UnitSums(3, rule=UnitRule(block=16)) for _ in range(2))
    whole.add(target, predicted, image="a")
    for row, column in ((0, 0), (0, 41), (37, 0), (37, 41)):
        part = np.s_[row : 37 if row == 0 else None, column : 41 if column == 0 else None]
        cut.add(target[part], predicted[part], image="a", corner=(row, column))
    a, b = whole.table(), cut.table()
    assert set(a.names) == set(b.names)
    order = [b.names.index(name) for name in a.names]
    assert_array_equal(a.sums, b.sums[order])


def test_windows_of_one_image_are_no_images(rng):
    sums = UnitSums(3)
    for row in (0, 200):
        sums.add(*maps(rng), image="a", corner=(row, 0))
    assert sums.table().kind == "block"


def test_memory_is_bounded_by_coarser_cells(rng, monkeypatch):
    expected = sums_of(rng, "a", UnitRule("block"))
    monkeypatch.setattr(module, "_MOST_CELLS", 30)
    found = sums_of(rng, "a", UnitRule("block"))
    assert expected.number > 30 >= found.number
    assert found.side > expected.side
    with pytest.raises(InputError, match="larger unit_block"):
        sums_of(rng, "a", UnitRule(block=4))


def test_the_side_of_blocks_is_the_reach_of_the_errors_in_whole_cells():
    target = np.zeros((512, 512), np.uint8)
    predicted = np.kron(np.random.default_rng(0).integers(0, 2, (16, 16)), np.ones((32, 32), int)).astype(np.uint8)
    sums = UnitSums(2)
    sums.add(target, predicted, image="a")
    table = sums.table()
    assert 24 <= table.reach <= 40
    assert 3 * table.reach <= table.side < 3 * table.reach + 8
    n = 512 / table.side
    assert len(table.neighbours) == 2 * np.ceil(n) * (np.ceil(n) - 1)
    assert table.side % 8 == 0  # cells of 512 / 64 pixels
    assert "errors correlate up to" in table.text
    assert sums.table(64).side == 64


def test_few_units_are_said(rng):
    assert sums_of(rng, "abcdefghij").warning is None
    assert "fewer than 10" in sums_of(rng, "abc").warning
    assert "no interval" in sums_of(rng, "abcd", UnitRule("scene"), ("s",) * 4).warning


def test_units_without_label_are_not_counted(rng):
    sums = UnitSums(3)
    for name in "abc":
        target, predicted = maps(rng)
        sums.add(np.full_like(target, 255) if name == "a" else target, predicted, image=name)
    assert sums.table().number == 2
    assert len(sums.table().names) == 3


def test_bad_rules():
    with pytest.raises(InputError, match="units must be"):
        UnitRule("tile")
    with pytest.raises(InputError, match="unit_block is the side of blocks"):
        UnitRule("image", 32)
    with pytest.raises(InputError, match="unit_block must be 1"):
        UnitRule("block", 0)
