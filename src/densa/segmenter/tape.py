"""The operations of a network in the order in which it applies them, recorded by running it without data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from densa.operators.modules import without_data

__all__ = ["Step", "recorded"]

aten = torch.ops.aten


@dataclass(frozen=True)
class Step:
    """An operation on maps (1, channels, h, w) that works row by row.

    Attributes:
        kind: "convolution", "transposed", "pooling", "relu", "add", "join" (of channels), "crop" or
            "padding" (with zeros), "scale" or "convert".
        inputs: numbers of the maps that it reads: 0 is the image, k the result of step k - 1.
        size, channels: of the result.
        kernel, stride, padding, dilation: of rows and columns.
        groups: of a convolution.
        start: first row and column of a crop or padding, in the map that it reads.
        factor: of a scale.
        dtype: of a conversion.
        weight, bias: of a convolution.
        relu: whether a ReLU follows and is applied at once.
    """

    kind: str
    inputs: tuple[int, ...]
    size: tuple[int, int]
    channels: int
    kernel: tuple[int, int] = (1, 1)
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1
    start: tuple[int, int] = (0, 0)
    factor: float = 1.0
    dtype: torch.dtype | None = None
    weight: Tensor | None = None
    bias: Tensor | None = None
    relu: bool = False

    def rows(self, first: int, last: int) -> tuple[int, int]:
        """First row and end of the input rows that decide rows `first` to `last` - 1; also outside the map."""
        kernel, stride, padding, dilation = self.kernel[0], self.stride[0], self.padding[0], self.dilation[0]
        if self.kind == "transposed":
            return -(-(first + padding - dilation * (kernel - 1)) // stride), (last - 1 + padding) // stride + 1
        first, last = first + self.start[0], last + self.start[0]
        return first * stride - padding, (last - 1) * stride - padding + dilation * (kernel - 1) + 1

    def shared_rows(self, shared: int) -> int:
        """Input rows that two strips read of which `shared` rows of the result are the same."""
        reach = self.dilation[0] * (self.kernel[0] - 1)
        if self.kind == "transposed":
            return (shared + reach) // self.stride[0]
        return max(shared * self.stride[0] + reach + 1 - self.stride[0], 0)

    @property
    def multiplications(self) -> float:
        """Multiplications for one number of the result; 1 where there are none."""
        if self.weight is None:
            return 1.0
        kernel = self.kernel[0] * self.kernel[1]
        if self.kind == "transposed":
            return self.weight.shape[0] / self.groups * kernel / (self.stride[0] * self.stride[1])
        return float(self.weight.shape[1] * kernel)


def recorded(network: nn.Module, n_bands: int, height: int, width: int) -> list[Step] | None:
    """The steps from an image of that size to the scores; None where the network does anything else.

    Args:
        network: in evaluation mode, its normalisation folded into its convolutions.
        n_bands, height, width: of the image.
    """
    with torch.inference_mode(False), torch.no_grad():  # inference mode hides what operations consist of
        return _run(without_data(network), network, n_bands, height, width)


def _run(twin: nn.Module, network: nn.Module, n_bands: int, height: int, width: int) -> list[Step] | None:
    real = dict(network.named_parameters(remove_duplicate=False)) | dict(network.named_buffers(remove_duplicate=False))
    known = {id(t): real[name] for name, t in [*twin.named_parameters(), *twin.named_buffers()]}
    tape = _Tape(known)
    dtype = next(iter(known.values()), torch.empty(0)).dtype
    image = torch.empty(1, n_bands, height, width, device="meta", dtype=dtype)
    image = image.contiguous(memory_format=torch.channels_last)
    tape.note(image, 0)
    try:
        with tape:
            scores = twin(image)
    except _OtherOperation:
        return None
    if not isinstance(scores, Tensor) or tape.number(scores) != len(tape.steps):
        return None
    return tape.steps


class _OtherOperation(Exception):
    """An operation that is no `Step`."""


_Size = tuple[tuple[int, int], int]
"""Height and width, and channels."""


class _Tape(TorchDispatchMode):
    """Records the operations that run inside it.

    Args:
        known: the real parameter of every meta one, by its id.
    """

    def __init__(self, known: dict[int, Tensor]) -> None:
        super().__init__()
        self.steps: list[Step] = []
        self._known = known
        self._maps: dict[int, tuple[Tensor, int]] = {}  # holds the tensors, so that no id is used twice

    def note(self, tensor: Tensor, number: int) -> None:
        """Number a map."""
        self._maps[id(tensor)] = (tensor, number)

    def number(self, tensor: Tensor) -> int:
        """Number of a map."""
        if id(tensor) not in self._maps:
            raise _OtherOperation
        return self._maps[id(tensor)][1]

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if func in (aten.alias.default, aten.detach.default) and id(args[0]) in self._maps:
            self.note(result, self.number(args[0]))
            return result
        if not any(isinstance(value, Tensor | list) for value in args):  # of types, or constants
            return result
        if kwargs and any(isinstance(value, Tensor) for value in kwargs.values()):
            raise _OtherOperation
        made = result[0] if func is aten.max_pool2d_with_indices.default else result
        if not isinstance(made, Tensor) or made.dim() != 4:
            raise _OtherOperation
        size = (int(made.shape[2]), int(made.shape[3])), int(made.shape[1])
        self.steps.append(self._step(func, args, kwargs or {}, size))
        self.note(made, len(self.steps))
        return result

    def _step(self, func: Any, args: Any, kwargs: dict[str, Any], size: _Size) -> Step:
        if func is aten.convolution.default and not kwargs:
            return self._convolution(args, size)
        if func is aten.max_pool2d_with_indices.default and not kwargs:
            kernel, stride, padding, dilation = (_two(args[i] if len(args) > i else d) for i, d in _POOLING)
            return Step("pooling", (self.number(args[0]),), *size, kernel, stride or kernel, padding, dilation)
        if func is aten.constant_pad_nd.default and len(args[1]) == 4 and (len(args) < 3 or args[2] == 0):
            left, _, top, _ = args[1]
            if min(args[1]) >= 0:
                return Step("padding", (self.number(args[0]),), *size, start=(-top, -left))
        if func is aten._to_copy.default and set(kwargs) == {"dtype"}:
            return Step("convert", (self.number(args[0]),), *size, dtype=kwargs["dtype"])
        if func is aten.mul.Tensor and not kwargs and isinstance(args[1], int | float):
            return Step("scale", (self.number(args[0]),), *size, factor=float(args[1]))
        if func in (aten.relu.default, aten.relu_.default):
            return Step("relu", (self.number(args[0]),), *size)
        maps = [value for value in args if isinstance(value, Tensor)]
        if func is aten.add.Tensor and not kwargs and len(maps) == len(args) and maps[0].shape == maps[1].shape:
            return Step("add", (self.number(maps[0]), self.number(maps[1])), *size)
        if func is aten.cat.default and len(args) == 2 and args[1] in (1, -3):
            return Step("join", tuple(self.number(a) for a in args[0]), *size)
        if func is aten.slice.Tensor and args[1] in (2, 3, -1, -2) and len(args) <= 4:
            start = args[2] if len(args) > 2 and args[2] is not None else 0
            begin = start + args[0].shape[args[1]] if start < 0 else start
            corner = (begin, 0) if args[1] in (2, -2) else (0, begin)
            return Step("crop", (self.number(args[0]),), *size, start=corner)
        raise _OtherOperation

    def _convolution(self, args: Any, size: _Size) -> Step:
        image, weight, bias, stride, padding, dilation, transposed, more, groups = args
        if id(weight) not in self._known or (bias is not None and id(bias) not in self._known) or any(more):
            raise _OtherOperation
        return Step(
            "transposed" if transposed else "convolution",
            (self.number(image),),
            *size,
            (int(weight.shape[2]), int(weight.shape[3])),
            _two(stride),
            _two(padding),
            _two(dilation),
            groups,
            weight=self._known[id(weight)],
            bias=None if bias is None else self._known[id(bias)],
        )


_POOLING = ((1, (1, 1)), (2, ()), (3, (0, 0)), (4, (1, 1)))


def _two(values: Sequence[int]) -> tuple[int, int]:
    """Rows and columns; nothing stays nothing."""
    return tuple(values) if len(values) != 1 else (values[0], values[0])  # type: ignore[return-value]
