"""Exponential moving average of a network's weights (Polyak averaging as Tarvainen and Valpola 2017 use it)."""

from __future__ import annotations

import copy

import torch
from torch import nn

__all__ = ["make_average", "update_average"]


def make_average(network: nn.Module) -> nn.Module:
    """A copy of a network that holds averaged weights; it has no gradients."""
    return copy.deepcopy(network).eval().requires_grad_(False)


@torch.no_grad()
def update_average(average: nn.Module, network: nn.Module, decay: float, step: int) -> None:
    """average = d average + (1 - d) network, in place; buffers that are not float are copied.

    Args:
        average: made by `make_average`.
        network: the network in training.
        decay: d from 0 to below 1; in early steps d = (1 + step) / (10 + step) where that is less.
        step: optimiser steps done.
    """
    weight = 1 - min(decay, (1 + step) / (10 + step))
    own, other = average.state_dict(), network.state_dict()
    floats = [name for name, tensor in own.items() if tensor.is_floating_point()]
    torch._foreach_lerp_([own[n] for n in floats], [other[n] for n in floats], weight)
    for name in own.keys() - set(floats):
        own[name].copy_(other[name])
