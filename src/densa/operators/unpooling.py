"""Max pooling that remembers where each maximum stood (the switches), and the unpooling that puts values back there
(Zeiler and Fergus 2014; Noh, Hong, Han 2015; Badrinarayanan, Kendall, Cipolla 2017).
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from densa.errors import InputError

__all__ = ["max_pool_with_switches", "max_unpool"]


def max_pool_with_switches(x: Tensor, size: int = 2) -> tuple[Tensor, Tensor]:
    """Maximum of every window of size x size; the windows do not overlap, the last ones may hang over the edge.

    Args:
        x: (N, C, H, W), floating point.
        size: side and stride of the windows.

    Returns:
        (N, C, H', W') maxima with H' = ceil(H / size), and as many int64 switches: the place of each maximum in its
        map of `x`, row * W + column; of equal values the first (row by row).

    Raises:
        InputError: not four dimensions, or a size below 1.
    """
    if x.dim() != 4 or 0 in x.shape:
        raise InputError(f"pooling takes (N, C, H, W), got the shape {tuple(x.shape)}")
    if size < 1:
        raise InputError(f"the pooling window must be at least 1 wide, got {size}")
    maxima, switches = F.max_pool2d(x, size, size, ceil_mode=True, return_indices=True)
    return maxima, switches


def max_unpool(x: Tensor, switches: Tensor, output_size: tuple[int, int]) -> Tensor:
    """Put every value at its switch, zeros elsewhere.

    Args:
        x: (N, C, H', W').
        switches: of `max_pool_with_switches`, in the shape of `x`.
        output_size: (H, W) of the map that was pooled; H' and W' do not tell it.

    Returns:
        (N, C, H, W). Its adjoint gathers at the switches.

    Raises:
        InputError: other switches than values, or switches outside the map.
    """
    if x.shape != switches.shape or x.dim() != 4:
        raise InputError(
            f"values and switches must both be (N, C, H, W), got {tuple(x.shape)} and {tuple(switches.shape)}"
        )
    height, width = output_size
    if switches.numel() and not 0 <= int(switches.min()) <= int(switches.max()) < height * width:
        raise InputError(
            f"switches go up to {int(switches.max())}, a map of {height}x{width} has the places 0 to "
            f"{height * width - 1}; give the size of the map that was pooled"
        )
    flat = x.new_zeros(*x.shape[:2], height * width)
    return flat.scatter(2, switches.flatten(2), x.flatten(2)).view(*x.shape[:2], height, width)
