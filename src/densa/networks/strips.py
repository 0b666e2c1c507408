"""Levels of encoders and decoders that are joined by switches alone, computed in strips of rows.

Such levels pass on pooled maps and 2-bit switches, but no map of their own size. If nothing has to be stored for a
gradient, a level can be computed in strips, each read with the rows around it on which its convolutions depend: the
same values, in a fraction of the memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn

from densa.operators.unpooling import WindowSwitches, max_pool_2x2, max_unpool_2x2

__all__ = ["convolve_and_pool", "unpool_and_convolve"]

STRIP_BYTES = 2**23  # size of a strip's largest map


def convolve_and_pool(stage: nn.Module, x: Tensor) -> tuple[Tensor, WindowSwitches]:
    """`max_pool_2x2(stage(x))`, in strips if the maps are large and no gradient is needed.

    Args:
        stage: convolutions of stride 1 that keep the size of the map, and pointwise layers.
        x: (N, C, H, W).
    """
    height, width = x.shape[-2:]
    strips = _strips(stage, x, height, width)
    if len(strips) < 2:
        return max_pool_2x2(stage(x))
    switches = []

    def parts() -> Iterator[Tensor]:
        for strip in strips:
            pooled, where = max_pool_2x2(stage(x[:, :, strip.first : strip.last])[:, :, strip.kept])
            switches.append(where)
            yield pooled

    return _stacked(parts(), -(-height // 2)), WindowSwitches.joined(switches)


def unpool_and_convolve(stage: nn.Module, x: Tensor, switches: WindowSwitches) -> Tensor:
    """`stage(max_unpool_2x2(x, switches))`, in strips if the maps are large and no gradient is needed.

    Args:
        stage: see `convolve_and_pool`.
        x: (N, C, H', W'), one value per switch.
        switches: switches of the level's pooling.
    """
    height, width = switches.size
    strips = _strips(stage, x, height, width)
    if len(strips) < 2:
        return stage(max_unpool_2x2(x, switches))

    def parts() -> Iterator[Tensor]:
        for strip in strips:
            first, last = strip.first // 2, -(-strip.last // 2)
            yield stage(max_unpool_2x2(x[:, :, first:last], switches.rows(first, last)))[:, :, strip.kept]

    return _stacked(parts(), height)


class _Strip(NamedTuple):
    """Rows `first` to `last` - 1 of a map are read, and the rows `kept` of the result are used."""

    first: int
    last: int
    kept: slice


def _strips(stage: nn.Module, x: Tensor, height: int, width: int) -> list[_Strip]:
    """Strips of a map that begin at even rows; none if the map is computed as a whole."""
    kept_for_later = stage.training or torch.is_grad_enabled()
    if kept_for_later or x.is_meta or x.shape[0] > 1 or torch.compiler.is_compiling():
        return []
    convolutions = [layer for layer in stage.modules() if isinstance(layer, nn.Conv2d)]
    halo = sum(layer.kernel_size[0] // 2 for layer in convolutions)
    halo += halo % 2
    n_channels = max(n for layer in convolutions for n in (layer.in_channels, layer.out_channels))
    rows = max(STRIP_BYTES // (n_channels * width * x.element_size()), 4 * halo) // 2 * 2
    strips = []
    for row in range(0, height, rows):
        first, last = max(row - halo, 0), min(row + rows + halo, height)
        strips.append(_Strip(first, last, slice(row - first, min(row + rows, height) - first)))
    return strips


def _stacked(parts: Iterator[Tensor], height: int) -> Tensor:
    """The parts stacked vertically; each is released after it was copied."""
    whole, row = torch.empty(0), 0
    for part in parts:
        if not row:
            whole = part.new_empty(*part.shape[:2], height, part.shape[3])
            if part.is_contiguous(memory_format=torch.channels_last):
                whole = whole.contiguous(memory_format=torch.channels_last)
        whole[:, :, row : row + part.shape[2]] = part
        row += part.shape[2]
    return whole
