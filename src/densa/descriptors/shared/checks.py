"""Checks of the descriptors' parameters."""

import math
from collections.abc import Sequence
from typing import Any

from densa.errors import InputError


def as_positive(value: Any, name: str, most: float = math.inf) -> float:
    """A finite number above 0 and at most `most`; otherwise an InputError that states its name."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not (0 < number <= most and math.isfinite(number)):
        limit = "" if math.isinf(most) else f" and at most {most:g}"
        raise InputError(f"{name} must be a finite number above 0{limit}, got {value!r}")
    return number


def as_count(value: Any, name: str, least: int = 1, most: int = 2**31 - 1) -> int:
    """A whole number from `least` to `most`; otherwise an InputError that states its name."""
    if isinstance(value, bool) or not hasattr(value, "__index__") or not least <= value.__index__() <= most:
        raise InputError(f"{name} must be a whole number from {least} to {most}, got {value!r}")
    return int(value.__index__())


def as_choices(values: Any, choices: Sequence[str], name: str) -> tuple[str, ...]:
    """Some of the choices, each at most once, in the order of `choices`; otherwise an InputError that lists them."""
    chosen = (values,) if isinstance(values, str) else tuple(values)
    if not chosen or len(set(chosen)) != len(chosen) or not set(chosen) <= set(choices):
        raise InputError(f"{name} must be some of {', '.join(choices)}, each once, got {', '.join(map(str, chosen))!r}")
    return tuple(choice for choice in choices if choice in chosen)
