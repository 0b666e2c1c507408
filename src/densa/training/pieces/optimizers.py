"""Optimisers: SGD with momentum and AdamW, without decay on biases and normalisation.

Groups of parameters may learn faster than the others, as with Caffe's `lr_mult`: biases, and the classifier where the
layers below start from trained weights.
"""

from __future__ import annotations

from collections.abc import Collection

import torch
from torch import nn
from torch.nn.modules.batchnorm import _NormBase

from densa.training.settings import Optimisation

__all__ = ["make_optimizer", "set_learning_rate"]


def make_optimizer(
    network: nn.Module, settings: Optimisation, *, classifier: Collection[str] = ()
) -> torch.optim.Optimizer:
    """Optimiser of a network's parameters.

    Args:
        network: its parameters that need gradients are optimised.
        settings: `optimizer` is "adamw" (Loshchilov and Hutter 2019) or "sgd" (with momentum, not Nesterov).
            `weight_decay` is that of convolution kernels; parameters of one dimension (biases, normalisation) have
            none. `momentum` is AdamW's first beta, too. `bias_rate` is the factor of the rate of biases (not of
            normalisation), 2 in Caffe's networks; `classifier_rate` that of the parameters in `classifier`, 10 in
            DeepLab; `encoder_rate` that of the parameters below "encoder", for encoders with trained weights.
        classifier: names of parameters.
    """
    learning_rate, momentum = settings.learning_rate, settings.momentum
    norms = {id(p) for m in network.modules() if isinstance(m, _NormBase) for p in m.parameters(recurse=False)}
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for is_kernel in (True, False):
        for key, parameter in network.named_parameters():
            if not parameter.requires_grad or (parameter.ndim > 1) is not is_kernel:
                continue
            factor = 1.0 if is_kernel or id(parameter) in norms else settings.bias_rate
            factor *= settings.classifier_rate if key in classifier else 1.0
            factor *= settings.encoder_rate if key.startswith("encoder.") else 1.0
            groups.setdefault((factor, settings.weight_decay if is_kernel else 0.0), []).append(parameter)
    listed = [
        {"params": parameters, "weight_decay": decay, "rate_factor": factor, "lr": learning_rate * factor}
        for (factor, decay), parameters in groups.items()
    ]
    if settings.optimizer == "adamw":
        return torch.optim.AdamW(listed, lr=learning_rate, betas=(momentum, 0.999))
    return torch.optim.SGD(listed, lr=learning_rate, momentum=momentum)


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Set the rate of every group of `make_optimizer`: the base rate times the group's factor."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group["rate_factor"]
