"""The base class of the networks, with defaults for properties that few of them have."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from densa.errors import InputError

__all__ = ["Network", "at_least_float32"]


class Network(nn.Module):
    """Images (N, n_bands, H, W) to logits (N, n_classes, H - 2 * margin, W - 2 * margin).

    By default a network takes images of any size, loses no border, can run in bfloat16 and has no published weights.
    Modules of other classes have the same defaults; see `densa.operators.modules.network_rules`, which also lists
    further methods that a network may have.

    Attributes:
        n_bands: bands of the images.
        n_classes: number of classes.
        output_stride: input pixels per cell of the deepest features.
        margin: pixels that the logits lack on each side.
        needs_float32: bfloat16 would change more than 0.1 % of the labels.
        freezes_statistics: an encoder keeps its statistics of batch normalisation in training.
        imagenet_weights: name in `densa.networks.weights.PUBLISHED` of the weights for `load_weights`; None if there
            are none.

    Examples:
        >>> import torch
        >>> from densa.networks import Network
        >>> class Linear(Network):
        ...     def __init__(self, n_bands, n_classes):
        ...         super().__init__()
        ...         self.n_bands, self.n_classes = n_bands, n_classes
        ...         self.scores = torch.nn.Conv2d(n_bands, n_classes, 1)
        ...     def forward(self, x):
        ...         return self.scores(x)
        ...
        >>> Linear(3, 5)(torch.zeros(1, 3, 32, 48)).shape
        torch.Size([1, 5, 32, 48])
        >>> Linear.output_stride, Linear.margin
        (1, 0)
    """

    n_bands: int
    n_classes: int
    output_stride: int = 1
    margin: int = 0
    needs_float32: bool = False
    imagenet_weights: str | None = None
    freezes_statistics: bool = False

    def input_side(self, side: int) -> int:
        """Smallest height (or width) that the network takes whose logits are at least `side` high (or wide)."""
        return max(side, 1) + 2 * self.margin

    def load_weights(self, source: Path | str) -> None:
        """Load published weights into the encoder: a file of torchvision's, or a name of `PUBLISHED` to download it.

        Raises:
            InputError: there are none for this network, or they do not fit; see `densa.networks.weights`.
        """
        raise InputError(f"there are no published weights for {type(self).__name__}, so {source} cannot be loaded")

    def initialise_from(self, earlier: nn.Module) -> None:
        """Copy the parameters of an earlier stage of the same method.

        Raises:
            InputError: the method has no stages, or the parameters do not fit; the message names the first that
                differs.
        """
        raise InputError(f"{type(self).__name__} has no earlier stage to start from, got {type(earlier).__name__}")


def at_least_float32(x: Tensor) -> Tensor:
    """Convert a tensor of lower precision than float32 to float32; others are returned unchanged."""
    return x.to(torch.promote_types(x.dtype, torch.float32))
