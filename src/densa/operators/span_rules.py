"""Rules by which each operation of a network propagates the spans of its inputs to its outputs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import torch

from densa.errors import InputError
from densa.operators.spans import Axis, Span, Window, both, everything, gather, join, moved, slide, slide_back

__all__ = ["operation_span"]


def operation_span(
    operation: Callable[..., Any],
    arguments: Sequence[Any],
    named: dict[str, Any],
    given: Sequence[Span | None],
    listed: Sequence[Span | None],
    outputs: Sequence[Any],
) -> list[Span]:
    """Spans of the outputs of one ATen operation.

    Args:
        operation: the overload that ran.
        arguments, named: its arguments.
        given: the span of each of `arguments`, None for those that do not depend on the image.
        listed: the spans of the tensors in `arguments[0]`, if that is a list.
        outputs: the tensors that it returned.

    Returns:
        One span per output; none if the outputs depend on the image's shape alone.

    Raises:
        InputError: no rule for the operation.
    """
    name = str(operation).split(".")[1]
    if name in _SHAPE_ONLY:
        return []
    values = _with_defaults(operation, arguments, named)
    shapes = [tuple(o.shape) if isinstance(o, torch.Tensor) else () for o in outputs]
    if name.endswith("_") and not name.startswith("_") and arguments[0]._is_view():
        raise InputError(f"densa cannot follow {name}, which changes part of a tensor in place; write it out of place")
    if name == "cat":
        return [_cat(values, listed, shapes[0])]
    span = next((s for s in given if s is not None), None)
    if name in _RULES and span is not None:
        return _RULES[name](values, given, shapes)
    if torch.Tag.pointwise in getattr(operation, "tags", ()) or name in _SAME_PLACE:
        joined = join([s for s in [*given, *listed] if s is not None], shapes[0][-2:])
        return [joined] * len(outputs)
    raise InputError(
        f"the receptive field of a network that uses {name} is unknown: densa has no rule for that operation"
    )


# Operations that keep every value at its row and column; pointwise ones are recognised by their tag.
_SAME_PLACE = {
    "alias",
    "clone",
    "contiguous",
    "detach",
    "_to_copy",
    "native_dropout",
    "hardtanh_",
    "relu_",
    "leaky_relu_",
}

# Operations that use only the shape of their arguments.
_SHAPE_ONLY = {"empty_like", "zeros_like", "ones_like", "full_like", "new_empty", "new_zeros", "new_ones", "new_full"}


def _with_defaults(operation: Any, arguments: Sequence[Any], named: dict[str, Any]) -> dict[str, Any]:
    """The arguments by name, with the schema's defaults."""
    values = {}
    for place, parameter in enumerate(operation._schema.arguments):
        if place < len(arguments):
            values[parameter.name] = arguments[place]
        else:
            values[parameter.name] = named.get(parameter.name, parameter.default_value)
    return values


# --- hulls -----------------------------------------------------------------------------------------------------------


Rule = Callable[[dict[str, Any], Sequence[Span | None], Sequence[tuple[int, ...]]], list[Span]]


def _first(given: Sequence[Span | None]) -> Span:
    return next(span for span in given if span is not None)


def _cat(values: dict[str, Any], listed: Sequence[Span | None], shape: tuple[int, ...]) -> Span:
    dimension = values["dim"] % len(shape)
    spans = [span for span in listed if span is not None]
    if dimension < len(shape) - 2:
        return join(spans, shape[-2:])
    raise InputError("densa cannot follow a concatenation along rows or columns; use padding")


def _windows(values: dict[str, Any], size: Any) -> tuple[Window, Window]:
    sizes = both(size, 1)
    strides = both(values.get("stride"), 0)
    paddings, dilations = both(values.get("padding"), 0), both(values.get("dilation"), 1)
    made = [Window(sizes[i], strides[i] or sizes[i], paddings[i], dilations[i]) for i in (0, 1)]
    return made[0], made[1]


def _convolution(values: dict[str, Any], given: Sequence[Span | None], shapes: Sequence[tuple[int, ...]]) -> list[Span]:
    span = _first(given)
    windows = _windows(values, list(values["weight"].shape[2:]))
    move = slide_back if values.get("transposed") else slide
    axes = [move(span.axes[i], windows[i], shapes[0][-2 + i]) for i in (0, 1)]
    return [Span((axes[0], axes[1]))]


def _pooling(values: dict[str, Any], given: Sequence[Span | None], shapes: Sequence[tuple[int, ...]]) -> list[Span]:
    span = _first(given)
    windows = _windows(values, values["kernel_size"])
    axes = [slide(span.axes[i], windows[i], shapes[0][-2 + i]) for i in (0, 1)]
    pooled = Span((axes[0], axes[1]))
    return [pooled, replace(pooled, windows=windows, pooled=span.axes)]


