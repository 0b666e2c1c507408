import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from densa.datasets.scene.plan import (
    BLOCK_PX,
    EMPTY,
    MAJOR,
    MINOR,
    N_MINORS,
    RURAL,
    URBAN,
    direction,
    dryness,
    ends_of,
    forest,
    inside,
    lot_of,
    make_plan,
    road_of,
)


@pytest.fixture(scope="module")
def large():
    """The plan of a window of 4000 x 3000 pixels."""
    return make_plan(10_000, 20_000, 4000, 3000, 7)


def test_a_window_has_the_plan_of_the_scene(large):
    """Nodes are those of any other window; kinds as well, unless a block is far from one of the windows."""
    i0, j0, nodes, kinds = large
    for top, left, height, width in ((11_000, 21_000, 512, 512), (13_900, 22_900, 60, 60), (10_000, 20_000, 1, 1)):
        a0, b0, some, some_kinds = make_plan(top, left, height, width, 7)
        rows = slice(max(a0, i0) - i0, min(a0 + len(some), i0 + len(nodes)) - i0)
        columns = slice(max(b0, j0) - j0, min(b0 + some.shape[1], j0 + nodes.shape[1]) - j0)
        own = slice(rows.start + i0 - a0, rows.stop + i0 - a0), slice(columns.start + j0 - b0, columns.stop + j0 - b0)
        assert_array_equal(some[own], nodes[rows, columns])
        a = some_kinds[own[0].start : own[0].stop - 1, own[1].start : own[1].stop - 1]
        b = kinds[rows.start : rows.stop - 1, columns.start : columns.stop - 1]
        known = (a != EMPTY) & (b != EMPTY)
        assert known.any()
        assert_array_equal(a[known], b[known])


def test_nodes_are_the_turned_lattice_bent_a_little(large):
    i0, j0, nodes, _ = large
    i, j = np.meshgrid(np.arange(len(nodes)) + i0, np.arange(nodes.shape[1]) + j0, indexing="ij")
    straight = BLOCK_PX * np.stack([0.8 * i - 0.6 * j, 0.6 * i + 0.8 * j], axis=-1)
    assert abs(nodes - straight).max() <= 0.6 * BLOCK_PX
    assert abs(nodes - straight).mean() > 0.05 * BLOCK_PX


def test_the_blocks_near_a_window_cover_it(large):
    """Every corner of the window lies in the lattice, some blocks from its border; no block there is empty."""
    i0, j0, _, kinds = large
    for x, y in ((20_000, 10_000), (23_000, 10_000), (20_000, 14_000), (23_000, 14_000)):
        i, j = (0.8 * x + 0.6 * y) / BLOCK_PX - i0, (0.8 * y - 0.6 * x) / BLOCK_PX - j0
        assert 2 <= i < len(kinds)
        assert 2 <= j < kinds.shape[1]
        assert kinds[int(i), int(j)] != EMPTY
    assert set(np.unique(kinds)) == {EMPTY, RURAL, URBAN}


def test_points_of_a_block_by_hand():
    nodes = np.array([[[0.0, 0.0], [0.0, 10.0]], [[10.0, 0.0], [20.0, 10.0]]])
    assert_allclose(inside(nodes, 0, 0, 0.0, 0.0), (0, 0))
    assert_allclose(inside(nodes, 0, 0, 1.0, 0.0), (10, 0))
    assert_allclose(inside(nodes, 0, 0, 1.0, 1.0), (20, 10))
    assert_allclose(inside(nodes, 0, 0, 0.5, 0.5), (7.5, 5))
    assert_allclose(direction(0.0, 0.0, 3.0, -4.0), (0.6, -0.8))
    assert_allclose(ends_of(nodes, 0, 0, 0), (0, 0, 10, 0))
    assert_allclose(ends_of(nodes, 0, 0, 1), (0, 0, 0, 10))


def test_every_fourth_line_is_a_major_road(large):
    i0, j0, _, kinds = large
    n_minor = 0
    for a in range(1, len(kinds)):
        for b in range(1, kinds.shape[1]):
            for axis, line in ((0, j0 + b), (1, i0 + a)):
                value, half = road_of(large, a, b, axis, 7)
                assert (value == MAJOR) == (line % 4 == 0)
                assert (11 <= half < 14) if value == MAJOR else (6.5 <= half < 8.5 or value < 0)
                assert value in (MAJOR, -1) or MINOR <= value < MINOR + N_MINORS
                n_minor += MINOR <= value < MINOR + N_MINORS
                beside = kinds[a, b - 1] if axis == 0 else kinds[a - 1, b]
                if value not in (MAJOR, -1):
                    assert URBAN in (kinds[a, b], beside)  # no minor road between fields
    assert n_minor > 20


def test_uses_of_blocks_have_their_shares():
    found = np.bincount([lot_of(i, j, 3) for i in range(100) for j in range(100)], minlength=5) / 10_000
    assert_allclose(found, [0.52, 0.2, 0.12, 0.09, 0.07], atol=0.03)


def test_towns_stand_on_dry_and_open_land(large):
    _, _, nodes, kinds = large
    for a, b in zip(*np.nonzero(kinds == URBAN), strict=True):
        x, y = inside(nodes, a, b, 0.5, 0.5)
        assert dryness(x, y, 7) > 0.12
        assert forest(x, y, 7) < 0.08
