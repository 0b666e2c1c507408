"""Masks of values: counted from 1, 0 and 255, multiples, stretched, outside the legend."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

import numpy as np

from densa.datasets.codings import holds_0_and_255
from densa.datasets.masks import MaskScan
from densa.datasets.wording import listed
from densa.doctor.codes import FIX
from densa.doctor.codings.objects import number_objects
from densa.doctor.codings.recoding import Code, Miscoding, Recoding, pixels_of
from densa.legend import IGNORE, Legend, default_colors

__all__ = ["miscoded_values"]

_MOST_CLASSES = 64
_GAP = {-32768, -9999, -1, 9999, 32767, 65535, 4294967295}
"""Values that programs write for "no data"."""


def miscoded_values(scans: Sequence[MaskScan], legend: Legend | None, pieces: dict[object, int]) -> Iterator[Miscoding]:
    """What is wrong with the values of masks.

    Args:
        scans: contents of masks that hold values.
        legend: names their classes; None where densa could not infer one.
        pieces: number of connected pieces of each mask by its path, for masks of many values.
    """
    pixels = pixels_of(scans)
    if legend is not None:
        known = {*legend.codes, *legend.ignored_codes}
        if found := _zero_255(scans, legend):
            yield found
            return
        unknown = sorted(set(pixels) - known - ({IGNORE} if IGNORE in legend.ignored_codes else set()))
        if not unknown:
            return
        yield (
            number_objects(scans, pieces, known)
            or _counted_otherwise(scans, legend, pixels)
            or _spread(scans, pixels, legend)
            or _luminance(scans, legend, pixels)
            or _outside(scans, legend, pixels, unknown)
        )
        return
    yield (
        _zero_255(scans, None)
        or number_objects(scans, pieces, set())
        or _spread(scans, pixels, None)
        or Miscoding(
            "value-outside-legend",
            f"the masks hold the values {listed(sorted(pixels))}, which do not number classes, and there is no legend",
            tuple(scan.path for scan in scans),
            mend="write legend.json with the class of each value into DATA, or give --legend FILE",
        )
    )


def _zero_255(scans: Sequence[MaskScan], legend: Legend | None) -> Miscoding | None:
    """Two classes as 0 and 255, where the legend says 0 and 1, or where other masks hold 0 and 1."""
    binary = legend is not None and legend.codes == (0, 1) and IGNORE in legend.ignored_codes
    if legend is not None and not binary:
        return None
    full = [scan for scan in scans if holds_0_and_255(scan.values)]
    small = [scan for scan in scans if 1 in scan.values]
    others = {value for scan in scans for value in scan.values} - {0, 1, IGNORE}
    if not full or others or any(IGNORE in scan.values for scan in small):
        return None
    if not small and not binary:
        return None
    names = ("background", "foreground") if legend is None else legend.class_names
    made = Legend(names) if legend is None else Legend(names, legend.colors)
    if small:
        sentence = (
            f"{len(full)} of {len(scans)} masks code their classes as 0 and 255, {len(small)} as 0 and 1: 255 would be "
            "a class in some and not labelled in others"
        )
        table: dict[Code, int] = {0: 0, 1: 1, IGNORE: 1}
        return Miscoding("zero-255", sentence, _paths(full), Recoding(made, table), mend=FIX)
    sentence = "the masks hold 0 and 255, but the legend has the indices 0 and 1 and ignores 255"
    file = Legend(names, made.colors, codes=(0, IGNORE))
    recoding = Recoding(made, {0: 0, IGNORE: 1})
    mend = f'LEGEND gives the second class "index": 255; or {FIX}'
    return Miscoding("zero-255", sentence, _paths(full), recoding, mend=mend, legend_file=file)


def _counted_otherwise(scans: Sequence[MaskScan], legend: Legend, pixels: dict[int, int]) -> Miscoding | None:
    """Values that are the legend's, one more or one less."""
    classes = sorted(set(pixels) - set(legend.ignored_codes))
    for offset in (-1, 1):
        moved = [value + offset for value in classes]
        if not set(moved) <= set(legend.codes) or len(classes) < min(2, legend.n_classes):
            continue
        if offset == 1 and (len(classes) < legend.n_classes or legend.n_classes < 3):
            continue  # 0 may be the pixels without a class
        table: dict[Code, int] = {value: legend.codes.index(value + offset) for value in classes}
        table |= dict.fromkeys(legend.ignored_codes, IGNORE)
        first, last = min(legend.codes), max(legend.codes)
        sentence = (
            f"the masks are off by one: they hold {classes[0]} to {classes[-1]}, the legend numbers its classes "
            f"{first} to {last}"
        )
        made = Legend(legend.class_names, legend.colors)
        outside = [scan for scan in scans if set(scan.values) - {*legend.codes, *legend.ignored_codes}]
        return Miscoding(
            "off-by-one",
            sentence,
            _paths(outside),
            Recoding(made, table),
            mend=f"--mask-offset {offset}; or {FIX}",
            details={"offset": offset},
        )
    return None


