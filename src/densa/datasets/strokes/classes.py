"""Classes of strokes whose file has no class table: from the names at the strokes, or from a given legend."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from densa.datasets.strokes.stroke import Stroke, Strokes
from densa.errors import InputError
from densa.legend import IGNORE, MAX_CLASSES, Legend, is_ignored_name

__all__ = ["NamedStroke", "means_unlabelled", "named_strokes", "natural_order"]

NamedStroke = tuple[str, Stroke]
"""The name of a class and a stroke, whose own label is not set yet."""
_ERASING = {"erase", "eraser"}


def means_unlabelled(name: str) -> bool:
    """Whether a class of this name erases labels."""
    return is_ignored_name(name.strip()) or name.strip().casefold() in _ERASING


def natural_order(names: Iterable[str]) -> list[str]:
    """Different names in order, numbers in them by value: class 2 before class 10."""

    def key(name: str) -> list[tuple[int, int, str]]:
        parts = re.split(r"(\d+)", name.casefold())
        return [(1, int(part), "") if part.isdecimal() else (0, 0, part) for part in parts]

    return sorted(set(names), key=lambda name: (key(name), name))


def named_strokes(found: Sequence[NamedStroke], legend: Legend | None, source: object) -> Strokes:
    """Strokes with the class indices of a legend; without one, the classes are the names in natural order.

    Names such as void, unlabelled, ignore or erase are no classes: such a stroke erases what lies below it.

    Raises:
        InputError: nothing is drawn, a name is not in the legend, or there are too many names.
    """
    drawn = natural_order(name for name, _ in found if not means_unlabelled(name))
    if not drawn:
        raise InputError(f"{source} holds no stroke with a class; draw some of every class")
    if legend is None and len(drawn) > MAX_CLASSES:
        raise InputError(f"{source} names {len(drawn)} classes, at most {MAX_CLASSES} are read; name strokes by class")
    chosen = legend or Legend(tuple(drawn))
    if unknown := [name for name in drawn if name not in chosen.class_names]:
        raise InputError(
            f"{source} draws the class {unknown[0]!r}, which the legend does not name; it has "
            f"{', '.join(chosen.class_names)}"
        )
    number = {name: chosen.class_names.index(name) for name in drawn}
    return Strokes(chosen, tuple(replace(stroke, label=number.get(name, IGNORE)) for name, stroke in found))
