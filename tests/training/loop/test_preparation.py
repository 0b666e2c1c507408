"""Border weights on their way to the loss: the sampler's map, and the note that says what it takes for objects."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image

from densa import datasets
from densa.legend import Legend
from densa.training import Training
from densa.training.loop.preparation import border_note, make_sampler

CELLS = Legend(("background", "cell"), ((0, 0, 0), (255, 255, 255)))
# Two cells that touch, and a third one pixel further.
NUMBERS = np.array([[0, 0, 0, 0, 0, 0, 0], [1, 1, 2, 2, 0, 3, 3], [0, 0, 0, 0, 0, 0, 0]], np.uint8)
SETTINGS = Training(border_weight=10.0)


def save(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(content).save(path)


def cells(folder, names=("a",)):
    for name in names:
        save(folder / "images" / f"{name}.png", np.full((*NUMBERS.shape, 3), 100, np.uint8))
        save(folder / "masks" / f"{name}.png", (NUMBERS > 0).astype(np.uint8))


def opened(folder):
    dataset = datasets.open(folder, legend=CELLS, split=datasets.SplitRule(val_fraction=0.0))["train"]
    datasets.check(dataset)
    return dataset


def weights(dataset):
    """The border weights of the first image, as the sampler carries them."""
    sampler = make_sampler(dataset, SETTINGS, NUMBERS.shape, batch=1)
    return sampler.batch(0, 1).weights[0]


def test_the_map_is_the_border_alone(tmp_path):
    """Without 1 or a class weight, which the loss adds: 0 in cells, 10 exp(-(1 + 1)^2 / 50) between two of them."""
    cells(tmp_path)
    found = weights(opened(tmp_path))
    assert found[1, 4] == pytest.approx(10 * math.exp(-4 / 50), rel=1e-5)
    assert_array_equal(found[NUMBERS > 0], 0)


def test_cells_that_touch_are_apart_where_objects_are_numbered(tmp_path):
    """At row 0, column 1, cells 1 and 2 are 1 and sqrt(2) away; where they are one component, the next is farther."""
    cells(tmp_path)
    one = weights(opened(tmp_path))
    save(tmp_path / "instances" / "a.png", NUMBERS)
    two = weights(opened(tmp_path))
    apart = 10 * math.exp(-((1 + math.sqrt(2)) ** 2) / 50)
    assert two[0, 1] == pytest.approx(apart, rel=1e-5)
    assert one[0, 1] == pytest.approx(10 * math.exp(-((1 + math.sqrt(17)) ** 2) / 50), rel=1e-5)  # to (1, 5)


def test_one_file_for_each_object(tmp_path):
    cells(tmp_path)
    for n in (1, 2, 3):
        save(tmp_path / "instances" / "a" / f"cell{n}.png", ((n == NUMBERS) * 255).astype(np.uint8))
    dataset = opened(tmp_path)
    assert_array_equal(dataset.instances(0), NUMBERS)
    save(tmp_path / "elsewhere" / "instances" / "a.png", NUMBERS)
    cells(tmp_path / "elsewhere")
    assert_allclose(weights(dataset), weights(opened(tmp_path / "elsewhere")))


def test_the_note_says_what_counts_as_an_object(tmp_path):
    cells(tmp_path, ("a", "b"))
    assert border_note(opened(tmp_path), Training()) is None
    assert "no objects are numbered: objects that touch get no border" in border_note(opened(tmp_path), SETTINGS)
    save(tmp_path / "instances" / "a.png", NUMBERS)
    assert "numbered objects in 1 of 2 images" in border_note(opened(tmp_path), SETTINGS)
    save(tmp_path / "instances" / "b.png", NUMBERS)
    assert border_note(opened(tmp_path), SETTINGS) == "border weights are of the objects that the data set numbers"
