import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from densa.errors import InputError
from densa.training.pieces.border_weights import border_weights
from densa.training.pieces.losses import cross_entropy


def _batch(seed=0):
    g = torch.Generator().manual_seed(seed)
    logits = torch.randn(2, 3, 4, 5, generator=g, requires_grad=True)
    target = torch.randint(0, 3, (2, 4, 5), generator=g)
    return logits, target


def test_by_hand():
    # two labelled pixels, uniform logits over 2 classes: each costs log 2; weights 3 and 1 -> (3 + 1) log 2 / 2
    logits = torch.zeros(1, 2, 1, 3)
    target = torch.tensor([[[0, 1, 255]]])
    loss = cross_entropy(logits, target, class_weights=torch.tensor([3.0, 1.0]))
    assert loss.item() == pytest.approx(2 * math.log(2))
    weights = torch.tensor([[[2.0, 5.0, 100.0]]])
    # a pixel's weight adds to its class's: (1 + 2) + (1 + 5), and with class weights (3 + 2) + (1 + 5)
    assert cross_entropy(logits, target, pixel_weights=weights).item() == pytest.approx(4.5 * math.log(2))
    both = cross_entropy(logits, target, class_weights=torch.tensor([3.0, 1.0]), pixel_weights=weights)
    assert both.item() == pytest.approx(5.5 * math.log(2))


def test_background_between_two_cells_weighs_as_unet_prints_it():
    """w_c + w0 exp(-(d1 + d2)^2 / (2 sigma^2)), here 0.625 + 10 exp(-4 / 50) = 9.856: not 0.625 (1 + 9.231) = 6.39."""
    row = np.array([[1, 0, 2]])
    border = torch.from_numpy(border_weights(row))[None]
    weights = torch.tensor([0.625, 2.5])
    loss = cross_entropy(
        torch.zeros(1, 2, 1, 3), torch.tensor([[[1, 0, 1]]]), class_weights=weights, pixel_weights=border
    )
    between = 3 * loss.item() / math.log(2) - 2 * 2.5
    assert between == pytest.approx(0.625 + 10 * math.exp(-4 / 50), rel=1e-5)
    assert between == pytest.approx(9.856, abs=1e-3)


def test_equals_torch_mean_without_weights():
    logits, target = _batch()
    target[0, 0] = 255
    torch.testing.assert_close(cross_entropy(logits, target), F.cross_entropy(logits, target, ignore_index=255))


def test_ignored_pixels_have_no_gradient():
    logits, target = _batch()
    target[0, :2] = 255
    cross_entropy(logits, target, pixel_weights=torch.ones(2, 4, 5)).backward()
    assert logits.grad[0, :, :2].abs().max() == 0
    assert logits.grad[0, :, 2:].abs().min() > 0


@pytest.mark.parametrize("weighted", [False, True])
def test_no_labelled_pixel_is_zero_with_zero_gradient(weighted):
    logits, target = _batch()
    loss = cross_entropy(
        logits,
        torch.full_like(target, 255),
        class_weights=torch.ones(3) if weighted else None,
        pixel_weights=torch.ones(2, 4, 5) if weighted else None,
    )
    loss.backward()
    assert loss.item() == 0
    assert torch.equal(logits.grad, torch.zeros_like(logits))


def test_shapes_are_checked():
    logits, target = _batch()
    with pytest.raises(InputError, match=r"\(N, H, W\)"):
        cross_entropy(logits, target[:, 1:])
    with pytest.raises(InputError, match="3 classes need"):
        cross_entropy(logits, target, class_weights=torch.ones(2))
    with pytest.raises(InputError, match="pixel weights"):
        cross_entropy(logits, target, pixel_weights=torch.ones(2, 5, 4))
