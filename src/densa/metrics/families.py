"""Families: results of one method at several settings, the same settings for every image."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from densa.errors import InputError

__all__ = ["check_family", "family_settings"]


def check_family(annotators: Sequence[ArrayLike], family: Sequence[ArrayLike]) -> None:
    """Raise an InputError unless there is an annotator and a member of the family."""
    if len(annotators) == 0 or len(family) == 0:
        raise InputError(
            "annotators and family must each have at least one member,"
            f" got {len(annotators)} annotators and a family of {len(family)}"
        )


def family_settings(
    lengths: Sequence[int], settings: Sequence[float] | NDArray[np.float64] | None
) -> NDArray[np.float64]:
    """(T,) number of each setting, 1 to T by default.

    Args:
        lengths: number of settings in each image's family; all must be equal.
        settings: the numbers, or None.

    Raises:
        InputError: no image, or different lengths.
    """
    if len(set(lengths)) != 1 or (settings is not None and len(settings) != lengths[0]):
        given = "none" if settings is None else len(settings)
        raise InputError(
            "images must be one or more families of equal length,"
            f" got the lengths {sorted(set(lengths))} and {given} settings"
        )
    return np.asarray(range(1, lengths[0] + 1) if settings is None else settings, np.float64)
