import numpy as np
import pytest
from numpy.testing import assert_array_equal

from densa.datasets.scene.layers import render
from densa.datasets.scene.materials import material_tables, sensor_noise, textures
from densa.datasets.scene.plan import dryness

SEED = 11


@pytest.fixture(scope="module")
def tables():
    rng = np.random.default_rng(SEED)
    return material_tables(4), textures(rng), sensor_noise(rng)


def piece(tables, top, left, height, width, n_bands=4):
    image, labels = np.zeros((n_bands, height, width), np.uint8), np.full((height, width), 99, np.uint8)
    materials = tables[0][0], tables[0][1][:, :n_bands], *tables[0][2:]
    render(top, left, SEED, materials, *tables[1:], image, labels)
    return image, labels


def test_pieces_agree_wherever_they_are_cut(tables):
    """The pieces of a mosaic are parts of one drawn at once, whatever their sizes."""
    image, labels = piece(tables, 5000, 3000, 600, 700)
    for top, left, height, width in (
        (5000, 3000, 1, 1),
        (5123, 3045, 250, 333),
        (5599, 3000, 1, 700),
        (5300, 3699, 300, 1),
    ):
        place = np.s_[top - 5000 : top - 5000 + height, left - 3000 : left - 3000 + width]
        part, its_labels = piece(tables, top, left, height, width)
        assert_array_equal(its_labels, labels[place])
        assert_array_equal(part, image[:, *place])


def test_every_pixel_has_a_class_and_no_band_is_0(tables):
    for top, left in ((0, 0), (70_000, 12_000), (40_000, 90_000)):
        image, labels = piece(tables, top, left, 300, 320)
        assert labels.max() < 7
        assert image.min() >= 1


def test_fewer_bands_are_the_first(tables):
    four, labels = piece(tables, 800, 900, 120, 130)
    three, same = piece(tables, 800, 900, 120, 130, n_bands=3)
    assert_array_equal(three, four[:3])
    assert_array_equal(same, labels)


def test_water_lies_where_the_plan_says(tables):
    """Little but roads covers the lakes; there is no water on dry land."""
    found = np.zeros((2, 2), int)
    for top, left in ((0, 0), (3000, 9000), (20_000, 4000), (52_000, 31_000), (70_000, 12_000)):
        _, labels = piece(tables, top, left, 256, 256)
        wet = np.array([[dryness(left + x, top + y, SEED) for x in range(0, 256, 8)] for y in range(0, 256, 8)]) < 0
        water = labels[::8, ::8] == 0
        for i in (0, 1):
            for j in (0, 1):
                found[i, j] += ((wet == i) & (water == j)).sum()
    assert found[1, 1] > 50
    assert found[0, 1] < 0.02 * found[1, 1] + 5  # between known points the border is a straight line
    assert found[1, 0] < 0.3 * found[1, 1]  # roads across it