def _unpooling(values: dict[str, Any], given: Sequence[Span | None], shapes: Sequence[tuple[int, ...]]) -> list[Span]:
    """Every position of a window may get the window's value, depending on its switch: both are read."""
    features, indices = given[0], given[1]
    if features is None or indices is None or indices.windows is None or indices.pooled is None:
        raise InputError("densa follows max_unpool2d only with the indices of a max_pool2d of the same network")
    axes = []
    for i, which in enumerate(join([features, indices], values["self"].shape[-2:]).axes):
        window, pooled = indices.windows[i], indices.pooled[i]
        x = np.arange(shapes[0][-2 + i])
        sources = [x + window.padding - j * window.dilation for j in range(window.size)]
        low, high = gather(which, ((s // window.stride, s % window.stride == 0) for s in sources), len(x))
        period = math.lcm(which.period, pooled.period)
        axes.append(Axis(low, high, pooled.step, pooled.start, period, which.whole or pooled.whole))
    return [Span((axes[0], axes[1]))]


def _normalisation(
    values: dict[str, Any], given: Sequence[Span | None], shapes: Sequence[tuple[int, ...]]
) -> list[Span]:
    """Batch normalisation with fixed statistics; with those of the batch it depends on the whole image."""
    span = _first(given)
    training = values.get("training") or values.get("train")
    return [_whole(span) if training else span] * len(shapes)


def _whole(span: Span) -> Span:
    return Span((replace(span.axes[0], whole=True), replace(span.axes[1], whole=True)))


def _groups(values: dict[str, Any], given: Sequence[Span | None], shapes: Sequence[tuple[int, ...]]) -> list[Span]:
    """Group, layer or instance normalisation: statistics of the whole image, applied elementwise."""
    return [_whole(_first(given))] * len(shapes)


def _mean(values: dict[str, Any], given: Sequence[Span | None], shapes: Sequence[tuple[int, ...]]) -> list[Span]:
    """Mean or sum over channels, which keeps positions, or over the image, if its dimensions are kept."""
    span = _first(given)
    n_dims = values["self"].dim()
    listed = values.get("dim")
    dims = range(n_dims) if listed is None else [listed] if isinstance(listed, int) else listed
    dimensions = {d % n_dims for d in dims}
    spatial = [n_dims - 2 in dimensions, n_dims - 1 in dimensions]
    if not any(spatial):
        return [span] * len(shapes)
    if not all(spatial):
        raise InputError("densa cannot follow a mean along rows or columns alone")
    if not values.get("keepdim"):
        raise InputError("densa follows a mean over the image only with keepdim=True")
    return [Span((everything(span.axes[0], 1), everything(span.axes[1], 1)))] * len(shapes)


def _adaptive(values: dict[str, Any], given: Sequence[Span | None], shapes: Sequence[tuple[int, ...]]) -> list[Span]:
    """Pooling to a fixed number of cells, whose size depends on the image's."""
    span = _first(given)
    cells = [everything(span.axes[i], shapes[0][-2 + i]) for i in (0, 1)]
    return [Span((cells[0], cells[1]))] * len(shapes)


def _softmax(values: dict[str, Any], given: Sequence[Span | None], shapes: Sequence[tuple[int, ...]]) -> list[Span]:
    span = _first(given)
    spatial = values["dim"] % len(shapes[0]) >= len(shapes[0]) - 2
    return [_whole(span) if spatial else span]


def _slice(values: dict[str, Any], given: Sequence[Span | None], shapes: Sequence[tuple[int, ...]]) -> list[Span]:
    span = _first(given)
    which = values["dim"] % values["self"].dim() - (values["self"].dim() - 2)
    if which < 0:
        return [span]
    axis = span.axes[which]
    first, last, by = slice(values["start"], values["end"], values["step"]).indices(len(axis.low))
    cut = moved(axis, axis.low[first:last:by], axis.high[first:last:by], axis.step * by, axis.start + axis.step * first)
    return [Span((cut, span.axes[1]) if which == 0 else (span.axes[0], cut))]


def _padding(mode: str) -> Rule:
    def rule(values: dict[str, Any], given: Sequence[Span | None], shapes: Sequence[tuple[int, ...]]) -> list[Span]:
        span = _first(given)
        pad = values["pad"] if mode == "zero" else values["padding"]
        before = [pad[2] if len(pad) > 2 else 0, pad[0]]
        axes = []
        for i in (0, 1):
            axis, n_out = span.axes[i], shapes[0][-2 + i]
            place = np.arange(n_out) - before[i]
            last = len(axis.low) - 1
            if mode == "mirror":
                place = np.abs(place)
                place = np.where(place > last, 2 * last - place, place)
            elif mode == "edge":
                place = np.clip(place, 0, last)
            low, high = gather(axis, [(place, np.ones(n_out, np.bool_))], n_out)
            axes.append(moved(axis, low, high, axis.step, axis.start - axis.step * before[i]))
        return [Span((axes[0], axes[1]))]

    return rule


def _upsample(n_left: int, n_right: int, nearest: bool = False) -> Rule:
    """Interpolation from `n_left` samples at or before a position and `n_right` after it."""

    def rule(values: dict[str, Any], given: Sequence[Span | None], shapes: Sequence[tuple[int, ...]]) -> list[Span]:
        span = _first(given)
        aligned = bool(values.get("align_corners"))
        axes = [_interpolated(span.axes[i], shapes[0][-2 + i], _factor(values, i), aligned) for i in (0, 1)]
        return [Span((axes[0], axes[1]))]

    def _interpolated(axis: Axis, n_out: int, factor: float | None, aligned: bool) -> Axis:
        n_in = len(axis.low)
        if n_in == 1:  # one cell spread over the image
            ones = np.ones(n_out, np.int64)
            return replace(axis, low=axis.low * ones, high=axis.high * ones, step=axis.step / n_out)
        x = np.arange(n_out, dtype=np.float64)
        if aligned and not nearest:
            ratio = Fraction(n_in - 1, max(n_out - 1, 1))
            place, shift = x * float(ratio), Fraction(0)
        else:
            ratio = 1 / Fraction(factor).limit_denominator(1024) if factor else Fraction(n_in, n_out)
            place = x * float(ratio) if nearest else (x + 0.5) * float(ratio) - 0.5
            shift = (ratio - 1) / 2
        floor = np.floor(place + 1e-9).astype(np.int64)
        fraction = place - floor > 1e-9  # exactly at a sample, the others have weight 0
        everywhere = np.ones(n_out, np.bool_)
        taps = [(np.clip(floor - j, 0, n_in - 1), everywhere if j == 0 else fraction) for j in range(n_left)]
        taps += [(np.clip(floor + j, 0, n_in - 1), fraction) for j in range(1, n_right + 1)]
        low, high = gather(axis, taps, n_out)
        return moved(axis, low, high, axis.step * ratio, axis.start + axis.step * shift)

    return rule


def _factor(values: dict[str, Any], which: int) -> float | None:
    """The requested scale factor, None if the operation was given a size."""
    factors = values.get("scale_factors")
    if factors:
        return float(factors[which])
    alone = values.get("scales_h" if which == 0 else "scales_w")
    return float(alone) if alone else None


def _reshape(values: dict[str, Any], given: Sequence[Span | None], shapes: Sequence[tuple[int, ...]]) -> list[Span]:
    """A view that keeps the last two dimensions."""
    if tuple(values["self"].shape[-2:]) != shapes[0][-2:]:
        raise InputError(
            "densa cannot follow a network that reshapes rows and columns; use convolutions, not dense layers"
        )
    return [_first(given)]


def _insert(values: dict[str, Any], given: Sequence[Span | None], shapes: Sequence[tuple[int, ...]]) -> list[Span]:
    """A dimension inserted or removed before the last two."""
    if tuple(values["self"].shape[-2:]) != shapes[0][-2:]:
        raise InputError("densa cannot follow a network that adds or drops a dimension among rows and columns")
    return [_first(given)]


def _expand(values: dict[str, Any], given: Sequence[Span | None], shapes: Sequence[tuple[int, ...]]) -> list[Span]:
    return [join([_first(given)], shapes[0][-2:])]


def _split(values: dict[str, Any], given: Sequence[Span | None], shapes: Sequence[tuple[int, ...]]) -> list[Span]:
    if values["dim"] % len(shapes[0]) >= len(shapes[0]) - 2:
        raise InputError("densa cannot follow a network that splits along rows or columns")
    return [_first(given)] * len(shapes)


_RULES: dict[str, Rule] = {
    "convolution": _convolution,
    "max_pool2d_with_indices": _pooling,
    "avg_pool2d": _pooling,
    "avg_pool3d": _pooling,
    "max_unpool2d": _unpooling,
    "native_batch_norm": _normalisation,
    "_native_batch_norm_legit": _normalisation,
    "_native_batch_norm_legit_no_training": _normalisation,
    "cudnn_batch_norm": _normalisation,
    "native_group_norm": _groups,
    "native_layer_norm": _groups,
    "mean": _mean,
    "sum": _mean,
    "amax": _mean,
    "_adaptive_avg_pool2d": _adaptive,
    "adaptive_max_pool2d": _adaptive,
    "_softmax": _softmax,
    "_log_softmax": _softmax,
    "slice": _slice,
    "constant_pad_nd": _padding("zero"),
    "reflection_pad2d": _padding("mirror"),
    "replication_pad2d": _padding("edge"),
    "upsample_nearest2d": _upsample(1, 0, nearest=True),
    "upsample_bilinear2d": _upsample(1, 1),
    "upsample_bicubic2d": _upsample(2, 2),
    "view": _reshape,
    "_unsafe_view": _reshape,
    "unsqueeze": _insert,
    "squeeze": _insert,
    "select": _insert,
    "expand": _expand,
    "split": _split,
    "split_with_sizes": _split,
    "unbind": _split,
}
