"""Reference classes of points: cells that name a class, or another raster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from densa.accuracy.point_table import is_empty, text_of
from densa.errors import InputError
from densa.legend import Legend

__all__ = ["ClassNames", "listed"]

_LISTED = 10


def listed(names: Sequence[str]) -> str:
    """The first ten, for messages."""
    return ", ".join(names[:_LISTED]) + (f", ... ({len(names)} in all)" if len(names) > _LISTED else "")


class ClassNames:
    """The classes of an assessment, and how they may be written in a cell.

    Args:
        legend: of the map; None: its values are the classes.
        codes: those that occur on the map, where there is no legend.
    """

    def __init__(self, legend: Legend | None, codes: Sequence[int]) -> None:
        self.legend = legend
        self.names = [str(code) for code in codes] if legend is None else list(legend.class_names)
        self._of_code: Mapping[int, int] = (
            {code: k for k, code in enumerate(codes)}
            if legend is None
            else {code: k for k, code in enumerate(legend.codes)}
        )
        self._ignored = () if legend is None else legend.ignored_codes
        self._exact = {name: k for k, name in enumerate(self.names)}
        folded = [name.strip().casefold() for name in self.names]
        self._folded = {name: k for k, name in enumerate(folded) if folded.count(name) == 1}

    def number(self, cell: Any) -> int | None:
        """Number of the class that a cell names, by its name or its value in the map; None where it names none.

        Raises:
            KeyError: there is no such class.
        """
        if is_empty(cell):
            return None
        text = text_of(cell)
        if text in self._exact:
            return self._exact[text]
        if text.casefold() in self._folded:
            return self._folded[text.casefold()]
        try:
            value = float(text)
        except ValueError:
            raise KeyError(text) from None
        code = int(value) if value.is_integer() else None
        if code is None or (code not in self._of_code and code not in self._ignored):
            raise KeyError(text)
        return self._of_code.get(code)

    def numbers(self, cells: Sequence[Any], ids: Sequence[str], source: Path | str) -> list[int | None]:
        """Number of the class of each cell; None where it is empty.

        Raises:
            InputError: classes that the legend does not have; the message lists them, and the points that have them.
        """
        found: list[int | None] = []
        unknown: dict[str, list[str]] = {}
        for cell, name in zip(cells, ids, strict=True):
            try:
                found.append(self.number(cell))
            except KeyError as error:
                unknown.setdefault(str(error.args[0]), []).append(name)
        if unknown:
            points = [name for names in unknown.values() for name in names]
            more = "" if self.legend is not None else "; classes that the map does not show need legend=FILE"
            raise InputError(
                f"{source} has reference classes that are not in the legend: {listed(sorted(unknown))} (points"
                f" {listed(points)}); the classes: {listed(self.names)}{more}"
            )
        return found
