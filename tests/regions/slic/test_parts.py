"""SLIC of parts of an image: centres and labels are those of the whole."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy import ndimage

from densa.regions import slic
from densa.regions.shared.checks import check_mask, value_ranges
from densa.regions.shared.runs import connected_runs
from densa.regions.slic.cells import Cells, cell_grid
from densa.regions.slic.metric import make_metric, to_planes
from densa.regions.slic.parts import (
    Part,
    candidates,
    labels_of,
    most_pieces,
    move_centers,
    no_centers,
    seed_centers,
)
from tests.regions.slic.partitions import assert_same_partition


def textured(rng, shape, n_bands, dtype):
    image = ndimage.gaussian_filter(rng.normal(size=(*shape, n_bands)), (rng.uniform(0, 2),) * 2 + (0,))
    image = (image - image.min()) / max(np.ptp(image), 1e-9) * 250
    return image.astype(dtype)


def islands(rng, shape):
    kind = rng.integers(3)
    if kind == 0:
        return None
    return rng.random(shape) < 0.9 if kind == 1 else ndimage.gaussian_filter(rng.normal(size=shape), 3) > -0.05


def crop(image, mask, window):
    """The part of an image with only what is in the window."""
    rows, columns = window
    part = None if mask is None else np.ascontiguousarray(mask[rows, columns])
    return np.ascontiguousarray(image[rows, columns]), part


def pixels_of(grid, cells, border=0):
    rows, columns = grid.rows(cells), grid.columns(cells)
    return (
        slice(max(int(rows[0]) - border, 0), int(rows[-1]) + border),
        slice(max(int(columns[0]) - border, 0), int(columns[-1]) + border),
    )


@pytest.mark.parametrize("seed", range(60))
def test_centres_and_labels_of_a_part_are_those_of_the_whole(seed):
    rng = np.random.default_rng(seed)
    height, width = (int(n) for n in rng.integers(1, 90, 2))
    image = textured(rng, (height, width), rng.integers(1, 5), rng.choice(["uint8", "float32"]))
    mask = check_mask(islands(rng, (height, width)), (height, width))
    grid = cell_grid(height, width, max(1, height * width // int(rng.choice([1, 6, 20, 200]))))
    adaptive = bool(rng.random() < 0.4)
    lab = image.dtype == np.uint8 and image.shape[2] == 3
    compactness = float(rng.choice([0.5, 10, 60]))
    metric = make_metric(grid, compactness, adaptive, None if lab else value_ranges(image, mask))
    n_rounds = int(rng.integers(0, 5))
    everything = Part(to_planes(image, mask, metric), mask, 0, 0)
    whole = seed_centers(everything, grid, metric, grid.cells)
    move_centers(everything, grid, metric, whole, range(n_rounds))
    labels = labels_of(candidates(everything, grid, metric, whole, grid.cells), mask, grid, grid.cells, grid.cells)

    (top, bottom), (left, right) = (np.sort(rng.choice(n + 1, 2, replace=False)) for n in (grid.n_rows, grid.n_columns))
    wanted = Cells(int(top), int(left), int(bottom), int(right))
    break_at = int(rng.integers(0, n_rounds + 1))  # two stages: the second goes on from the centres of the first
    after = n_rounds - break_at
    middle = grid.around(wanted, 2 * after)
    held = grid.around(middle, 2 * break_at)
    rows, columns = pixels_of(grid, held, 1)
    part_image, part_mask = crop(image, mask, (rows, columns))
    part = Part(to_planes(part_image, part_mask, metric), part_mask, rows.start, columns.start)
    first = seed_centers(part, grid, metric, held)
    move_centers(part, grid, metric, first, range(break_at), middle)
    i0, i1, j0, j1 = middle.within(held)
    second = no_centers(middle, image.shape[2])
    for to, come in zip(second[1:], first[1:], strict=True):
        to[:] = come[..., i0:i1, j0:j1]
    move_centers(part, grid, metric, second, range(break_at, n_rounds), wanted)
    i0, i1, j0, j1 = wanted.within(middle)
    for found, expected in zip(second[1:], whole[1:], strict=True):
        assert_array_equal(
            found[..., i0:i1, j0:j1], expected[..., wanted.top : wanted.bottom, wanted.left : wanted.right]
        )

    rows, columns = pixels_of(grid, wanted)
    part_image, part_mask = crop(image, mask, (rows, columns))
    part = Part(to_planes(part_image, part_mask, metric), part_mask, rows.start, columns.start)
    around = grid.around(wanted, 1)
    centers = no_centers(around, image.shape[2])
    for to, come in zip(centers[1:], whole[1:], strict=True):
        to[:] = come[..., around.top : around.bottom, around.left : around.right]
    found = labels_of(candidates(part, grid, metric, centers, wanted), part_mask, grid, around, wanted)
    assert_same_partition(found, labels[rows, columns])


@pytest.mark.parametrize("seed", range(30))
def test_runs_and_pieces_are_counted_before_there_are_labels(seed):
    rng = np.random.default_rng(seed)
    height, width = (int(n) for n in rng.integers(1, 60, 2))
    mask = check_mask(islands(rng, (height, width)), (height, width))
    grid = cell_grid(height, width, max(1, height * width // int(rng.choice([1, 6, 20, 200]))))
    won = rng.choice([0, 3, 4, 5, 8], p=[0.02, 0.1, 0.6, 0.1, 0.18], size=(height, width)).astype(np.uint8)
    labels = labels_of(won, mask, grid, Cells(-1, -1, grid.n_rows + 1, grid.n_columns + 1), grid.cells)
    runs, begun = most_pieces(won, mask, grid, grid.cells)
    expected = connected_runs(labels, 1)
    assert_array_equal(runs, np.diff(expected.first))
    firsts = [np.flatnonzero(expected.piece == k)[0] for k in range(expected.n_pieces)]
    begins = np.searchsorted(expected.first, firsts, side="right") - 1
    assert np.all(np.bincount(begins.astype(int), minlength=height) <= begun)
    # what is counted too often: runs that meet their piece only further down
    lonely = sum(
        labels[y, x] > 0 and (x == 0 or labels[y, x] != labels[y, x - 1]) and not touches(labels, y, x)
        for y in range(height)
        for x in range(width)
    )
    assert begun.sum() == lonely


def touches(labels, y, x):
    """Whether the run that begins at a pixel touches one of its label above."""
    end = x
    while end < labels.shape[1] and labels[y, end] == labels[y, x]:
        end += 1
    return y > 0 and bool(np.any(labels[y - 1, x:end] == labels[y, x]))


def test_what_stands_under_the_mask_decides_nothing(rng):
    image = rng.integers(0, 256, (30, 30, 3), dtype=np.uint8)
    mask = rng.random((30, 30)) < 0.8
    other = np.where(mask[..., None], image, 255 - image)
    assert_array_equal(slic(image, 300, mask=mask), slic(other, 300, mask=mask))
