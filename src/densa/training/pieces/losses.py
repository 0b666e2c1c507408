"""Cross entropy over the pixels that have a label (U-Net's energy: Ronneberger et al. 2015, section 3).

The weight of a pixel is w(x) = w_c(x) + w_0 exp(...), as in the paper: the weight of its class plus the border weight
of `densa.training.border_weights`. Departure: the sum is divided by the number of labelled pixels.

Method: Weighted cross entropy.
Source: Ronneberger, Fischer, Brox 2015, arXiv:1505.04597, equation 1.
As printed: the weight of a pixel is w_c + w_0 exp(...).
Departs: the sum is divided by the number of labelled pixels.
Held by: tests/training/pieces/test_losses.py.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from densa.errors import InputError
from densa.legend import IGNORE

__all__ = ["count_labelled", "cross_entropy", "summed_cross_entropy"]


def cross_entropy(
    logits: Tensor,
    target: Tensor,
    *,
    class_weights: Tensor | None = None,
    pixel_weights: Tensor | None = None,
    ignore_index: int = IGNORE,
) -> Tensor:
    """Weighted cross entropy: sum over the labelled pixels, divided by their number.

    -1/n sum_x (w_class(l(x)) + w(x)) log p_l(x)(x). The divisor is the number of labelled pixels, not the sum of the
    weights: a batch of rare classes has a loss in proportion to their weights.

    Args:
        logits: (N, C, H, W), any float type; summed in float32.
        target: (N, H, W) int64 class of each pixel, or `ignore_index`.
        class_weights: (C,) factor per class, or None for 1.
        pixel_weights: (N, H, W) added to the class's factor of each pixel, or None for 0.
        ignore_index: label of the pixels left out.

    Returns:
        A scalar. Without a labelled pixel it is 0, and so is its gradient.

    Raises:
        InputError: shapes that do not fit each other.

    Examples:
        >>> import torch
        >>> from densa import training
        >>> logits = torch.zeros(1, 4, 2, 2)
        >>> target = torch.tensor([[[0, 1], [2, 255]]])
        >>> round(training.cross_entropy(logits, target).item(), 4)  # log(4)
        1.3863
    """
    total = summed_cross_entropy(
        logits, target, class_weights=class_weights, pixel_weights=pixel_weights, ignore_index=ignore_index
    )
    return total / count_labelled(target, ignore_index=ignore_index).clamp(min=1)


def summed_cross_entropy(
    logits: Tensor,
    target: Tensor,
    *,
    class_weights: Tensor | None = None,
    pixel_weights: Tensor | None = None,
    ignore_index: int = IGNORE,
) -> Tensor:
    """The sum in `cross_entropy` before its division; parts of a batch (micro-batches, processes) add up."""
    _check(logits, target, class_weights, pixel_weights)
    if pixel_weights is None:
        return F.cross_entropy(logits.float(), target, weight=class_weights, ignore_index=ignore_index, reduction="sum")
    losses = F.cross_entropy(logits.float(), target, ignore_index=ignore_index, reduction="none")  # 0 where ignored
    of_class = 1 if class_weights is None else class_weights[target.where(target != ignore_index, 0)]
    return (losses * (of_class + pixel_weights)).sum()


def count_labelled(target: Tensor, *, ignore_index: int = IGNORE) -> Tensor:
    """Number of pixels whose label is not `ignore_index`, an int64 scalar on the target's device."""
    return (target != ignore_index).sum()


def _check(logits: Tensor, target: Tensor, class_weights: Tensor | None, pixel_weights: Tensor | None) -> None:
    if logits.ndim != 4 or target.shape != (logits.shape[0], *logits.shape[2:]):
        raise InputError(
            f"logits must be (N, C, H, W) and target (N, H, W), got {tuple(logits.shape)} and {tuple(target.shape)}"
        )
    if class_weights is not None and class_weights.shape != (logits.shape[1],):
        raise InputError(f"{logits.shape[1]} classes need as many class weights, got {tuple(class_weights.shape)}")
    if pixel_weights is not None and pixel_weights.shape != target.shape:
        raise InputError(
            f"pixel weights must be {tuple(target.shape)} like the target, got {tuple(pixel_weights.shape)}"
        )
