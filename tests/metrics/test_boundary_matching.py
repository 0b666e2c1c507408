"""Boundaries matched one to one: by hand, laws, independent solvers, and the numbers of the Berkeley benchmark."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray
from scipy.io import loadmat
from scipy.optimize import linear_sum_assignment

from densa.errors import InputError
from densa.metrics import (
    BoundaryCounts,
    boundary_counts,
    boundary_map,
    match_boundaries,
    summarize_boundaries,
    thin,
)

IMAGES = ("2018", "3063", "5096", "6046", "8068")
masks = hnp.arrays(np.bool_, (9, 12))


def test_boundary_map_by_hand() -> None:
    regions = np.array([[1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 3, 2]])
    # corners at the lower right of each pixel; the last row and column have no such corner, their cracks count
    expected = np.array([[0, 1, 0, 0], [1, 1, 1, 0], [0, 0, 1, 0]], bool)
    assert_array_equal(boundary_map(regions), expected)


@given(hnp.arrays(np.int8, st.tuples(st.integers(1, 6), st.integers(1, 6)), elements=st.integers(0, 2)))
def test_boundary_map_has_the_doubled_grids_odd_points(regions: NDArray[np.int8]) -> None:
    """The benchmark's own way: cracks and corners on a grid of (2 h + 1, 2 w + 1), every second point kept."""
    h, w = regions.shape
    grid = np.zeros((2 * h + 1, 2 * w + 1), bool)
    grid[2:-1:2, 1::2] = regions[1:] != regions[:-1]
    grid[1::2, 2:-1:2] = regions[:, 1:] != regions[:, :-1]
    inner = grid.copy()
    for y in range(2, 2 * h - 1, 2):
        for x in range(2, 2 * w - 1, 2):
            inner[y, x] = grid[y - 1, x] or grid[y + 1, x] or grid[y, x - 1] or grid[y, x + 1]
    inner[0], inner[:, 0] = inner[1], inner[:, 1]
    inner[-1], inner[:, -1] = inner[-2], inner[:, -2]
    assert_array_equal(boundary_map(regions), inner[2::2, 2::2])


@settings(max_examples=50, deadline=None)  # the first call compiles
@given(hnp.arrays(np.bool_, (17, 14), elements=st.integers(0, 9).map(lambda v: v > 1)))
def test_thin_matches_scikit_image(mask: NDArray[np.bool_]) -> None:
    morphology = pytest.importorskip("skimage.morphology")
    assert_array_equal(thin(mask), morphology.thin(mask))


def test_matching_is_one_to_one() -> None:
    target, predicted = np.zeros((2, 300, 400), bool)
    target[100, 10:60] = True
    predicted[[99, 101], 10:60] = True  # a distance transform would find 100 pixels right
    right, found = match_boundaries(predicted, target)
    assert (right.sum(), found.sum()) == (50, 50)


@pytest.mark.parametrize(("shift", "share"), [(0, 1), (4, 1), (5, 0)])
def test_distance_is_a_share_of_the_diagonal(shift: int, share: int) -> None:
    target, predicted = np.zeros((2, 360, 480), bool)  # diagonal 600: 4.5 px
    target[:, 200] = predicted[:, 200 + shift] = True
    assert match_boundaries(predicted, target)[0].sum() == 360 * share


@settings(max_examples=50, deadline=None)  # the first call compiles
@given(masks, masks, st.sampled_from([0.0, 0.07, 0.1, 0.15, 0.2]))
def test_matching_is_the_cheapest(a: NDArray[np.bool_], b: NDArray[np.bool_], share: float) -> None:
    """As many pairs as a dense solver finds with the benchmark's costs."""
    right, found = match_boundaries(a, b, share)
    p, q = np.argwhere(a), np.argwhere(b)
    limit = share * np.hypot(*a.shape)
    d = np.linalg.norm(p[:, np.newaxis] - q[np.newaxis], axis=2)
    gain = np.where(d <= limit, max(np.ceil(1e4 * limit), 1) - np.rint(100 * d), 0)
    rows, columns = linear_sum_assignment(gain, maximize=True)
    n_pairs = np.count_nonzero(d[rows, columns] <= limit)
    assert right.sum() == found.sum() == n_pairs
    assert not (right & ~a).any()
    assert not (found & ~b).any()


@settings(deadline=None)
@given(masks)
def test_a_map_matches_itself(mask: NDArray[np.bool_]) -> None:
    right, found = match_boundaries(mask, mask)
    assert_array_equal(right, mask)
    assert_array_equal(found, mask)


