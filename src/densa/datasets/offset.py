"""Masks whose values count the classes from another number than their legend."""

from __future__ import annotations

import re
from dataclasses import replace

from densa.datasets.masks import Encoding
from densa.errors import InputError
from densa.legend import Legend

__all__ = ["with_offset"]


def with_offset(legend: Legend, offset: int, encoding: Encoding | None = None, *, inferred: bool = False) -> Legend:
    """The legend of masks whose values plus `offset` are the legend's.

    A value that would be below 0 is not labelled. A legend that was moved before, as that of a model, stays.

    Args:
        legend: of the values after the offset; with `inferred`, of the values as they are in the files.
        offset: added to the values of the masks.
        encoding: of the masks, where it is known.
        inferred: the legend was inferred from the masks.

    Raises:
        InputError: the masks hold colours or numbers of objects, or no class is left.
    """
    if encoding not in (None, "values"):
        what = "numbers of objects" if encoding == "instances" else "colours"
        raise InputError(f"mask_offset is for masks that hold values, these hold {what}; leave it out")
    below = tuple(range(-offset))
    if inferred:
        kept = [i for i, code in enumerate(legend.codes) if code not in below]
        if not kept:
            raise InputError(f"mask_offset={offset} leaves no class of the values {', '.join(map(str, legend.codes))}")
        names = []
        for i in kept:
            number = re.fullmatch(r"class_(\d+)", legend.class_names[i])
            names.append(f"class_{int(number[1]) + offset}" if number else legend.class_names[i])
        return replace(
            legend,
            class_names=tuple(names),
            colors=tuple(legend.colors[i] for i in kept),
            codes=tuple(legend.codes[i] for i in kept),
            ignored_codes=tuple(dict.fromkeys((*legend.ignored_codes, *below))),
        )
    if set(below) <= set(legend.ignored_codes) and min(legend.codes) >= -offset > 0:
        return legend
    codes = tuple(code - offset for code in legend.codes)
    ignored = (*(code for code in legend.ignored_codes if code not in codes), *below)
    return replace(legend, codes=codes, ignored_codes=tuple(dict.fromkeys(ignored)))