def _spread(scans: Sequence[MaskScan], pixels: dict[int, int], legend: Legend | None) -> Miscoding | None:
    """Classes that are multiples of a number, or stretched evenly over the range of the type."""
    values = sorted(value for value in pixels if value >= 0)
    if len(values) < 2 or values[-1] < 2:
        return None
    n_known = None if legend is None else legend.n_classes
    step, n = _even_step(values, n_known)
    if not n:
        return None
    of_values = {value: round(value / step) for value in values}
    ignored: set[int] = set()
    wide = values[-1] > IGNORE
    if legend is not None and not set(of_values.values()) <= set(range(legend.n_classes)):
        return None
    if legend is None:
        names = ("background", "foreground") if n == 2 else tuple(f"class_{i}" for i in range(n))
        colors = default_colors(n)
    else:
        names, colors = legend.class_names, legend.colors
    made = Legend(names, colors)
    table: dict[Code, int] = {value: i for value, i in of_values.items()}  # noqa: C416
    codes = [round(i * step) for i in range(len(names))]
    for value, i in of_values.items():
        codes[i] = value
    file = Legend(names, colors, codes=tuple(codes), ignored_codes=(IGNORE,) if IGNORE not in codes else ())
    shown = f"{step:.0f}" if abs(step - round(step)) < 1e-9 else f"{step:.2f}"
    code = "value-stretched" if wide else "value-multiples"
    how = "stretched over the range of 16 bits" if wide else "multiples"
    sentence = f"the masks hold {listed(values)}: the classes 0 to {n - 1}, {how} of {shown}"
    return Miscoding(
        code,
        sentence,
        _paths(scan for scan in scans if set(scan.values) - ignored - {0}),
        Recoding(made, table),
        mend=f'LEGEND gives every class its value as "index"; or {FIX}',
        legend_file=file,
        details={"step": step},
    )


def _even_step(values: Sequence[int], n_known: int | None) -> tuple[float, int]:
    """The step of evenly spread values and the number of classes; 0 classes where they are not spread evenly."""
    if values[-1] == IGNORE and len(values) > 2 and math.gcd(*values[:-1]) > 1 and IGNORE % math.gcd(*values[:-1]):
        values = values[:-1]
    step = math.gcd(*values)
    n = values[-1] // step + 1
    if step > 1 and n <= (n_known or _MOST_CLASSES) and 3 * len(values) > n:
        return float(step), n
    tops = [65535, values[-1]] if values[-1] > IGNORE else [IGNORE]
    for top in tops:
        counts = [n_known] if n_known is not None else range(2, 33)
        for n in counts:
            if n < 2 or 3 * len(values) <= n or top / (n - 1) < 4:
                continue
            even = top / (n - 1)
            if all(abs(value - round(value / even) * even) <= 1 for value in values):
                return even, n
    return 0.0, 0


