import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from densa.datasets.scene.shapes import (
    NEUTRAL,
    SHADOW,
    add_disc,
    add_quad,
    add_rectangle,
    add_shadow,
    paint,
    shape_list,
    uniform,
    value_noise,
)

RAGGED = np.random.default_rng(0).integers(-127, 128, (64, 64)).astype(np.int8)


def empty(height=40, width=50, top=0, left=0):
    """A piece of material 0."""
    return np.zeros((height, width), np.uint8), np.full((height, width), NEUTRAL, np.uint8), top, left


def drawn(piece, *shapes):
    """Paint shapes, each a function and its arguments."""
    rows = shape_list(30)
    for add, *arguments in shapes:
        add(rows, *arguments)
    paint(rows, piece, RAGGED)
    assert rows[1][0] == 0  # the list is empty again
    return piece[0]


@settings(max_examples=60)
@given(
    st.tuples(st.floats(-10, 60), st.floats(-10, 50)), st.floats(0, 6.28), st.floats(1, 30), st.floats(1, 20),
    st.integers(0, 20), st.integers(0, 20),
)  # fmt: skip
def test_rectangles_cover_the_centres_inside(centre, angle, half_length, half_width, top, left):
    along = (np.cos(angle), np.sin(angle))
    found = drawn(empty(top=top, left=left), (add_rectangle, *centre, along, half_length, half_width, 5, NEUTRAL))
    y, x = np.mgrid[top : top + 40, left : left + 50] + 0.5
    dx, dy = x - centre[0], y - centre[1]
    u, v = abs(dx * along[0] + dy * along[1]) - half_length, abs(dy * along[0] - dx * along[1]) - half_width
    clear = (abs(u) > 1e-6) & (abs(v) > 1e-6)  # centres on an edge may fall to either side
    assert_array_equal((found == 5)[clear], ((u < 0) & (v < 0))[clear])


@settings(max_examples=40)
@given(st.integers(0, 2**32))
def test_neighbours_share_no_pixel_and_leave_no_gap(seed):
    """A bent lattice of 3 x 3 quadrilaterals: every pixel inside belongs to just one of them."""
    rng = np.random.default_rng(seed)
    nodes = np.stack(np.meshgrid(np.arange(4) * 20 - 10.0, np.arange(4) * 18 - 8.0, indexing="ij"), axis=-1)
    nodes += rng.uniform(-4, 4, nodes.shape)
    times = np.zeros((40, 50), int)
    union = empty()
    for a in range(3):
        for b in range(3):
            corners = tuple(tuple(nodes[i, j]) for i, j in ((a, b), (a + 1, b), (a + 1, b + 1), (a, b + 1)))
            times += drawn(empty(), (add_quad, corners, 1, NEUTRAL)) == 1
            drawn(union, (add_quad, corners, 1, NEUTRAL))
    assert times.max() <= 1
    assert (times[8:28, 10:34] == 1).all()
    assert_array_equal(times == 1, union[0] == 1)


@given(st.floats(-5, 55), st.floats(-5, 45), st.floats(0.5, 20))
def test_smooth_discs_cover_the_centres_inside(x, y, radius):
    found = drawn(empty(), (add_disc, x, y, radius, 7, 0.0, 0.0))
    rows, columns = np.mgrid[:40, :50] + 0.5
    distance = np.hypot(columns - x, rows - y)
    clear = abs(distance - radius) > 1e-6
    assert_array_equal((found == 7)[clear], (distance < radius)[clear])


def test_ragged_discs_follow_the_texture_of_the_scene():
    """The outline depends on the place in the scene, not in the piece; it stays within 1.4 radii."""
    whole, part = empty(), empty(20, 20, 10, 15)
    for piece in (whole, part):
        drawn(piece, (add_disc, 25.0, 20.0, 9.0, 7, 0.8, 30.0))
    assert_array_equal(part[0], whole[0][10:30, 15:35])
    assert_array_equal(part[1], whole[1][10:30, 15:35])
    rows, columns = np.mgrid[:40, :50] + 0.5
    distance = np.hypot(columns - 25, rows - 20)
    assert (distance[whole[0] == 7] < 9 * np.sqrt(1.8)).all()
    edge = (whole[0] == 7) != (distance < 9)
    assert edge.any()
    lit = whole[1][whole[0] == 7].astype(int)
    towards_the_sun = -(0.8 * (columns - 25) + 0.6 * (rows - 20))[whole[0] == 7]
    assert np.corrcoef(lit, towards_the_sun)[0, 1] > 0.99  # relief: brighter in the north-west


def test_shadows_darken_and_leave_the_material():
    piece = empty()
    piece[0][:] = 3
    piece[1][:, :25] = 40  # darker than a shadow already
    drawn(piece, (add_shadow, 20.0, 18.0, (1.0, 0.0), 8.0, 4.0, 12.0))
    assert (piece[0] == 3).all()
    dark = piece[1] == SHADOW
    assert dark.any()
    assert not dark[:, :25].any()
    rows, columns = np.nonzero(dark)
    # the rectangle of x 12 to 28, y 14 to 22, moved by up to (9.6, 7.2) to the south-east
    assert (columns.max(), rows.max()) == (37, 28)
    assert rows.min() >= 14


def test_later_shapes_lie_on_top():
    found = drawn(
        empty(),
        (add_rectangle, 20.0, 20.0, (1.0, 0.0), 10.0, 10.0, 1, NEUTRAL),
        (add_rectangle, 25.0, 20.0, (1.0, 0.0), 10.0, 5.0, 2, 90),
    )
    assert found[20, 22] == 2
    assert found[12, 22] == 1


@pytest.mark.parametrize("salt", [0, 7, 2**31 - 1])
def test_hashed_numbers_are_even_and_independent(salt):
    numbers = np.array([[uniform(i, j, salt) for j in range(-50, 50)] for i in range(-50, 50)])
    assert ((numbers >= 0) & (numbers < 1)).all()
    counts = np.bincount((numbers.ravel() * 10).astype(int), minlength=10)
    assert abs(counts - 1000).max() < 6 * np.sqrt(900)
    for axis in (0, 1):
        neighbours = np.corrcoef(numbers.ravel(), np.roll(numbers, 1, axis).ravel())[0, 1]
        assert abs(neighbours) < 0.06


@given(st.integers(-1000, 1000), st.integers(-1000, 1000), st.floats(0, 1), st.floats(0, 1))
def test_value_noise_is_between_the_numbers_of_the_lattice(i, j, u, v):
    corners = [2 * uniform(i + a, j + b, 5) - 1 for a in (0, 1) for b in (0, 1)]
    found = value_noise(i + u, j + v, 5)
    assert min(corners) - 1e-9 <= found <= max(corners) + 1e-9
    assert_allclose(value_noise(float(i), float(j), 5), corners[0])
    step = abs(value_noise(i + u + 1e-4, j + v, 5) - found)
    assert step < 2 * 1.5 * 1e-4 + 1e-9  # the steepest slope of 3 t^2 - 2 t^3 is 1.5, over a range of 2
