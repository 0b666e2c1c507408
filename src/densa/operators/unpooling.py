"""Max pooling that records the position of each maximum (switches), and unpooling, which puts values back there
(Zeiler and Fergus 2014; Noh, Hong, Han 2015; Badrinarayanan, Kendall, Cipolla 2017).

Two forms: windows of any size with switches as int64, and 2x2 windows with switches as 2-bit codes, a 32nd of the size
("2 bits for each 2x2 pooling window": SegNet, section 3), which the networks use.

Method: Unpooling by switches.
Source: Zeiler, Fergus 2014, arXiv:1311.2901; Noh et al. 2015; SegNet 2017.
As printed: values return to the places of the maxima, the first maximum of equals.
Departs: nothing; two bits per 2x2 window, as SegNet's section 3 counts them.
Held by: tests/operators/test_unpooling.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numba import njit
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from densa.errors import InputError

__all__ = ["WindowSwitches", "max_pool_2x2", "max_pool_with_switches", "max_unpool", "max_unpool_2x2"]


def max_pool_with_switches(x: Tensor, size: int = 2) -> tuple[Tensor, Tensor]:
    """Maximum of every window of size x size; windows do not overlap, and the last ones may extend beyond the edge.

    Args:
        x: (N, C, H, W), floating point.
        size: side and stride of the windows.

    Returns:
        (N, C, H', W') maxima with H' = ceil(H / size), and as many int64 switches: the position of each maximum in its
        map of `x`, row * W + column; of equal values the first, row by row.

    Raises:
        InputError: not four dimensions, or a size below 1.

    Examples:
        >>> import torch
        >>> from densa import operators
        >>> operators.max_pool_with_switches(torch.tensor([[[[1.0, 4.0, 0.0], [3.0, 2.0, 5.0]]]]))
        (tensor([[[[4., 5.]]]]), tensor([[[[1, 5]]]]))
    """
    if x.dim() != 4 or 0 in x.shape:
        raise InputError(f"x must be (N, C, H, W) and not empty, got the shape {tuple(x.shape)}")
    if size < 1:
        raise InputError(f"size, the side of the windows, must be at least 1, got {size}")
    maxima, switches = F.max_pool2d(x, size, size, ceil_mode=True, return_indices=True)
    return maxima, switches


def max_unpool(x: Tensor, switches: Tensor, output_size: tuple[int, int]) -> Tensor:
    """Put every value at the position of its switch, zeros elsewhere.

    Args:
        x: (N, C, H', W').
        switches: from `max_pool_with_switches`, in the shape of `x`.
        output_size: (H, W) of the map that was pooled, which H' and W' do not determine.

    Returns:
        (N, C, H, W). The adjoint gathers the values at the switches.

    Raises:
        InputError: switches in another shape than the values, or outside the map.

    Examples:
        >>> import torch
        >>> from densa import operators
        >>> x = torch.tensor([[[[1.0, 4.0, 0.0], [3.0, 2.0, 5.0]]]])
        >>> maxima, switches = operators.max_pool_with_switches(x)
        >>> operators.max_unpool(maxima, switches, (2, 3))
        tensor([[[[0., 4., 0.],
                  [0., 0., 5.]]]])
    """
    if x.shape != switches.shape or x.dim() != 4:
        raise InputError(
            f"x and switches must have the same shape (N, C, H, W), got {tuple(x.shape)} and {tuple(switches.shape)}"
        )
    height, width = output_size
    if switches.numel() and not 0 <= int(switches.min()) <= int(switches.max()) < height * width:
        raise InputError(
            f"switches must be in 0..{height * width - 1}, the positions of a map of {height} x {width}, got "
            f"{int(switches.max())}; give the size of the map that was pooled as output_size"
        )
    flat = x.new_zeros(*x.shape[:2], height * width)
    return flat.scatter(2, switches.flatten(2), x.flatten(2)).view(*x.shape[:2], height, width)


@dataclass(frozen=True)
class WindowSwitches:
    """Positions of the maxima of 2x2 windows: 2 bits each, 2 * row + column in the window.

    Attributes:
        packed: (ceil(n / 4),) uint8 for the n windows in memory order; with m bytes, byte i holds windows i, i + m,
            i + 2 m and i + 3 m, from its lowest bits on. On the meta device (shapes without values) torch's int64
            indices instead, which can be traced from pooling to unpooling.
        shape: (N, C, H', W') of the windows.
        size: (H, W) of the map that was pooled.
        channels_last: whether channels are next to each other in memory.

    Examples:
        >>> import torch
        >>> from densa import operators
        >>> maxima, switches = operators.max_pool_2x2(torch.tensor([[[[1.0, 4.0], [3.0, 2.0]]]]))
        >>> switches.codes().item(), switches.indices().item()
        (1, 1)
    """

    packed: Tensor
    shape: tuple[int, int, int, int]
    size: tuple[int, int]
    channels_last: bool

    def indices(self) -> Tensor:
        """(N, C, H', W') int64: row * W + column of each maximum, as in `max_pool_with_switches`."""
        return self.packed if self.packed.is_meta else _indices(self.codes(), self.size[1])

    def codes(self) -> Tensor:
        """(N, C, H', W') uint8 codes, 0 to 3."""
        n, c, h, w = self.shape
        flat = _unpack(self.packed, n * c * h * w)
        return flat.view(n, h, w, c).permute(0, 3, 1, 2) if self.channels_last else flat.view(n, c, h, w)

    def rows(self, first: int, last: int) -> WindowSwitches:
        """The switches of the window rows `first` to `last` - 1."""
        height = min(2 * last, self.size[0]) - 2 * first
        return _switches(self.codes()[:, :, first:last], (height, self.size[1]), self.channels_last)

    @staticmethod
    def joined(parts: Sequence[WindowSwitches]) -> WindowSwitches:
        """The switches of a map from those of its strips, top to bottom; all but the last have even heights."""
        size = (sum(part.size[0] for part in parts), parts[0].size[1])
        return _switches(torch.cat([part.codes() for part in parts], dim=2), size, parts[0].channels_last)


def max_pool_2x2(x: Tensor) -> tuple[Tensor, WindowSwitches]:
    """Maximum of every 2x2 window; those of the last row and column may extend beyond the edge. Differentiable.

    Args:
        x: (N, C, H, W), floating point, of any precision.

    Returns:
        (N, C, ceil(H / 2), ceil(W / 2)) maxima, and their switches; of equal values the first, row by row.

    Raises:
        InputError: not four dimensions, or an empty map.

    Examples:
        >>> import torch
        >>> from densa import operators
        >>> maxima, switches = operators.max_pool_2x2(torch.tensor([[[[1.0, 4.0, 0.0], [3.0, 2.0, 5.0]]]]))
        >>> maxima
        tensor([[[[4., 5.]]]])
        >>> operators.max_unpool_2x2(maxima, switches)
        tensor([[[[0., 4., 0.],
                  [0., 0., 5.]]]])
    """
    if x.dim() != 4 or 0 in x.shape:
        raise InputError(f"pooling takes (N, C, H, W), got the shape {tuple(x.shape)}")
    size, channels_last = (x.shape[2], x.shape[3]), _is_channels_last(x)
    if x.is_meta:
        maxima, packed = F.max_pool2d(x, 2, 2, ceil_mode=True, return_indices=True)
    elif torch.is_grad_enabled() and x.requires_grad:
        maxima, packed = _Pool.apply(x)
    else:
        maxima, packed = _pool(x)
    n, c, h, w = maxima.shape
    return maxima, WindowSwitches(packed, (n, c, h, w), size, channels_last)


def max_unpool_2x2(x: Tensor, switches: WindowSwitches) -> Tensor:
    """Put every value at the position of its window's maximum, zeros elsewhere; differentiable.

    Args:
        x: (N, C, H', W'), of any precision.
        switches: from `max_pool_2x2`, in the shape of `x`.

    Returns:
        (N, C, H, W), the size of the map that was pooled.

    Raises:
        InputError: switches in another shape than the values.

    Examples:
        >>> import torch
        >>> from densa import operators
        >>> maxima, switches = operators.max_pool_2x2(torch.tensor([[[[1.0, 4.0], [3.0, 2.0]]]]))
        >>> operators.max_unpool_2x2(maxima, switches)
        tensor([[[[0., 4.],
                  [0., 0.]]]])
    """
    if tuple(x.shape) != switches.shape:
        raise InputError(f"x must have the shape {switches.shape} of its switches, got {tuple(x.shape)}")
    if switches.packed.is_meta:
        return F.max_unpool2d(x, switches.packed, [2, 2], [2, 2], output_size=switches.size)
    if torch.is_grad_enabled() and x.requires_grad:
        result: Tensor = _Unpool.apply(x, switches)
        return result
    return _unpool(x, switches)


def _switches(codes: Tensor, size: tuple[int, int], channels_last: bool) -> WindowSwitches:
    n, c, h, w = codes.shape
    packed = _pack(codes.permute(0, 2, 3, 1) if channels_last else codes)
    return WindowSwitches(packed, (n, c, h, w), size, channels_last)


class _Pool(torch.autograd.Function):
    """Pooling whose backward pass keeps the packed switches instead of int64 indices."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> tuple[Tensor, Tensor]:
        maxima, packed = _pool(x)
        ctx.save_for_backward(packed)
        ctx.size, ctx.channels_last = (x.shape[2], x.shape[3]), _is_channels_last(x)
        ctx.mark_non_differentiable(packed)
        return maxima, packed

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor, _: Tensor) -> Tensor:
        n, c, h, w = upstream.shape
        return _unpool(upstream, WindowSwitches(ctx.saved_tensors[0], (n, c, h, w), ctx.size, ctx.channels_last))


