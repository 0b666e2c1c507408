"""A network prepared for inference: batch normalisation folded away, channels last, bfloat16 where it is faster."""

from __future__ import annotations

import copy
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from densa.errors import InputError
from densa.operators.modules import network_rules, without_data
from densa.segmenter.structure import once_per_structure

__all__ = ["choose_device", "choose_precision", "multiplies_bfloat16", "prepare"]


def choose_device(device: str) -> torch.device:
    """The device of that name; "auto" is a CUDA device where there is one.

    Raises:
        InputError: an unknown name, or no such device on this machine.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        chosen = torch.device(device)
    except RuntimeError as error:
        raise InputError(f'device must be "auto", "cpu" or "cuda", got {device!r}') from error
    if chosen.type == "cuda" and not torch.cuda.is_available():
        raise InputError(f'torch finds no CUDA device here, got device={device!r}; choose "cpu" or "auto"')
    if chosen.type == "cuda" and (chosen.index or 0) >= torch.cuda.device_count():
        raise InputError(
            f"device must be one of {torch.cuda.device_count()} CUDA devices, counted from 0, got {device}"
        )
    return chosen


def choose_precision(precision: str, device: torch.device) -> torch.dtype:
    """The data type of that name; "auto" is bfloat16 where the device multiplies it faster than float32.

    Raises:
        InputError: an unknown name.
    """
    if precision == "auto":
        return torch.bfloat16 if multiplies_bfloat16(device) else torch.float32
    if precision not in {"float32", "bfloat16"}:
        raise InputError(f'precision must be "auto", "float32" or "bfloat16", got {precision!r}')
    return torch.bfloat16 if precision == "bfloat16" else torch.float32


def multiplies_bfloat16(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 faster than float32."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    # Other processors emulate it, slower than float32 (measured: AVX-512 without BF16).
    tests = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    if device.type != "cpu" or not any(getattr(torch.cpu, test, bool)() for test in tests):
        return False
    # What the processor has may be switched off, as by ATEN_CPU_CAPABILITY; oneDNN then refuses bfloat16.
    supported = getattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", None)
    return bool(supported and supported())


def prepare(network: nn.Module, n_bands: int, device: torch.device, dtype: torch.dtype) -> nn.Module:
    """A copy of the network that is faster in inference and gives the same scores up to rounding.

    Args:
        network: maps (1, n_bands, H, W) to scores; left as it is.
        n_bands: bands of the images.
        device, dtype: where it will run and in what precision; in bfloat16, the last layer stays in float32.

    Returns:
        The copy, in evaluation mode, for channels-last images of `dtype`.
    """
    pairs, last = _layers(network, n_bands)
    ready = copy.deepcopy(network).eval().requires_grad_(False)
    for convolution, normalisation in pairs:
        fused: nn.Module = fuse_conv_bn_eval(
            cast(nn.Conv2d, ready.get_submodule(convolution)), cast(nn.BatchNorm2d, ready.get_submodule(normalisation))
        )
        ready.set_submodule(convolution, fused)
        ready.set_submodule(normalisation, nn.Identity())
    # Scores rounded to bfloat16's 8 bits tie; one layer in float32 costs little and keeps most labels from changing.
    head = copy.deepcopy(ready.get_submodule(last)) if last else nn.Identity()
    ready = _channels_last(ready.to(device, dtype))
    if last and dtype == torch.bfloat16:
        ready.set_submodule(last, _InFloat32(_channels_last(head.to(device))))
    return ready


def _channels_last(network: nn.Module) -> nn.Module:
    for parameter in network.parameters():
        if parameter.dim() == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    return network


class _InFloat32(nn.Module):
    """A layer that converts its input to float32."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x.float())


@once_per_structure
def _layers(network: nn.Module, n_bands: int) -> tuple[list[tuple[str, str]], str | None]:
    """Names of every convolution with the batch normalisation that it feeds, and of the one that gives the scores.

    They are found by running the network without data, so it does not matter how the layers are stored.
    """
    twin = without_data(network)
    made: dict[int, tuple[str, Tensor]] = {}  # holds the tensors, so that no id is used twice
    calls: dict[str, int] = {}
    pairs = []

    def watch(name: str, module: nn.Module) -> None:
        def hook(_: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> None:
            calls[name] = calls.get(name, 0) + 1
            if isinstance(module, nn.BatchNorm2d):
                if id(inputs[0]) in made:
                    pairs.append((made[id(inputs[0])][0], name))
            else:
                made[id(output)] = (name, output)

        module.register_forward_hook(hook)

    for name, module in twin.named_modules():
        if isinstance(module, nn.Conv2d | nn.BatchNorm2d):
            watch(name, module)
    side = network_rules(twin).input_side(64)
    with torch.no_grad():
        scores = twin(torch.empty(1, n_bands, side, side, device="meta"))
    pairs = [(a, b) for a, b in pairs if calls[a] == calls[b] == 1]  # a layer used twice keeps its normalisation
    return pairs, made[id(scores)][0] if id(scores) in made else None
