"""Batch normalisation statistics measured anew after training (SegNet's `compute_bn_statistics`, PAMI 2017).

Method: Statistics measured after training.
Source: SegNet's `compute_bn_statistics` (PAMI 39(12), 2017).
As printed: mean and variance over training images with the final weights.
Departs: nothing.
Held by: tests/training/pieces/test_batch_norm.py.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

__all__ = ["has_batch_norm", "recalibrate_batch_norm"]


def has_batch_norm(network: nn.Module) -> bool:
    """Whether some layer keeps running statistics."""
    return any(isinstance(m, _BatchNorm) and m.track_running_stats for m in network.modules())


@torch.no_grad()
def recalibrate_batch_norm(network: nn.Module, batches: Iterable[Tensor]) -> None:
    """Replace the running statistics by the plain mean over some batches; weights and mode stay as they are.

    The running averages of training lag behind the weights and, with small batches, are noisy. Dropout is off.

    Args:
        network: changed in place; nothing happens without batch normalisation or without batches.
        batches: inputs of the network, normalised, (N, B, H, W) each.

    Examples:
        >>> import torch
        >>> from densa import training
        >>> network = torch.nn.BatchNorm2d(1)
        >>> training.recalibrate_batch_norm(network, [torch.full((2, 1, 4, 4), 3.0)])
        >>> network.running_mean
        tensor([3.])
    """
    modes = {module: module.training for module in network.modules()}
    network.train()  # leaves frozen layers as they are
    layers = [m for m in network.modules() if isinstance(m, _BatchNorm) and m.track_running_stats and m.training]
    momenta = [layer.momentum for layer in layers]
    network.eval()
    started = False
    for images in batches if layers else ():
        if not started:
            for layer in layers:
                layer.reset_running_stats()
                layer.momentum = None  # cumulative mean
                layer.train()
            started = True
        network(images)
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum
    for module, training in modes.items():
        module.training = training
