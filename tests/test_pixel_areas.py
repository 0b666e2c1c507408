"""Areas of runs of pixels."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from densa.pixel_areas import area_of_run, pixel_areas

NODES = np.array([[900.0, 1000.0, 1400.0, 1300.0]])  # at columns 0, 8, 16, 24


@given(st.lists(st.integers(0, 24), min_size=2, max_size=6).map(sorted))
def test_runs_add_up(cuts):
    areas = pixel_areas(NODES, 8)
    parts = [area_of_run(areas, 0, a, b) for a, b in pairwise(cuts)]
    assert sum(parts) == area_of_run(areas, 0, cuts[0], cuts[-1])


def test_against_the_mean_of_pixels():
    areas = pixel_areas(NODES, 8)
    middle = np.interp(np.arange(24) + 0.5, [0, 8, 16, 24], NODES[0])
    assert [area_of_run(areas, 0, i, i + 1) for i in range(24)] == pytest.approx(middle, abs=1)
    assert area_of_run(areas, 0, 0, 24) == pytest.approx(middle.sum(), abs=1)
    assert area_of_run(areas, 0, 3, 20) == area_of_run.py_func(areas, 0, 3, 20)


def test_equal_pixels():
    areas = pixel_areas(np.ones((3, 2)), 10)
    assert area_of_run(areas, 2, 3, 9) == 6
