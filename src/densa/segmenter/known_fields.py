"""Receptive fields that were worked out before in this process: a deep network's takes seconds."""

from __future__ import annotations

from collections.abc import Hashable
from fractions import Fraction
from typing import Any

import torch
from torch import nn

from densa.operators.receptive_field import ReceptiveField, receptive_field

__all__ = ["known_receptive_field"]

_MOST = 256  # fields kept
_fields: dict[Hashable, ReceptiveField] = {}
_OF_EVERY_MODULE = frozenset(vars(nn.Module())) - {"training"}
_SIMPLE = (bool, int, float, str, bytes, type(None), Fraction, torch.dtype, torch.memory_format)


def known_receptive_field(network: nn.Module, n_bands: int) -> ReceptiveField:
    """`receptive_field` of a network, worked out once for all networks of the same structure.

    The structure is the class, the settings and the shapes of every module. A model's file could say its receptive
    field, and say it wrongly; what the network itself shows cannot be wrong.

    Args:
        network: see `densa.operators.receptive_field`.
        n_bands: bands of the images.

    Raises:
        InputError: what `receptive_field` raises.
    """
    structure = _structure(network)
    if structure is None:
        return receptive_field(network, n_bands)
    key = (n_bands, structure)
    field = _fields.get(key)
    if field is None:
        field = receptive_field(network, n_bands)
        if len(_fields) >= _MOST:
            _fields.clear()
        _fields[key] = field
    return field


def _structure(network: nn.Module) -> Hashable | None:
    """Everything that the flow of data through a network can depend on; None where that cannot be told."""
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
    """A setting as something to compare by; None for what is more than numbers and text."""
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
