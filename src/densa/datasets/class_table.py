"""The classes of labels that are drawn: one table over all files, or that of a legend."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from densa.datasets.wording import listed
from densa.errors import InputError
from densa.legend import IGNORE, Legend, is_ignored_name
from densa.raster import Window

__all__ = [
    "BACKGROUND",
    "NONE",
    "REST",
    "UNLABELLED",
    "ClassTable",
    "Classed",
    "ClassedPieces",
    "Numbered",
    "NumberedPieces",
    "Value",
    "class_table",
    "in_order",
]

Value = int | str
"""What a class is called in a file."""

BACKGROUND, NONE = "background", "none"
REST, UNLABELLED = -1, -2
"""Numbers of pixels that nothing covers, and of those that have no label whatever the classes are."""


@dataclass(frozen=True)
class ClassTable:
    """Classes, and which of them the values of files are.

    Attributes:
        legend: of the classes.
        labels: (n + 2,) uint8 class of each value by its number, `IGNORE` for those that mean that there is no label;
            then `IGNORE` at `UNLABELLED`, and at `REST` the class of pixels that nothing covers.
    """

    legend: Legend
    labels: NDArray[np.uint8]

    @property
    def rest(self) -> str | None:
        """Name of the class of pixels that nothing covers; None where they are not labelled."""
        label = int(self.labels[REST])
        return None if label == IGNORE else self.legend.class_names[label]


class Numbered(Protocol):
    """What is drawn on an image, by the numbers of values; see `ClassTable`."""

    @property
    def height(self) -> int:
        """Height of the image in pixels."""
        ...

    @property
    def width(self) -> int:
        """Width of the image in pixels."""
        ...

    def numbers(self, window: Window) -> NDArray[np.int32]:
        """(h, w) number of the value of each pixel of a window, `REST` or `UNLABELLED`."""
        ...


class Classed:
    """The label map of what is drawn by numbers; a `LabelSource`.

    Args:
        drawn: on the image.
        labels: of a `ClassTable`.
    """

    def __init__(self, drawn: Numbered, labels: NDArray[np.uint8]) -> None:
        self.drawn, self.labels = drawn, labels
        self.height, self.width = drawn.height, drawn.width

    @property
    def is_partial(self) -> bool:
        """Whether pixels that nothing covers have no label."""
        return int(self.labels[REST]) == IGNORE

    def read(self, window: Window) -> NDArray[np.uint8]:
        """(h, w) uint8 class of each pixel of a window; 255 where it has no label."""
        return self.labels[self.drawn.numbers(window)]


class NumberedPieces(Numbered, Protocol):
    """A `Numbered` that is drawn by features, some of which can be left out."""

    def pieces(self) -> NDArray[np.int32]:
        """(n,) number of the value of each feature; `UNLABELLED` where none of its pixels is on the image."""
        ...

    def without_pieces(self, pieces: Set[int]) -> NumberedPieces:
        """The same, where what some of the features cover is not labelled."""
        ...


class ClassedPieces(Classed):
    """The label map of features; an `InPieces` where nothing else has a class."""

    def __init__(self, drawn: NumberedPieces, labels: NDArray[np.uint8]) -> None:
        super().__init__(drawn, labels)
        self._features = drawn

    def classes_of_pieces(self) -> NDArray[np.int64]:
        """(n,) class of each feature; 255 where it labels no pixel of the image."""
        return self.labels[self._features.pieces()].astype(np.int64)

    def without_pieces(self, pieces: Set[int]) -> ClassedPieces:
        """The same labels, where what some of the features cover is not labelled."""
        return ClassedPieces(self._features.without_pieces(pieces), self.labels)


def in_order(values: Iterable[Value]) -> tuple[Value, ...]:
    """Different values in order: numbers, then names by the alphabet."""
    found = set(values)
    numbers = sorted(value for value in found if isinstance(value, int))
    names = sorted((v for v in found if isinstance(v, str)), key=lambda name: (name.casefold(), name))
    return (*numbers, *names)


def class_table(
    values: Sequence[Value],
    *,
    legend: Legend | None = None,
    background: str | None = None,
    ignore: Iterable[Value] = (),
) -> ClassTable:
    """The classes of values.

    Without a legend, they are the values, in their order; "void", "ignore", "unlabelled" and the like are no classes
    but mean that pixels are not labelled. With one, a value is the class of this name, or of this index.

    Args:
        values: that occur in the files, each once; its place is its number.
        legend: of the classes; None: they are those that occur.
        background: name of the class of pixels that nothing covers, the first class where no value has this name;
            "none" or None: they are not labelled.
        ignore: names or numbers of classes whose pixels are not labelled.

    Raises:
        InputError: the legend has no such class, or no class is left.
    """
    gone = {str(value).casefold() for value in ignore}
    known = {str(value).casefold() for value in values}
    if unknown := sorted(gone - known):
        raise InputError(f"ignore must be a class of the labels ({listed(values)}), got {unknown[0]!r}")
    ignored = [value for value in values if is_ignored_name(str(value)) or str(value).casefold() in gone]
    kept = [value for value in values if value not in ignored]
    wanted = None if background in (None, NONE) else background
    if legend is not None:
        return _of_legend(values, ignored, legend, wanted)
    shown = [str(value) for value in kept]
    if wanted is not None and wanted not in shown:
        shown = [wanted, *shown]
    if len(set(shown)) < len(shown):
        twice = next(name for name in shown if shown.count(name) > 1)
        raise InputError(f"a class is called {twice!r} by a number and by text; give all features one form")
    if not shown:
        raise InputError(f"the labels have no class but {listed(values)}: nothing is labelled")
    labels = [IGNORE if value in ignored else shown.index(str(value)) for value in values]
    return _table(Legend(tuple(shown)), labels, IGNORE if wanted is None else shown.index(wanted))


def _of_legend(values: Sequence[Value], ignored: Sequence[Value], legend: Legend, background: str | None) -> ClassTable:
    exact = {name: i for i, name in enumerate(legend.class_names)}
    folded = {name.casefold(): i for i, name in enumerate(legend.class_names)}
    by_code = dict(zip(legend.codes, range(legend.n_classes), strict=True))
    labels, unknown = [], []
    for value in values:
        text = str(value)
        place = exact.get(text, folded.get(text.casefold()))
        if place is None and isinstance(value, int):
            place = by_code.get(value)
        if value in ignored or (place is None and value in legend.ignored_codes):
            place = IGNORE
        if place is None:
            unknown.append(text)
        labels.append(IGNORE if place is None else place)
    if unknown:
        raise InputError(
            f"the labels have the classes {listed(unknown)}, which the legend does not name: "
            f"{listed(legend.class_names)}; give a legend of all classes, or ignore={unknown[0]}"
        )
    if background is not None and background.casefold() not in folded:
        raise InputError(
            f"background must be a class of the legend ({listed(legend.class_names)}) or {NONE}, got {background!r}"
        )
    return _table(legend, labels, IGNORE if background is None else folded[background.casefold()])


def _table(legend: Legend, labels: Sequence[int], rest: int) -> ClassTable:
    return ClassTable(legend, np.array([*labels, IGNORE, rest], np.uint8))