class _Unpool(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, switches: WindowSwitches) -> Tensor:
        ctx.switches = switches
        return _unpool(x, switches)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor, None]:
        return _gather(upstream, ctx.switches), None


def _pool(x: Tensor) -> tuple[Tensor, Tensor]:
    """Maxima and packed switches."""
    maxima, indices = F.max_pool2d(x, 2, 2, ceil_mode=True, return_indices=True)
    channels_last = _is_channels_last(x)
    if not _compiled(x):
        codes = _codes(indices, x.shape[3])
        return maxima, _pack(codes.permute(0, 2, 3, 1) if channels_last else codes)
    # Contiguous planes are treated as having one channel each: only the memory order matters.
    places = (_by_pixel(indices) if channels_last else indices.contiguous().flatten(0, 1)[..., None]).numpy()
    compact = np.empty(places.shape, np.uint8)
    _encode(places, x.shape[3], compact)
    return maxima, _pack(torch.from_numpy(compact))


def _unpool(x: Tensor, switches: WindowSwitches) -> Tensor:
    x = x.detach()
    if not (switches.channels_last and _compiled(x)):
        layout = torch.channels_last if switches.channels_last else torch.contiguous_format
        indices = switches.indices().contiguous(memory_format=layout)
        return F.max_unpool2d(x.contiguous(memory_format=layout), indices, [2, 2], [2, 2], output_size=switches.size)
    out = x.new_empty(*x.shape[:2], *switches.size).contiguous(memory_format=torch.channels_last)
    _scatter(_bits(x), _by_pixel(switches.codes()).numpy(), _bits(out))
    return out


