"""Pixel descriptors as plain values for model files: a kind and its parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from densa.descriptors.pixels.colour import ColourSpaces
from densa.descriptors.pixels.descriptor import PixelDescriptor
from densa.descriptors.pixels.local_binary_patterns import LocalBinaryPatterns
from densa.descriptors.pixels.multi_scale import MultiScale
from densa.descriptors.pixels.position import Position
from densa.descriptors.pixels.raw import Raw
from densa.descriptors.pixels.stack import Stack
from densa.descriptors.pixels.texton_context import TextonContext
from densa.descriptors.pixels.textons import TextonBank
from densa.errors import InputError

__all__ = ["PIXEL_DESCRIPTORS", "from_config", "to_config"]

PIXEL_DESCRIPTORS: dict[str, type[PixelDescriptor]] = {
    "raw": Raw,
    "position": Position,
    "colours": ColourSpaces,
    "multi-scale": MultiScale,
    "textons": TextonBank,
    "texton-context": TextonContext,
    "local-binary-patterns": LocalBinaryPatterns,
    "stack": Stack,
}
_DEPTH = 8  # of stacks in stacks


def to_config(descriptor: PixelDescriptor) -> dict[str, Any]:
    """The descriptor as a dictionary of strings, numbers, lists and dictionaries, which JSON and YAML can hold.

    Raises:
        InputError: the descriptor is not one of `PIXEL_DESCRIPTORS`.

    Examples:
        >>> from densa.descriptors import LocalBinaryPatterns, to_config
        >>> to_config(LocalBinaryPatterns(radius=2.0))
        {'kind': 'local-binary-patterns', 'n_points': 8, 'radius': 2.0, 'method': 'riu2'}
    """
    for kind, cls in PIXEL_DESCRIPTORS.items():
        if type(descriptor) is cls:
            names = [field.name for field in fields(descriptor)]  # type: ignore[arg-type]
            return {"kind": kind, **{name: _plain(getattr(descriptor, name)) for name in names}}
    raise InputError(f"a descriptor must be one of {', '.join(PIXEL_DESCRIPTORS)}, got {descriptor!r}")


def from_config(config: Mapping[str, Any]) -> PixelDescriptor:
    """The descriptor that `to_config` wrote; parameters that are left out have their defaults.

    Raises:
        InputError: an unknown kind or parameter, or values out of range.

    Examples:
        >>> from densa.descriptors import MultiScale, from_config, to_config
        >>> descriptor = MultiScale(scales=(1.0, 2.0))
        >>> from_config(to_config(descriptor)) == descriptor
        True
    """
    return _from_config(config, 0)


def _plain(value: Any) -> Any:
    if isinstance(value, PixelDescriptor):
        return to_config(value)
    return [_plain(v) for v in value] if isinstance(value, tuple) else value


def _from_config(config: Any, depth: int) -> PixelDescriptor:
    kind = config.get("kind") if isinstance(config, Mapping) else None
    if not isinstance(kind, str) or kind not in PIXEL_DESCRIPTORS:
        raise InputError(f"a descriptor's kind must be one of {', '.join(PIXEL_DESCRIPTORS)}, got {kind!r}")
    if depth > _DEPTH:
        raise InputError(f"descriptors must not be nested more than {_DEPTH} times; put the parts into one stack")
    cls = PIXEL_DESCRIPTORS[kind]
    known = {field.name for field in fields(cls)}  # type: ignore[arg-type]
    given = {name: _value(value, depth) for name, value in config.items() if name != "kind"}
    if not set(given) <= known:
        unknown = ", ".join(sorted(map(str, set(given) - known)))
        raise InputError(f"{kind} has the parameters {', '.join(sorted(known))}, got {unknown}")
    try:
        return cls(**given)
    except (TypeError, AttributeError) as error:  # a number where a list is expected, for example
        raise InputError(f"{kind} cannot be made of {given!r}: {error}") from error


def _value(value: Any, depth: int) -> Any:
    if isinstance(value, Mapping):
        return _from_config(value, depth + 1)
    return tuple(_value(v, depth) for v in value) if isinstance(value, list | tuple) else value