def _luminance(scans: Sequence[MaskScan], legend: Legend, pixels: dict[int, int]) -> Miscoding | None:
    """Colours of the legend that were converted to grey."""
    red, green, blue = np.asarray(legend.colors, np.float64).T
    grey = np.round(0.299 * red + 0.587 * green + 0.114 * blue).astype(int).tolist()
    wanted = sorted(value for value in pixels if value not in legend.ignored_codes)
    if (
        len(set(grey)) < legend.n_classes
        or max(wanted) <= max(legend.codes)
        or min(np.diff(sorted(grey)), default=0) < 3
    ):
        return None
    table: dict[Code, int] = {}
    for value in wanted:
        near = min(range(legend.n_classes), key=lambda i: abs(grey[i] - value))
        if abs(grey[near] - value) > 1:
            return None
        table[value] = near
    sentence = f"the masks hold {listed(wanted)}: the colours of the legend, converted to grey"
    codes = list(grey)
    for value in wanted:
        codes[table[value]] = value
    file = Legend(legend.class_names, legend.colors, codes=tuple(codes))
    made = Legend(legend.class_names, legend.colors)
    mend = f'LEGEND gives every class its value as "index"; or {FIX}'
    return Miscoding("colours-greyed", sentence, _paths(scans), Recoding(made, table), mend, file)


def _outside(scans: Sequence[MaskScan], legend: Legend, pixels: dict[int, int], unknown: Sequence[int]) -> Miscoding:
    """Values that no class has."""
    files = [scan for scan in scans if set(scan.values) & set(unknown)]
    n = sum(pixels[value] for value in unknown)
    near = {value: min(range(legend.n_classes), key=lambda i: abs(legend.codes[i] - value)) for value in unknown[:5]}
    nearest = ", ".join(
        f"{value} is nearest to {legend.class_names[i]} ({legend.codes[i]})" for value, i in near.items()
    )
    table: dict[Code, int] = {code: i for i, code in enumerate(legend.codes)}
    table |= dict.fromkeys([*legend.ignored_codes, *unknown], IGNORE)
    recoding = Recoding(Legend(legend.class_names, legend.colors), table)
    ignoring = " ".join(f"--ignore {value}" for value in unknown[:5]) + (" ..." if len(unknown) > 5 else "")
    details = {"pixels": {str(value): pixels[value] for value in unknown[:64]}}
    if set(unknown) <= _GAP or (len(unknown) == 1 and unknown[0] < 0):
        sentence = f"{listed(unknown)} stands for no data in {n} pixels of {len(files)} masks, which no file declares"
        return Miscoding("nodata-in-mask", sentence, _paths(files), recoding, f"{ignoring}; or {FIX}", details=details)
    sentence = (
        f"{listed(unknown)} {'is' if len(unknown) == 1 else 'are'} not in the legend (values {_spans(legend.codes)}): "
        f"{n} pixels in {len(files)} of {len(scans)} masks; {nearest}"
    )
    mend = f"name {'it' if len(unknown) == 1 else 'them'} in the legend, or leave out: {ignoring}; or {FIX}"
    if unknown == [max(legend.codes) + 1] and 0 in pixels and 0 in legend.codes:
        mend = f"if 0 means not labelled, --mask-offset -1; otherwise {mend}"
    return Miscoding("value-outside-legend", sentence, _paths(files), recoding, mend, details=details)


def _spans(codes: Sequence[int]) -> str:
    """0 to 4, or a list."""
    even = len(codes) > 2 and all(b == a + 1 for a, b in pairwise(codes))
    return f"{codes[0]} to {codes[-1]}" if even else listed(codes)


def _paths(scans: Iterable[MaskScan]) -> tuple:  # type: ignore[type-arg]
    return tuple(scan.path for scan in scans)
