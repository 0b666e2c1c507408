"""Covering, Rand index and variation of information: by hand, laws, and the numbers of the Berkeley benchmark."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose
from numpy.typing import NDArray
from scipy.io import loadmat

from densa.errors import InputError
from densa.metrics import (
    FamilyAgreement,
    covering,
    family_agreement,
    partition_scores,
    rand_index,
    summarize_families,
    variation_of_information,
)

IMAGES = ("2018", "3063", "5096", "6046", "8068")
PREDICTED, TARGET = np.array([[1, 1, 1, 2, 2, 2]]), np.array([[1, 1, 2, 2, 2, 2]])
partitions = hnp.arrays(np.int32, (5, 7), elements=st.integers(1, 5))


def test_small_example_by_hand() -> None:
    """Covering: (2 * 2/3 + 4 * 3/4) / 6 = 13/18; pairs: 10 of 15 agree; bits: 0.540852 + 0.459148."""
    assert_allclose(covering(TARGET, PREDICTED), 13 / 18)
    assert_allclose(covering(PREDICTED, TARGET), 0.708333, atol=5e-7)
    assert_allclose(rand_index(TARGET, PREDICTED), 10 / 15)
    assert_allclose(variation_of_information(TARGET, PREDICTED), 1.0)


@given(partitions, partitions)
def test_laws(a: NDArray[np.int32], b: NDArray[np.int32]) -> None:
    assert covering(a, a) == 1
    assert rand_index(a, a) == 1
    assert_allclose(variation_of_information(a, a), 0, atol=1e-12)
    assert 0 < covering(a, b) <= 1
    assert_allclose(rand_index(a, b), rand_index(b, a))
    assert_allclose(variation_of_information(a, b), variation_of_information(b, a), atol=1e-12)
    far = np.array([0, 3, 9, 2**30, 7, 4])[a]  # other names, so far apart that the table is sorted instead of counted
    for score in (covering, rand_index, variation_of_information):
        assert_allclose(score(far, b), score(a, b), atol=1e-12)


def test_scores_match_scikit_image(rng: np.random.Generator) -> None:
    metrics = pytest.importorskip("skimage.metrics")
    a, b = rng.integers(1, 9, (2, 40, 50))
    assert_allclose(variation_of_information(a, b), metrics.variation_of_information(a, b).sum())


def test_rand_index_matches_scikit_learn(rng: np.random.Generator) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    a, b = rng.integers(1, 9, (2, 40, 50))
    assert_allclose(rand_index(a, b), metrics.rand_score(a.ravel(), b.ravel()))


def test_pixels_without_region_are_left_out() -> None:
    target = np.concatenate([TARGET, [[0, 0, 0, 1, 1, 1]]])
    predicted = np.concatenate([PREDICTED, [[1, 2, 1, 0, 0, 0]]])
    assert partition_scores([target], predicted) == partition_scores([TARGET], PREDICTED)


def test_family_takes_the_best_per_set_image_and_region() -> None:
    whole, halves = np.ones((1, 6), int), PREDICTED
    images = [family_agreement([TARGET], [whole, halves]), family_agreement([whole], [whole, halves])]
    summary = summarize_families(images)
    # image 1: whole covers 2 * 2/6 + 4 * 4/6 = 10/3, halves 13/3; image 2: whole 6, halves 6 * 1/2 = 3
    assert_allclose(summary.covering, [(10 / 3 + 6) / 12, (13 / 3 + 3) / 12])
    assert_allclose((summary.covering_ods, summary.covering_ois), ((10 / 3 + 6) / 12, (13 / 3 + 6) / 12))
    assert_allclose(summary.covering_best, (13 / 3 + 6) / 12)
    assert summary.variation_of_information_ois <= summary.variation_of_information_ods
    assert_allclose(summary.rand_index_ois, (10 / 15 + 1) / 2)


@pytest.mark.parametrize(
    ("target", "predicted", "words"),
    [
        (np.ones((2, 3), int), np.ones((3, 2), int), "the same shape"),
        (np.ones((2, 3)), np.ones((2, 3), int), "integers"),
        (np.zeros((2, 3), int), np.ones((2, 3), int), "share labelled pixels"),
        (np.full((2, 3), -1), np.ones((2, 3), int), "numbered from 0"),
        (np.ones(3, int), np.ones(3, int), "height, width"),
    ],
)
def test_bad_input_is_named(target: NDArray[np.int64], predicted: NDArray[np.int64], words: str) -> None:
    for score in (covering, rand_index, variation_of_information):
        with pytest.raises(InputError, match=words):
            score(target, predicted)


def test_families_must_fit() -> None:
    with pytest.raises(InputError, match="0 annotators and a family of 1"):
        family_agreement([], [TARGET])
    one = family_agreement([TARGET], [TARGET])
    with pytest.raises(InputError, match="equal length"):
        summarize_families([one, family_agreement([TARGET], [TARGET, TARGET])])
    with pytest.raises(InputError, match="equal length"):
        summarize_families([one], [1, 2])
    with pytest.raises(InputError, match="equal length"):
        summarize_families([])


@pytest.mark.realdata
def test_scores_equal_those_of_the_benchmarks_own_code(realdata: Path) -> None:
    """All printed digits of `test_4`, which the Matlab code of BSDS500 wrote for five families of segmentations.

    That code writes the scores of each image to a text file in six digits and sums what it reads there.
    """
    folder = realdata / "reference" / "bsds_bench"
    images = []
    for name in IMAGES:
        people = loadmat(folder / "groundTruth" / f"{name}.mat")["groundTruth"].ravel()
        segmentations = loadmat(folder / "segs" / f"{name}.mat")["segs"].ravel()
        image = family_agreement([p["Segmentation"][0, 0] for p in people], list(segmentations))
        images.append(_as_read_from_text(image))
    summary = summarize_families(images)
    printed = folder / "test_4"
    assert _digits(summary.settings, summary.covering) == _read(printed / "eval_cover_th.txt")
    pri_vi = _digits(summary.settings, summary.rand_index, summary.variation_of_information)
    assert pri_vi == _read(printed / "eval_RI_VOI_thr.txt")
    one = _digits([np.argmax(summary.covering) + 1.0], [summary.covering_ods], [summary.covering_ois])
    assert one[0] + _digits([summary.covering_best])[0] == _read(printed / "eval_cover.txt")[0]
    rows = _digits(
        [number + 1.0 for number in range(len(images))],
        [np.argmax(image.covered) + 1.0 for image in images],
        [float(image.covered.max()) / image.n_pixels for image in images],
    )
    assert rows == [row[:3] for row in _read(printed / "eval_cover_img.txt")]  # the last column is no summed score
    best_rand, best_vi = np.argmax(summary.rand_index) + 1, np.argmin(summary.variation_of_information) + 1
    scores = (
        best_rand, summary.rand_index_ods, summary.rand_index_ois,
        best_vi, summary.variation_of_information_ods, summary.variation_of_information_ois,
    )  # fmt: skip
    assert [[f"{v:.6g}" for v in scores]] == _read(printed / "eval_RI_VOI.txt")


def _as_read_from_text(image: FamilyAgreement) -> FamilyAgreement:
    covered, rand, information = (
        np.array([float(f"{value:.6g}") for value in scores])
        for scores in (image.covered, image.rand_index, image.variation_of_information)
    )
    return replace(image, covered=covered, rand_index=rand, variation_of_information=information)


def _digits(*columns: NDArray[np.float64] | list[float]) -> list[list[str]]:
    return [[f"{value:.6g}" for value in row] for row in zip(*columns, strict=True)]


def _read(path: Path) -> list[list[str]]:
    return [line.split() for line in path.read_text().splitlines()]
