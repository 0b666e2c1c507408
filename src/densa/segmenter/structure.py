"""Results that depend on a network's structure alone, computed once per process: a deep network takes seconds."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from fractions import Fraction
from functools import wraps
from typing import Any, TypeVar

import torch
from torch import nn

__all__ = ["once_per_structure"]

_MOST = 256  # results kept of each function
_OF_EVERY_MODULE = frozenset(vars(nn.Module())) - {"training"}
_SIMPLE = (bool, int, float, str, bytes, type(None), Fraction, torch.dtype, torch.memory_format)
Result = TypeVar("Result")


def once_per_structure(function: Callable[[nn.Module, int], Result]) -> Callable[[nn.Module, int], Result]:
    """A function of (network, n_bands) that is called once for all networks of the same structure.

    The structure is the class, the settings and the shapes of every module, so the result must not depend on the values
    of the weights. For a network with more than that (hooks, settings that cannot be compared) the function is always
    called. Reading the result from a model's file instead would trust what the file says.
    """
    known: dict[Hashable, Result] = {}

    @wraps(function)
    def remembered(network: nn.Module, n_bands: int) -> Result:
        structure = _structure(network)
        if structure is None:
            return function(network, n_bands)
        key = (n_bands, structure)
        if key not in known:
            result = function(network, n_bands)
            if len(known) >= _MOST:
                known.clear()
            known[key] = result
            return result
        return known[key]

    return remembered


def _structure(network: nn.Module) -> Hashable | None:
    """Everything that the flow of data through a network can depend on; None where it cannot be compared."""
    parts: list[Hashable] = []
    for name, module in network.named_modules(remove_duplicate=False):
        own = vars(module)
        if any(own[hooks] for hooks in _OF_EVERY_MODULE if hooks.endswith("hooks") and own.get(hooks)):
            return None
        settings = []
        for key in sorted(own.keys() - _OF_EVERY_MODULE - {"training"}):
            value = _frozen(own[key])
            if value is None:
                return None
            settings.append((key, value))
        tensors = (*module.named_parameters(recurse=False), *module.named_buffers(recurse=False))
        shapes = tuple((key, tuple(tensor.shape)) for key, tensor in tensors)
        parts.append((name, type(module), tuple(settings), shapes))
    return tuple(parts)


def _frozen(value: Any) -> Hashable | None:
    """A setting in a form that can be compared; None if it holds more than numbers and text."""
    if isinstance(value, _SIMPLE):
        return type(value), value
    items: list[Any]
    if isinstance(value, list | tuple):
        items = list(value)
    elif isinstance(value, dict):
        items = [part for pair in value.items() for part in pair]
    elif isinstance(value, set | frozenset):
        items = sorted(value, key=repr)
    else:
        return None
    frozen = tuple(_frozen(item) for item in items)
    return None if any(item is None for item in frozen) else (type(value), frozen)
