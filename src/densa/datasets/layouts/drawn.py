"""The classes of a layout whose labels are drawn: those of its files, or of a legend."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from densa.datasets.class_table import NONE, Classed, Value, class_table
from densa.datasets.layouts.layout import Coding, Layout
from densa.datasets.legends import read_legend
from densa.datasets.wording import listed
from densa.errors import InputError
from densa.legend import Legend

__all__ = ["classed"]


def classed(
    layout: Layout,
    legend: Legend | Path | str | None = None,
    *,
    background: str | None = None,
    ignore: Iterable[Value] = (),
) -> Layout | None:
    """The layout with the classes of its labels, and a line on them; None where its labels are masks.

    Args:
        layout: whose samples draw a `Classed`.
        legend: the classes or their file; None: that of the layout, or else the values of the files.
        background: class of pixels that nothing covers, or "none"; None: that of the layout.
        ignore: classes that are not labelled.

    Raises:
        InputError: the legend has not the classes of the files, or masks have no background.
    """
    if layout.values is None:
        if background is not None:
            raise InputError("background is the class of pixels that no shape covers, and these labels are masks")
        return None
    given = legend if legend is not None else layout.legend
    own = read_legend(Path(given)) if isinstance(given, (str, Path)) else given
    rest = layout.background if background is None else background
    if own is not None and background is None and rest is not None and not _names(own, rest):
        rest = None
    table = class_table(layout.values, legend=own, background=rest, ignore=ignore)
    source = str(given) if isinstance(given, (str, Path)) else layout.codings[""].source if layout.codings else "given"
    uncovered = f"are the class {table.rest}" if table.rest is not None else "are not labelled"
    hint = f"--background {NONE} leaves them without a label" if table.rest is not None else ""
    hint = hint or "--background NAME gives them a class"
    line = f"classes: {listed(table.legend.class_names)} ({source}); pixels that nothing covers {uncovered} ({hint})"
    splits = {
        split: [
            replace(s, drawn=type(s.drawn)(s.drawn.drawn, table.labels)) if isinstance(s.drawn, Classed) else s
            for s in samples
        ]
        for split, samples in layout.splits.items()
    }
    return replace(layout, splits=splits, codings={"": Coding(table.legend, source)}, remarks=[*layout.remarks, line])


def _names(legend: Legend, name: str) -> bool:
    return name.casefold() in {own.casefold() for own in legend.class_names}
