"""Textons and their surroundings by brute force."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from densa.descriptors import Raw, TextonBank, TextonContext
from densa.errors import InputError


def test_lengths_and_constant():
    assert TextonBank().n_features(3) == 17
    assert TextonBank(colour=False).n_features(1) == 11
    assert TextonContext().n_features(3) == 325
    assert TextonContext().halo == TextonBank().halo + 7 == 36 + 7
    found = TextonContext().compute(np.full((3, 30, 40), 200, np.uint8))
    for name, plane in zip(TextonContext().names(3)[:-2], found[:-2], strict=True):
        if "Gaussian" in name and "Laplacian" not in name and "variance" not in name:
            assert_array_equal(plane, plane[0, 0])
        else:
            assert_array_equal(plane, 0, err_msg=name)


def test_cells_by_brute_force(rng):
    bank = TextonBank(bandwidth=0.4, colour=False)
    image = rng.random((1, 20, 25)).astype(np.float32)
    valid = rng.random((20, 25)) < 0.7
    responses, found = bank.compute(image, valid), TextonContext(bank).compute(image, valid)
    n = len(responses)
    assert_array_equal(found[:n], responses)
    pad = [np.pad(a, ((0, 0), (7, 7), (7, 7)), mode="reflect") for a in (responses, valid[None])]
    for y, x in ((0, 0), (4, 24), (10, 12), (19, 3)):
        if not valid[y, x]:
            continue
        for k in range(9):
            top, left = y + 7 + 5 * (k // 3 - 1) - 2, x + 7 + 5 * (k % 3 - 1) - 2
            inside = pad[1][0, top : top + 5, left : left + 5].astype(bool)
            values = pad[0][:, top : top + 5, left : left + 5][:, inside].astype(np.float64)
            cell = found[n + 2 * n * k : n + 2 * n * (k + 1), y, x]
            assert_allclose(cell[0::2], values.mean(axis=1), atol=1e-6)
            assert_allclose(cell[1::2], values.var(axis=1), atol=1e-6)
    rows, columns = np.mgrid[:20, :25]
    assert_allclose(found[-2][valid], (rows / 20)[valid], atol=1e-6)
    assert_allclose(found[-1][valid], abs(columns / 25 - 0.5)[valid], atol=1e-6)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"cell": 4}, "cell"),
        ({"cell": 65}, "cell must be a whole number from 1 to 63"),
        ({"bank": Raw()}, "needs a texton bank, got Raw"),
    ],
)
def test_bad_parameters_are_named(fields, said):
    with pytest.raises(InputError, match=said):
        TextonContext(**fields)
