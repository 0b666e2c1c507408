"""Receptive field of a network: which input pixels decide an output pixel, worked out from what the network does.

The network runs without data (meta tensors). Beside every tensor goes, per axis, the interval of input positions that
each of its rows (columns) depends on; each operation hands the intervals on: a convolution joins those of its taps, an
unpooling those of the window that set its switch. Sizes and coordinates follow Dumoulin and Visin (2016,
arXiv:1603.07285) and Araujo, Norris and Sim (2019, doi:10.23915/distill.00021); unpooling, crops and joins of branches
need no rule of their own, since positions are counted out rather than solved for.

Method: Receptive fields.
Source: Araujo, Norris, Sim 2019, doi:10.23915/distill.00021.
As printed: sizes, strides and offsets.
Departs: positions are followed through every operation in place of a formula, which gives U-Net 204 pixels at 12 of 16
    phases and the often quoted 188 at four.
Held by: tests/operators/test_receptive_field.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from densa.errors import InputError
from densa.operators.modules import network_rules, without_data
from densa.operators.span_rules import operation_span
from densa.operators.spans import Axis, Span, input_span

__all__ = ["ReceptiveField", "receptive_field"]

_LARGEST = 2**16  # pixels; a network whose field does not fit in such an image sees "the whole image"


@dataclass(frozen=True)
class ReceptiveField:
    """What decides an output pixel. Of the two axes, the larger.

    Attributes:
        size: most input rows that decide one output row.
        stride: input pixels after which the pattern of dependence repeats; tile origins must be multiples.
        offset: input coordinate of the centre of output row 0 (pixel centres are whole numbers).
        reach: most input pixels between the pixel that an output pixel labels and the farthest that decides it, on
            either side; infinite where `whole_image`.
        local_reach: the same, left aside what depends on the whole image.
        whole_image: a pooling over the whole image takes part.

    Examples:
        >>> from torch import nn
        >>> from densa import operators
        >>> before, after = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 2, 3, padding=1)
        >>> network = nn.Sequential(before, nn.MaxPool2d(2), after, nn.Upsample(scale_factor=2))
        >>> field = operators.receptive_field(network, 3)
        >>> field.size, field.stride, field.halo
        (8, 2, 4)
    """

    size: int
    stride: int
    offset: float
    reach: float
    local_reach: int
    whole_image: bool = False

    @property
    def halo(self) -> int:
        """`reach`, rounded up to a multiple of `stride`: the context that a tile needs on each side.

        Raises:
            InputError: the output depends on the whole image.
        """
        if self.whole_image:
            raise InputError(
                "the network's output depends on the whole image, so no halo is enough; predict whole images, or "
                "hold its image pooling fixed"
            )
        return self.local_halo

    @property
    def local_halo(self) -> int:
        """`halo`, left aside what depends on the whole image."""
        return math.ceil(self.local_reach / self.stride) * self.stride


def receptive_field(network: nn.Module, n_bands: int) -> ReceptiveField:
    """Receptive field of a network as it infers (evaluation mode), by following every operation of its `forward`.

    Args:
        network: maps (1, n_bands, H, W) to (1, C, H', W'); sizes and border as `network_rules` finds them.
        n_bands: bands of the images.

    Returns:
        The field, found from output pixels that see no border.

    Raises:
        InputError: the network does something that this cannot follow; the message names the operation.

    Examples:
        >>> from torch import nn
        >>> from densa import operators
        >>> network = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 2, 5, padding=2))
        >>> field = operators.receptive_field(network, 3)
        >>> field.size, field.reach, field.whole_image
        (7, 3, False)
    """
    twin = without_data(network)
    side = 128
    while side <= _LARGEST:
        try:
            span, n_input = _trace(twin, n_bands, side)
        except RuntimeError:  # torch's, for an image smaller than a kernel; any other comes again at the largest
            if side == _LARGEST:
                raise
            side *= 2
            continue
        fields = [_measure(axis, n_input, network_rules(network).stated_margin) for axis in span.axes]
        if all(field is not None for field in fields):
            found = [field for field in fields if field is not None]
            return max(found, key=lambda field: (field.local_reach, field.size))
        side *= 2
    raise InputError(f"the network's receptive field is larger than {_LARGEST} pixels; its input cannot be tiled")


def _trace(network: nn.Module, n_bands: int, side: int) -> tuple[Span, int]:
    """Dependence of the network's output, and the side of the square image that it was shown."""
    n_input = network_rules(network).input_side(side)
    image = torch.empty(1, n_bands, n_input, n_input, device="meta")
    follower = _Follower()
    follower.note(image, input_span(n_input))
    with torch.no_grad(), follower:
        output = network(image)
    span = follower.span_of(output) if isinstance(output, torch.Tensor) else None
    if span is None:
        raise InputError(f"a network must map an image to one tensor that depends on it, got {type(output).__name__}")
    return span, n_input


class _Follower(TorchDispatchMode):
    """Sees every operation that runs inside it and keeps the span of each tensor that depends on the image."""

    def __init__(self) -> None:
        super().__init__()
        self._spans: dict[int, tuple[torch.Tensor, Span]] = {}  # holds the tensors, so that no id is used twice

    def note(self, tensor: torch.Tensor, span: Span) -> None:
        self._spans[id(tensor)] = (tensor, span)

    def span_of(self, tensor: object) -> Span | None:
        return self._spans[id(tensor)][1] if id(tensor) in self._spans else None

    def __torch_dispatch__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        given = [self.span_of(a) for a in args]
        listed = [self.span_of(a) for a in args[0]] if args and isinstance(args[0], list | tuple) else []
        if any(span is not None for span in [*given, *listed]):
            outputs = list(result) if isinstance(result, list | tuple) else [result]
            spans = operation_span(func, args, kwargs or {}, given, listed, outputs)
            for tensor, span in zip(outputs, spans, strict=False):
                if isinstance(tensor, torch.Tensor):
                    self.note(tensor, span)
        return result


def _measure(axis: Axis, n_input: int, margin: int | None) -> ReceptiveField | None:
    """Field along one axis; None where no output is clear of the borders over two periods of the pattern."""
    step, start = axis.step, axis.start
    stride = axis.period
    place = np.arange(len(axis.low))
    if margin is None and len(place) == n_input:
        margin = 0
    # A dense output labels the pixel of its own place; coarse features stand for the pixels about their centre.
    if step == 1 and margin is not None:
        pixel = (place + margin).astype(np.float64)
    else:
        pixel = np.array([float(start + step * int(t)) for t in place])
    clear = (axis.low > 0) & (axis.high < n_input - 1) & (axis.low <= axis.high)
    n_needed = 2 * max(1, math.ceil(stride / step)) if step else 1
    if not clear.any():
        return None if not axis.is_empty() else ReceptiveField(0, stride, float(start), math.inf, 0, True)
    if int(clear.sum()) < n_needed:
        return None
    low, high, pixel = axis.low[clear], axis.high[clear], pixel[clear]
    reach = math.ceil(max(float((pixel - low).max()), float((high - pixel).max()), 0.0))
    whole = axis.whole
    return ReceptiveField(
        size=int((high - low).max()) + 1,
        stride=stride,
        offset=float(start),
        reach=math.inf if whole else reach,
        local_reach=reach,
        whole_image=whole,
    )
