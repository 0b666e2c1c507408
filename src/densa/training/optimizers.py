"""Optimisers: SGD with momentum and AdamW, without decay on biases and normalisation."""

from __future__ import annotations

import torch
from torch import nn

from densa.errors import InputError

__all__ = ["OPTIMIZERS", "make_optimizer"]

OPTIMIZERS = ("adamw", "sgd")
"""The optimisers that `make_optimizer` knows."""


def make_optimizer(
    network: nn.Module,
    name: str = "adamw",
    *,
    learning_rate: float = 1e-3,
    weight_decay: float = 1e-4,
    momentum: float = 0.9,
) -> torch.optim.Optimizer:
    """Optimiser of a network's parameters.

    Args:
        network: its parameters that need gradients are optimised.
        name: "adamw" (Loshchilov and Hutter 2019) or "sgd" (with momentum, not Nesterov).
        learning_rate: base rate; the schedule multiplies it.
        weight_decay: of convolution kernels; parameters of one dimension (biases, normalisation) have none.
        momentum: of SGD; AdamW uses it as its first beta.

    Raises:
        InputError: an unknown name.
    """
    parameters = [p for p in network.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    if name == "adamw":
        return torch.optim.AdamW(groups, lr=learning_rate, betas=(momentum, 0.999))
    if name == "sgd":
        return torch.optim.SGD(groups, lr=learning_rate, momentum=momentum)
    raise InputError(f"optimizer must be one of {', '.join(OPTIMIZERS)}, got {name!r}")
