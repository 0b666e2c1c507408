"""Upsampling without parameters: nearest neighbour, bed of nails, bilinear; and bilinear as a transposed convolution,
whose kernel may be learned (Long, Shelhamer, Darrell 2015, section 3.3; `surgery.py` of their code).

Method: Upsampling.
Source: Long, Shelhamer, Darrell 2015, arXiv:1411.4038, section 3.3; `surgery.py` of their code.
As printed: bilinear kernel of a transposed convolution, fixed or learned.
Departs: the border may be repeated in place of fading to zero, on request.
Held by: tests/operators/test_upsampling.py.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from densa.errors import InputError

__all__ = ["BilinearUpsampling", "bed_of_nails", "bilinear", "bilinear_kernel", "nearest"]

_CONVENTIONS = ("half-pixel", "corners", "top-left")


def nearest(x: Tensor, factor: int = 2) -> Tensor:
    """Repeat every value `factor` times along both axes.

    Args:
        x: (..., H, W), any type.
        factor: at least 1.

    Returns:
        (..., factor * H, factor * W). The adjoint sums over the cells.

    Raises:
        InputError: no rows and columns, or a factor below 1.

    Examples:
        >>> import torch
        >>> from densa import operators
        >>> operators.nearest(torch.tensor([[1, 2]]))
        tensor([[1, 1, 2, 2],
                [1, 1, 2, 2]])
    """
    _check(x, factor)
    return x.repeat_interleave(factor, dim=-2).repeat_interleave(factor, dim=-1)


def bed_of_nails(x: Tensor, factor: int = 2) -> Tensor:
    """Put every value at the top left of its cell of factor x factor, zeros elsewhere.

    Args:
        x: (..., H, W), any type.
        factor: at least 1.

    Returns:
        (..., factor * H, factor * W). The adjoint samples every `factor`-th row and column.

    Raises:
        InputError: no rows and columns, or a factor below 1.

    Examples:
        >>> import torch
        >>> from densa import operators
        >>> operators.bed_of_nails(torch.tensor([[1, 2]]))
        tensor([[1, 0, 2, 0],
                [0, 0, 0, 0]])
    """
    _check(x, factor)
    nails = x.new_zeros(*x.shape[:-2], factor * x.shape[-2], factor * x.shape[-1])
    nails[..., ::factor, ::factor] = x
    return nails


def bilinear(x: Tensor, factor: int = 2, *, convention: str = "half-pixel") -> Tensor:
    """Interpolate bilinearly between the four nearest values; beyond the outermost ones the edge is repeated.

    Args:
        x: (..., H, W), floating point.
        factor: at least 1.
        convention: position of output i in the input's coordinates: "half-pixel", (i + 1/2) / factor - 1/2, which
            aligns the pixels' areas; "corners", which aligns the corner values; "top-left", i / factor, which keeps
            every value at the top left of its cell.

    Returns:
        (..., factor * H, factor * W).

    Raises:
        InputError: no rows and columns, a factor below 1, integers, or an unknown convention.

    Examples:
        >>> import torch
        >>> from densa import operators
        >>> x = torch.tensor([[0.0, 4.0]])
        >>> operators.bilinear(x)[0]
        tensor([0., 1., 3., 4.])
        >>> operators.bilinear(x, convention="top-left")[0]
        tensor([0., 2., 4., 4.])
    """
    _check(x, factor)
    if convention not in _CONVENTIONS:
        raise InputError(f"convention must be one of {', '.join(_CONVENTIONS)}, got {convention!r}")
    if not x.is_floating_point():
        raise InputError(f"x must hold floating point values, got {x.dtype}; convert them first")
    for dim in (-2, -1):
        before, after, weight = _neighbours(x.shape[dim], factor, convention, x)
        shape = (-1, 1) if dim == -2 else (-1,)
        x = torch.lerp(x.index_select(dim, before), x.index_select(dim, after), weight.view(shape))
    return x


def _neighbours(n: int, factor: int, convention: str, like: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """For each output: the input positions before and after it, and the weight of the latter."""
    place = torch.arange(n * factor, dtype=torch.float64, device=like.device)
    if convention == "half-pixel":
        place = (place + 0.5) / factor - 0.5
    elif convention == "corners":
        place = place * ((n - 1) / max(n * factor - 1, 1))
    else:
        place = place / factor
    place = place.clamp(0, n - 1)
    before = place.floor().long()
    return before, (before + 1).clamp(max=n - 1), (place - before).to(like.dtype)


def bilinear_kernel(size: int) -> Tensor:
    """Kernel of a transposed convolution that interpolates bilinearly.

    Args:
        size: side of the kernel; 2 * factor for an integer factor.

    Returns:
        (size, size) float32, the outer product of `1 - |i - centre| / f` with f = floor((size + 1) / 2); each row of
        that triangle sums to f.

    Raises:
        InputError: a size below 1.

    Examples:
        >>> from densa import operators
        >>> operators.bilinear_kernel(4)[1] * 16
        tensor([3., 9., 9., 3.])
    """
    if size < 1:
        raise InputError(f"size must be at least 1, got {size}")
    f = (size + 1) // 2
    centre = f - 1 if size % 2 else f - 0.5
    triangle = 1 - (torch.arange(size) - centre).abs() / f
    return torch.outer(triangle, triangle)


class BilinearUpsampling(nn.Module):
    """Transposed convolution that upsamples each channel `factor` times, initially bilinearly.

    Without padding it returns (n - 1) * factor + 2 * factor rows for n; values fade out at the border, where fewer
    values overlap, which networks crop.

    Args:
        n_channels: channels in and out.
        factor: integer factor; the kernel's side is 2 * factor.
        learned: make the kernels parameters; otherwise they are fixed and not part of the state.

    Raises:
        InputError: a number below 1.

    Examples:
        >>> import torch
        >>> from densa import operators
        >>> upsampling = operators.BilinearUpsampling(1, 2)
        >>> upsampling(torch.ones(1, 1, 2, 2))[0, 0, 2].tolist()  # fades out at the border
        [0.25, 0.75, 1.0, 1.0, 0.75, 0.25]
    """

    weight: Tensor

    def __init__(self, n_channels: int, factor: int, *, learned: bool = False) -> None:
        super().__init__()
        if n_channels < 1 or factor < 1:
            raise InputError(f"n_channels and factor must be at least 1, got {n_channels} and {factor}")
        self.n_channels, self.factor = n_channels, factor
        kernels = bilinear_kernel(2 * factor).repeat(n_channels, 1, 1, 1)
        if learned:
            self.weight = nn.Parameter(kernels)
        else:
            self.register_buffer("weight", kernels, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """(N, n_channels, H, W) to (N, n_channels, (H + 1) * factor, (W + 1) * factor), in the type of `x`."""
        return F.conv_transpose2d(x, self.weight.to(x.dtype), stride=self.factor, groups=self.n_channels)


def _check(x: Tensor, factor: int) -> None:
    if x.dim() < 2 or 0 in x.shape:
        raise InputError(f"x must be (..., H, W) and not empty, got the shape {tuple(x.shape)}")
    if factor < 1:
        raise InputError(f"factor must be at least 1, got {factor}")
