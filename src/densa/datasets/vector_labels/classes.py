"""The classes of vector labels: one table over all files, or that of a legend."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from densa.datasets.vector_labels.label_features import Value
from densa.datasets.wording import listed
from densa.errors import InputError
from densa.legend import IGNORE, Legend, is_ignored_name

__all__ = ["BACKGROUND", "NONE", "ClassTable", "class_table"]

BACKGROUND, NONE = "background", "none"


@dataclass(frozen=True)
class ClassTable:
    """Classes, and which of them the values of files are.

    Attributes:
        legend: of the classes.
        labels: class of each value, `IGNORE` for those that mean that there is no label.
        rest: class of pixels that no feature covers; `IGNORE` where they are not labelled.
    """

    legend: Legend
    labels: dict[Value, int]
    rest: int

    def labels_of(self, values: Iterable[Value]) -> NDArray[np.uint8]:
        """The class of each value."""
        return np.array([self.labels[value] for value in values], np.uint8)


def class_table(values: Sequence[Value], *, legend: Legend | None = None, background: str | None = None) -> ClassTable:
    """Number the values that classes have in files.

    Without a legend, whole numbers are in their order and names in that of the alphabet; "void", "ignore", "unlabelled"
    and the like are no classes but mean that pixels are not labelled. With one, a value is the class of this name, or
    of this index.

    Args:
        values: of the classes, as they occur.
        legend: of the classes; None: they are those that occur.
        background: name of the class of pixels that no feature covers, the first class where no value has this name;
            "none" or None: they are not labelled.

    Raises:
        InputError: the legend has no such class, or there is but one.
    """
    found = sorted({v for v in values if isinstance(v, int)})
    names = sorted({v for v in values if isinstance(v, str)}, key=lambda name: (name.casefold(), name))
    wanted = None if background in (None, NONE) else background
    everything: list[Value] = [*found, *names]
    if legend is not None:
        return _of_legend(everything, legend, wanted)
    kept = [value for value in everything if not is_ignored_name(str(value))]
    shown = [str(value) for value in kept]
    if wanted is not None and wanted not in shown:
        shown = [wanted, *shown]
    if len(set(shown)) < len(shown):
        twice = next(name for name in shown if shown.count(name) > 1)
        raise InputError(f"a class is called {twice!r} by a number and by text; give all features one form")
    if not shown:
        raise InputError(f"the labels have no class but {listed(everything)}: nothing is labelled")
    labels: dict[Value, int] = dict.fromkeys(everything, IGNORE)
    labels |= {value: shown.index(str(value)) for value in kept}
    return ClassTable(Legend(tuple(shown)), labels, IGNORE if wanted is None else shown.index(wanted))


def _of_legend(values: Sequence[Value], legend: Legend, background: str | None) -> ClassTable:
    labels: dict[Value, int] = {}
    exact = {name: i for i, name in enumerate(legend.class_names)}
    folded = {name.casefold(): i for i, name in enumerate(legend.class_names)}
    by_code = dict(zip(legend.codes, range(legend.n_classes), strict=True))
    unknown = []
    for value in values:
        text = str(value)
        place = exact.get(text, folded.get(text.casefold()))
        if place is None and isinstance(value, int):
            place = by_code.get(value)
        if place is None and (is_ignored_name(text) or value in legend.ignored_codes):
            place = IGNORE
        if place is None:
            unknown.append(text)
        else:
            labels[value] = place
    if unknown:
        raise InputError(
            f"the labels have the classes {listed(unknown)}, which the legend does not name: "
            f"{listed(legend.class_names)}; give a legend of all classes, or rename them"
        )
    if background is not None and background.casefold() not in folded:
        raise InputError(
            f"background must be a class of the legend ({listed(legend.class_names)}) or {NONE}, got {background!r}"
        )
    return ClassTable(legend, labels, IGNORE if background is None else folded[background.casefold()])
