"""Optimisers: SGD with momentum and AdamW, without decay on biases and normalisation.

Groups of parameters may learn faster than the others, as Caffe's `lr_mult` has it: biases, and the classifier where the
layers below begin with trained weights.
"""

from __future__ import annotations

from collections.abc import Collection

import torch
from torch import nn
from torch.nn.modules.batchnorm import _NormBase

from densa.errors import InputError

__all__ = ["OPTIMIZERS", "make_optimizer", "set_learning_rate"]

OPTIMIZERS = ("adamw", "sgd")
"""The optimisers that `make_optimizer` knows."""


def make_optimizer(
    network: nn.Module,
    name: str = "adamw",
    *,
    learning_rate: float = 1e-3,
    weight_decay: float = 1e-4,
    momentum: float = 0.9,
    bias_rate: float = 1.0,
    classifier_rate: float = 1.0,
    classifier: Collection[str] = (),
) -> torch.optim.Optimizer:
    """Optimiser of a network's parameters.

    Args:
        network: its parameters that need gradients are optimised.
        name: "adamw" (Loshchilov and Hutter 2019) or "sgd" (with momentum, not Nesterov).
        learning_rate: base rate; the schedule multiplies it.
        weight_decay: of convolution kernels; parameters of one dimension (biases, normalisation) have none.
        momentum: of SGD; AdamW uses it as its first beta.
        bias_rate: factor of the rate of biases (not of normalisation); Caffe's networks have 2.
        classifier_rate: factor of the rate of the parameters named by `classifier`; DeepLab has 10.
        classifier: names of parameters.

    Raises:
        InputError: an unknown name.
    """
    norms = {id(p) for m in network.modules() if isinstance(m, _NormBase) for p in m.parameters(recurse=False)}
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for is_kernel in (True, False):
        for key, parameter in network.named_parameters():
            if not parameter.requires_grad or (parameter.ndim > 1) is not is_kernel:
                continue
            factor = 1.0 if is_kernel or id(parameter) in norms else bias_rate
            factor *= classifier_rate if key in classifier else 1.0
            groups.setdefault((factor, weight_decay if is_kernel else 0.0), []).append(parameter)
    listed = [
        {"params": parameters, "weight_decay": decay, "rate_factor": factor, "lr": learning_rate * factor}
        for (factor, decay), parameters in groups.items()
    ]
    if name == "adamw":
        return torch.optim.AdamW(listed, lr=learning_rate, betas=(momentum, 0.999))
    if name == "sgd":
        return torch.optim.SGD(listed, lr=learning_rate, momentum=momentum)
    raise InputError(f"optimizer must be one of {', '.join(OPTIMIZERS)}, got {name!r}")


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Give every group of `make_optimizer` its part of a base rate."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group["rate_factor"]
