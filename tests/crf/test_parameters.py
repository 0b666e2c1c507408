"""Parameters of the fully connected CRF: published ones, and what is refused."""

import dataclasses

import pytest

from densa.crf import DEEPLAB_PYTORCH, PUBLISHED, DenseCrf
from densa.errors import InputError


def test_published_parameters():
    assert PUBLISHED["deeplab-pytorch"] is DEEPLAB_PYTORCH
    assert dataclasses.astuple(DEEPLAB_PYTORCH)[:6] == (1, 3, 67, 3, 4, 10)
    assert {name: p.n_iterations for name, p in PUBLISHED.items()} == {
        "krahenbuhl-koltun": 10, "pydensecrf": 5, "deeplab-pytorch": 10, "deconvnet": 10,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: DenseCrf(smooth_px=-1), "above 0"),
        (lambda: DenseCrf(appearance_values=float("nan")), "above 0"),
        (lambda: DenseCrf(appearance_weight=-1), "negative"),
        (lambda: DenseCrf(n_iterations=0), "n_iterations"),
        (lambda: DenseCrf(normalization="sideways"), "normalization"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(InputError, match=message):
        call()
