"""The legend that a data set is read with: given, of a file in the folder, of the layout, or inferred."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypedDict

from densa import raster
from densa.datasets.codings import check_legend, check_one_coding, check_storage
from densa.datasets.ignoring import without_ignored
from densa.datasets.inferring.known import legend_of_masks
from densa.datasets.layouts.layout import Coding, Layout
from densa.datasets.legends import CELLS, OBJECTS, choose_encoding, read_legend
from densa.datasets.masks import Encoding, MaskScan
from densa.datasets.offset import with_offset
from densa.errors import InputError
from densa.legend import Legend

__all__ = ["MaskReading", "choose_legend", "stated_legend"]


class MaskReading(TypedDict, total=False):
    """How masks are read, as options say.

    Attributes:
        classes: name of a set of classes of the layout; None: the first.
        ignore: values, colours and names of classes that are not labelled.
        instances: the masks number objects.
        mask_offset: added to the values of the masks.
    """

    classes: str | None
    ignore: Sequence[int | str]
    instances: bool
    mask_offset: int


def choose_legend(
    layout: Layout,
    results: Sequence[MaskScan | InputError],
    given: Legend | Path | str | None,
    *,
    classes: str | None = None,
    ignore: Sequence[int | str] = (),
    instances: bool = False,
    mask_offset: int = 0,
) -> tuple[Legend, Encoding, str]:
    """The legend of a data set, the encoding of its masks, and where the legend comes from, for people.

    Args:
        layout: of the data set.
        results: contents of its masks, or why one cannot be read.
        given: a legend or its file.
        classes: name of a set of classes of the layout; None: the first.
        ignore: values, colours and names of classes that are not labelled.
        instances: the masks number objects.
        mask_offset: added to the values of the masks.

    Raises:
        InputError: masks that can be read in several ways, or that do not fit the legend.
    """
    scans = [result for result in results if isinstance(result, MaskScan)]
    coding = _coding_of(layout, given, classes)
    legend, source = _given(layout, given, coding)
    if mask_offset and legend is not None:
        moved = with_offset(legend, mask_offset, "instances" if layout.instances or instances else None)
        coding = replace(coding, legend=moved) if coding is not None and legend is coding.legend else coding
        legend = moved
    if layout.instances or instances:
        return _of_objects(layout, scans, legend, source, ignore)
    near = coding is not None and coding.nearest and legend is coding.legend
    if not near:
        check_storage(scans)
    if coding is not None and legend is coding.legend:
        encoding = coding.encoding or choose_encoding(scans, legend)
        if near and encoding == "colors":
            encoding = "near-colors"
        elif scans:
            check_one_coding(scans, legend)
    elif legend is not None:
        check_one_coding(scans, legend)
        check_legend(scans, legend)
        encoding = choose_encoding(scans, legend)
    else:
        legend, encoding, source = _of_masks(layout, results, scans, ignore)
        legend = with_offset(legend, mask_offset, encoding, inferred=True) if mask_offset else legend
    if mask_offset and encoding != "values":
        with_offset(legend, mask_offset, encoding)  # says what these masks hold
    return without_ignored(legend, encoding, ignore) if ignore else legend, encoding, source


def stated_legend(
    layout: Layout, given: Legend | Path | str | None, *, classes: str | None = None, mask_offset: int = 0
) -> Legend | None:
    """The legend of a data set before its masks are looked at; None where they are to tell it; see `choose_legend`."""
    legend = _given(layout, given, _coding_of(layout, given, classes))[0]
    return with_offset(legend, mask_offset) if mask_offset and legend is not None else legend


def _coding_of(layout: Layout, given: Legend | Path | str | None, classes: str | None) -> Coding | None:
    """The layout's own coding: that of `classes`, or the one of a given legend's classes, or the first."""
    if classes is not None and (classes not in layout.codings):
        sets = [name for name in layout.codings if name]
        have = f"has {' and '.join(sets)}" if sets else "has one set of classes; leave it out"
        raise InputError(f"classes must be a set of classes of the layout {layout.kind}, which {have}, got {classes}")
    if classes is not None:
        return layout.codings[classes]
    codings = list(layout.codings.values())
    if isinstance(given, Legend):
        codings.sort(key=lambda coding: coding.legend.class_names != given.class_names)
    return codings[0] if codings else None


def _given(layout: Layout, given: Legend | Path | str | None, coding: Coding | None) -> tuple[Legend | None, str]:
    """The legend before the masks are looked at, and its source; None where they are to tell it.

    A legend that is given without a file, as that of a model, names the classes: how the files code them, the layout
    says, where it knows these classes.

    Raises:
        InputError: a file that cannot be read, or another legend than that of labels that are no masks.
    """
    if any(sample.drawn is not None for sample in layout.samples):
        if coding is None:
            raise InputError(f"no classes are known of the labels of {layout.root}")
        own = read_legend(Path(given)) if isinstance(given, (str, Path)) else given
        if own is not None and own.class_names != coding.legend.class_names:
            raise InputError(
                f"the labels of {layout.root} have the classes {', '.join(coding.legend.class_names)}, the legend "
                f"{', '.join(own.class_names)}; leave the legend out"
            )
        return coding.legend, coding.source
    if isinstance(given, Legend):
        known = coding is not None and coding.legend.class_names == given.class_names
        return (coding.legend, coding.source) if known and coding is not None else (given, "given")
    file = Path(given) if given is not None else layout.legend
    if file is not None:
        return read_legend(file), str(file)
    return (None, "") if coding is None else (coding.legend, coding.source)


def _of_objects(
    layout: Layout, scans: Sequence[MaskScan], legend: Legend | None, source: str, ignore: Sequence[int | str]
) -> tuple[Legend, Encoding, str]:
    """Background and object of masks that number objects."""
    check_storage(scans)
    if legend is not None and legend.n_classes != 2:
        raise InputError(f"instance masks have 2 classes, background and object; {source} has {legend.n_classes}")
    if ignore:
        raise InputError("ignore does not go with masks that number objects; leave it out")
    return legend or (CELLS if layout.kind == "cell-tracking" else OBJECTS), "instances", source or "instance masks"


def _of_masks(
    layout: Layout,
    results: Sequence[MaskScan | InputError],
    scans: Sequence[MaskScan],
    ignore: Sequence[int | str],
) -> tuple[Legend, Encoding, str]:
    """The legend that the masks carry, or that is inferred from them."""
    if not scans:
        unread = [str(result) for result in results]
        why = f"none can be read: {'; '.join(unread[:3])}" if unread else "it has none"
        raise InputError(f"no legend can be inferred from the masks of {layout.root}: {why}")
    carried = {raster.carried_legend(scan.path) for scan in scans}
    if len(carried) == 1 and (legend := carried.pop()) is not None:
        return legend, choose_encoding(scans, legend), "carried by the masks"
    return legend_of_masks(scans, layout.kind, tuple(ignore))
