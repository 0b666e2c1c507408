"""Checks of arguments: return the converted value, or raise an InputError that names the argument."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from numbers import Real
from typing import TYPE_CHECKING, Any

from densa.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["as_choices", "as_count", "as_positive", "check_gaps", "largest_number"]


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


def check_gaps(largest: int, n_regions: int) -> None:
    """Refuse a few regions with huge numbers where a table has a row for every number.

    Args:
        largest: number of a region.
        n_regions: how many there are, or an upper limit.
    """
    if largest > 16 * n_regions + 2**20:
        raise InputError(
            f"regions must be numbered without wide gaps, got at most {n_regions} regions and numbers up to {largest}; "
            "number them anew (densa.regions.relabel, or connected components of the map)"
        )


def largest_number(regions: NDArray[np.integer]) -> int:
    """The largest of region numbers from 0; the table of all numbers up to it is not much larger than the image.

    Raises:
        InputError: a few regions with huge numbers.
    """
    largest = int(regions.max())
    if largest > regions.size:
        import numpy as np

        check_gaps(largest, len(np.unique(regions)))
    return largest