def _gather(x: Tensor, switches: WindowSwitches) -> Tensor:
    """The value at each switch of (N, C, H, W): the adjoint of `_unpool`."""
    x = x.detach()
    if not (switches.channels_last and _compiled(x)):
        return x.flatten(2).gather(2, switches.indices().flatten(2)).view(switches.shape)
    out = x.new_empty(switches.shape).contiguous(memory_format=torch.channels_last)
    _pick(_bits(x), _by_pixel(switches.codes()).numpy(), _bits(out))
    return out


def _codes(indices: Tensor, width: int) -> Tensor:
    """Codes of torch's indices (N, C, H', W') into a map of the given width."""
    offset = indices - _first_places(indices, width)  # 0, 1, width or width + 1
    return (offset > 0).to(torch.uint8) + (offset >= width) + (offset > width)


def _indices(codes: Tensor, width: int) -> Tensor:
    """Torch's indices of codes (N, C, H', W')."""
    return _first_places(codes, width) + (codes & 1) + width * (codes >> 1).long()


def _first_places(windows: Tensor, width: int) -> Tensor:
    rows, columns = (torch.arange(n, device=windows.device) for n in windows.shape[-2:])
    return 2 * width * rows[:, None] + 2 * columns


def _pack(codes: Tensor) -> Tensor:
    flat = codes.reshape(-1)
    n_bytes = -(-flat.numel() // 4)
    quarters = F.pad(flat, (0, 4 * n_bytes - flat.numel())).view(4, n_bytes)
    return quarters[0] | quarters[1] << 2 | quarters[2] << 4 | quarters[3] << 6


def _unpack(packed: Tensor, n: int) -> Tensor:
    shifts = torch.arange(0, 8, 2, dtype=torch.uint8, device=packed.device)
    return (packed >> shifts[:, None] & 3).view(-1)[:n]


def _is_channels_last(x: Tensor) -> bool:
    return x.is_contiguous(memory_format=torch.channels_last)


def _compiled(x: Tensor) -> bool:
    """Whether the compiled kernels apply: on the CPU, and not while torch traces the network."""
    return x.device.type == "cpu" and not torch.compiler.is_compiling()


def _by_pixel(x: Tensor) -> Tensor:
    """(N, H, W, C) view of a tensor in channels-last memory format, to which it is converted if necessary."""
    return x.contiguous(memory_format=torch.channels_last).permute(0, 2, 3, 1)


_SAME_SIZE = {2: torch.int16, 4: torch.int32, 8: torch.int64}


def _bits(x: Tensor) -> NDArray[Any]:
    """(N, H, W, C) view of the values as integers of the same size, since they are only copied."""
    bits: NDArray[Any] = _by_pixel(x).view(_SAME_SIZE[x.element_size()]).numpy()
    return bits


@njit(nogil=True, cache=True)
def _encode(indices: NDArray[np.int64], width: int, codes: NDArray[np.uint8]) -> None:
    """Codes of torch's indices, (N, H', W', C)."""
    for n in range(indices.shape[0]):
        for row in range(indices.shape[1]):
            for column in range(indices.shape[2]):
                first = 2 * (row * width + column)
                for k in range(indices.shape[3]):
                    offset = indices[n, row, column, k] - first
                    codes[n, row, column, k] = (
                        np.uint8(offset > 0) + np.uint8(offset >= width) + np.uint8(offset > width)
                    )


@njit(nogil=True, cache=True)
def _scatter(values: NDArray[Any], codes: NDArray[np.uint8], out: NDArray[Any]) -> None:
    """Fill `out` (N, H, W, C): every element is written once, row by row."""
    zero = values.dtype.type(0)
    for n in range(out.shape[0]):
        for row in range(out.shape[1]):
            for column in range(out.shape[2]):
                here = 2 * (row & 1) + (column & 1)
                for k in range(out.shape[3]):
                    chosen = codes[n, row >> 1, column >> 1, k] == here
                    out[n, row, column, k] = values[n, row >> 1, column >> 1, k] if chosen else zero


@njit(nogil=True, cache=True)
def _pick(values: NDArray[Any], codes: NDArray[np.uint8], out: NDArray[Any]) -> None:
    for n in range(out.shape[0]):
        for row in range(out.shape[1]):
            for column in range(out.shape[2]):
                for k in range(out.shape[3]):
                    code = codes[n, row, column, k]
                    out[n, row, column, k] = values[n, 2 * row + (code >> 1), 2 * column + (code & 1), k]