def test_precision_takes_any_annotator_recall_counts_all() -> None:
    first, second = np.zeros((2, 300, 400), bool)
    first[50, 10:60] = second[150, 10:40] = True
    counts = boundary_counts([first, second], [first | second, first, first], thinning=False)
    assert counts.matched_target.tolist() == [80, 50, 50]
    assert counts.n_target.tolist() == [80] * 3
    assert counts.matched_predicted.tolist() == counts.n_predicted.tolist() == [80, 50, 50]


def test_summary_by_hand() -> None:
    """Recall .8, .2 and precision .2, .8 cross at .5 between the settings; the images' own best F is .8."""
    one = BoundaryCounts(*np.array([[8, 2], [10, 10], [8, 2], [10, 10]]))
    other = BoundaryCounts(*np.array([[8, 2], [10, 10], [2, 8], [40, 10]]))
    summary = summarize_boundaries([one, other], [0.25, 0.75])
    assert_allclose(summary.recall, [0.8, 0.2])
    assert_allclose(summary.precision, [0.2, 0.5])
    steps = np.linspace(0, 1, 100)
    r, p = 0.8 - 0.6 * steps, 0.2 + 0.3 * steps
    best = np.argmax(2 * r * p / (r + p))
    assert_allclose(summary.ods, (0.25 + 0.5 * steps[best], r[best], p[best], 2 * r[best] * p[best] / (r + p)[best]))
    # image 1 takes setting 1 (F .8), image 2 setting 2 (F .32 against .0889): recall (8 + 2) / 20, precision 16 / 20
    assert_allclose(summary.ois[1:], (0.5, 0.8, 2 * 0.4 / 1.3))
    grid = np.arange(20, 81) / 100
    assert_allclose(summary.average_precision, np.sum(0.5 - 0.3 * (grid - 0.2) / 0.6) * 0.01)


def test_nothing_predicted_scores_0() -> None:
    target, nothing = np.eye(30, dtype=bool), np.zeros((30, 30), bool)
    summary = summarize_boundaries([boundary_counts([target], [nothing])])
    assert (summary.ods.f, summary.ois.f, summary.average_precision) == (0, 0, 0)


def test_bad_input_is_named() -> None:
    mask = np.ones((4, 5), bool)
    with pytest.raises(InputError, match="the same shape"):
        match_boundaries(mask, mask.T)
    with pytest.raises(InputError, match="booleans"):
        match_boundaries(mask.astype(float), mask)
    with pytest.raises(InputError, match="max_distance"):
        match_boundaries(mask, mask, -0.1)
    with pytest.raises(InputError, match="1 annotators and a family of 0"):
        boundary_counts([mask], [])
    with pytest.raises(InputError, match="integers"):
        boundary_map(np.ones((4, 5)))
    one = boundary_counts([mask], [mask])
    for images, numbers in (([], None), ([one], [1, 2]), ([one, boundary_counts([mask], [mask, mask])], None)):
        with pytest.raises(InputError, match="equal length"):
            summarize_boundaries(images, numbers)


@pytest.mark.realdata
def test_counts_equal_those_of_the_benchmarks_own_code(realdata: Path) -> None:
    """`test_3` and `test_4`: the Matlab code of BSDS500 ran twice on the same five segmentations of five images.

    Its matching draws random partners, so its two runs differ from the fourth digit on, and it can only miss pairs that
    the exact matching finds. So: recall not below either run's, and all scores as near as that leaves.
    """
    folder = realdata / "reference" / "bsds_bench"
    images = []
    for name in IMAGES:
        people = loadmat(folder / "groundTruth" / f"{name}.mat")["groundTruth"].ravel()
        segmentations = loadmat(folder / "segs" / f"{name}.mat")["segs"].ravel()
        drawn = [person["Boundaries"][0, 0] for person in people]
        images.append(boundary_counts(drawn, [boundary_map(s) for s in segmentations]))
    summary = summarize_boundaries(images)
    ours = np.stack([summary.recall, summary.precision, summary.f], axis=1)
    runs = np.stack([np.loadtxt(folder / run / "eval_bdry_thr.txt")[:, 1:] for run in ("test_3", "test_4")])
    assert (ours[:, 0] >= runs[:, :, 0] - 5e-7).all()  # half the last printed digit
    assert_allclose(ours, runs.mean(axis=0), atol=4.5e-4)
    score = [*summary.ods[1:], *summary.ois[1:], summary.average_precision]
    totals = np.stack([np.loadtxt(folder / run / "eval_bdry.txt")[1:] for run in ("test_3", "test_4")])
    assert_allclose(score, totals.mean(axis=0), atol=4e-4)
    assert_allclose(summary.ods.f, totals[:, 2].mean(), atol=2e-4)
    assert summary.ods.setting == 1
