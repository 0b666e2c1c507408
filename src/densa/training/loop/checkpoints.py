"""Checkpoints of a run: all that a resumed run needs, in one safetensors file that is replaced atomically.

Tensors (network, averaged network, optimiser) are stored by name, the rest as JSON in the file's header. There is
no pickle, so that reading a checkpoint runs no code. Random numbers need no state: they follow from (seed, step).
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from densa.errors import InputError
from densa.raster import atomic_output

__all__ = ["RunState", "load_checkpoint", "save_checkpoint"]

_FORMAT = "densa checkpoint 1"


@dataclass
class RunState:
    """State of a run.

    Attributes:
        step: optimiser steps done.
        seconds: seconds trained, over all sessions.
        validated_at: step of the last validation.
        n_validations: validations done.
        best: highest mean IoU on the validation images so far; -1 before the first.
        best_step: its step.
        n_worse: validations since then, for early stopping.
        n_validated: images of each validation, chosen by the first; 0 before it.
        n_held_out: images of the validation split.
        validation_seconds: seconds of all validations.
        validation_cost: seconds of the last validation.
        context: patch size -> batches and their score, where sizes are drawn (see `densa.training.patch_sizes.policy`).
    """

    step: int = 0
    seconds: float = 0.0
    validated_at: int = 0
    n_validations: int = 0
    best: float = -1.0
    best_step: int = 0
    n_worse: int = 0
    n_validated: int = 0
    n_held_out: int = 0
    validation_seconds: float = 0.0
    validation_cost: float = 0.0
    context: dict[str, list[float]] = field(default_factory=dict)


def save_checkpoint(
    path: Path,
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    state: RunState,
    *,
    average: nn.Module | None = None,
    arguments: dict[str, Any] | None = None,
) -> None:
    """Write a checkpoint; a complete file replaces the previous one.

    Args:
        path: the .safetensors file.
        network: its parameters and buffers are stored.
        optimizer: its tensors are stored (moments, step counts); rates and groups come from the run's settings.
        state: of the run.
        average: the averaged network, where there is one.
        arguments: settings that determine the weights; `load_checkpoint` compares them.

    Raises:
        InputError: the file cannot be written (full disk, no permission).
    """
    tensors = _tensors(network, optimizer, average)
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    header = {"format": _FORMAT, "state": json.dumps(asdict(state)), "arguments": json.dumps(arguments or {})}
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_output(path, overwrite=True) as temporary:
        try:
            save_file(tensors, temporary, metadata=header)
        except SafetensorError as error:
            raise InputError(f"checkpoint {path} cannot be written: {error}; make room on the disk") from error


def load_checkpoint(
    path: Path,
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    *,
    average: nn.Module | None = None,
    arguments: dict[str, Any] | None = None,
) -> RunState:
    """Load a checkpoint into the network, the averaged network and the optimiser.

    Raises:
        InputError: no such file, not a checkpoint, one of another network, or one whose run had other arguments.
    """
    if not path.is_file():
        raise InputError(f"no checkpoint {path} to resume from; train with overwrite=True, or into another folder")
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            if header.get("format") != _FORMAT:
                raise InputError(f"{path} is not a checkpoint of densa; resume a folder that densa train wrote")
            _compare(path, json.loads(header["arguments"]), arguments)
            state = _state(json.loads(header["state"]))
            stored = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except (SafetensorError, OSError, KeyError, TypeError, json.JSONDecodeError) as error:
        raise InputError(
            f"checkpoint {path} cannot be read: {error}; begin the training anew with overwrite=True"
        ) from error
    modules = {"network": network} if average is None else {"network": network, "average": average}
    for prefix, module in modules.items():
        _load_module(path, module, {k.removeprefix(f"{prefix}."): v for k, v in stored.items() if k.startswith(prefix)})
    _load_optimizer(path, optimizer, {k: v for k, v in stored.items() if k.startswith("optimizer.")})
    return state


def _tensors(network: nn.Module, optimizer: torch.optim.Optimizer, average: nn.Module | None) -> dict[str, Tensor]:
    tensors = {f"network.{name}": tensor for name, tensor in network.state_dict().items()}
    if average is not None:
        tensors |= {f"average.{name}": tensor for name, tensor in average.state_dict().items()}
    for number, values in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{number}.{name}": v for name, v in values.items() if isinstance(v, Tensor)}
    return tensors


def _load_module(path: Path, module: nn.Module, stored: dict[str, Tensor]) -> None:
    own = module.state_dict()
    if {k: v.shape for k, v in own.items()} != {k: v.shape for k, v in stored.items()}:
        raise InputError(f"checkpoint {path} is of another network; resume with the arguments of that run")
    with torch.no_grad():
        for name, tensor in own.items():
            tensor.copy_(stored[name])


def _load_optimizer(path: Path, optimizer: torch.optim.Optimizer, stored: dict[str, Tensor]) -> None:
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for key, tensor in stored.items():
        number, name = int(key.split(".")[1]), key.split(".")[2]
        if number >= len(parameters) or tensor.shape not in (parameters[number].shape, ()):
            raise InputError(f"checkpoint {path} is of another network; resume with the arguments of that run")
        if tensor.ndim:  # the parameter's memory format: the same loops, so the same last bits
            tensor = torch.empty_like(parameters[number]).copy_(tensor)
        state.setdefault(number, {})[name] = tensor
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def _state(content: dict[str, Any]) -> RunState:
    state = RunState(**content)
    for name, default in asdict(RunState()).items():
        value, known = getattr(state, name), (dict,) if isinstance(default, dict) else (int, type(default))
        if not isinstance(value, known) or (not isinstance(value, dict) and value < -1):
            raise TypeError(f"{name} is {getattr(state, name)!r}")
    return state


def _compare(path: Path, then: dict[str, Any], now: dict[str, Any] | None) -> None:
    if now is None:
        return
    now = json.loads(json.dumps(now))  # tuples are lists in JSON
    other = [name for name in sorted({*then, *now}) if then.get(name) != now.get(name)]
    if other:
        listed = ", ".join(f"{name} was {then.get(name)!r} and is {now.get(name)!r}" for name in other[:5])
        raise InputError(f"{path} is of a run with other arguments: {listed}; resume with those of that run")
