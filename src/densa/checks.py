"""Checks of arguments: return the converted value, or raise an InputError that names the argument."""

import math
import operator
from collections.abc import Sequence
from numbers import Real
from typing import Any

from densa.errors import InputError

__all__ = ["as_choices", "as_count", "as_positive"]


def as_positive(value: Any, name: str, most: float = math.inf) -> float:
    """A finite number above 0 and at most `most`."""
    try:
        number = float(value) if isinstance(value, Real) else math.nan
    except OverflowError:
        number = math.inf
    if not (0 < number <= most and math.isfinite(number)):
        limit = "" if math.isinf(most) else f" and at most {most:g}"
        raise InputError(f"{name} must be a finite number above 0{limit}, got {value!r}")
    return number


def as_count(value: Any, name: str, least: int = 1, most: int | None = None) -> int:
    """A whole number from `least` to `most`; booleans are refused."""
    try:
        count = operator.index(value)
    except TypeError:
        count = least - 1
    if isinstance(value, bool) or count < least or (most is not None and count > most):
        limit = "" if most is None else f" to {most}"
        raise InputError(f"{name} must be a whole number from {least}{limit}, got {value!r}")
    return count


def as_choices(values: Any, choices: Sequence[str], name: str) -> tuple[str, ...]:
    """One or more of the choices, each once, in the order of `choices`."""
    chosen = (values,) if isinstance(values, str) else tuple(values)
    if not chosen or len(set(chosen)) != len(chosen) or not set(chosen) <= set(choices):
        raise InputError(f"{name} must be some of {', '.join(choices)}, each once, got {', '.join(map(str, chosen))!r}")
    return tuple(choice for choice in choices if choice in chosen)
