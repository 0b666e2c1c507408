"""Masks of colours: mixed by compression or anti-aliasing, red and blue exchanged, outside the legend."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from densa.datasets.legends import MAX_INFERRED_COLORS
from densa.datasets.masks import MaskScan
from densa.doctor.codes import FIX
from densa.doctor.codings.recoding import Code, Miscoding, Recoding, nearest_color, pixels_of
from densa.legend import IGNORE, Color, Legend

__all__ = ["miscoded_colors"]

_NEAR = 60.0  # distance in RGB of a colour that compression altered
_BETWEEN = 24.0  # from the line between two colours that were mixed
_SHARE_OF_CLASS = 0.003  # of the pixels, of a colour that is a class where there is no legend
_FEW = 3  # colours that may be classes that the legend lacks


def miscoded_colors(scans: Sequence[MaskScan], legend: Legend | None) -> Iterator[Miscoding]:
    """What is wrong with the colours of masks.

    Args:
        scans: contents of masks that hold colours.
        legend: names their classes; None where densa could not infer one.
    """
    pixels: dict[Color, int] = pixels_of(scans, colors=True)
    if legend is None:
        if found := _without_legend(scans, pixels):
            yield found
        return
    known = {*legend.colors, *legend.ignored_colors}
    unknown = {color: n for color, n in pixels.items() if color not in known}
    if unknown:
        yield (
            _swapped(scans, legend, pixels, unknown)
            or _mixed(scans, legend, unknown)
            or _outside(scans, legend, pixels, unknown)
        )


def _swapped(
    scans: Sequence[MaskScan], legend: Legend, pixels: Mapping[Color, int], unknown: Mapping[Color, int]
) -> Miscoding | None:
    known = {*legend.colors, *legend.ignored_colors}
    back = {color: (color[2], color[1], color[0]) for color in pixels}
    right = sum(n for color, n in pixels.items() if back[color] in known)
    if right < 0.999 * sum(pixels.values()) or not any(color != back[color] for color in unknown):
        return None
    table: dict[Code, int] = {(b, g, r): i for i, (r, g, b) in enumerate(legend.colors)}
    table |= {(b, g, r): IGNORE for r, g, b in legend.ignored_colors}
    made = Legend(legend.class_names, legend.colors)
    names = [legend.class_names[legend.colors.index(back[c])] for c in unknown if back[c] in legend.colors]
    shown = ", ".join(f"{_hex(c)} for {_hex(back[c])}" for c in list(unknown)[:3])
    sentence = f"red and blue are exchanged in the masks ({shown}): of {', '.join(names[:3])} and others"
    files = tuple(scan.path for scan in scans if set(scan.colors) & set(unknown))
    return Miscoding("colours-swapped", sentence, files, Recoding(made, table, by_color=True))


def _mixed(scans: Sequence[MaskScan], legend: Legend, unknown: Mapping[Color, int]) -> Miscoding | None:
    """Colours near those of classes, or between two of them."""
    known = [*legend.colors, *legend.ignored_colors]
    of_mixture = {color for color in unknown if _is_mixture(color, known, between=len(unknown) > _FEW)}
    n, n_mixed = sum(unknown.values()), sum(unknown[color] for color in of_mixture)
    if n_mixed < 0.9 * n:
        return None
    made = Legend(legend.class_names, legend.colors)
    table: dict[Code, int] = {color: i for i, color in enumerate(legend.colors)}
    table |= dict.fromkeys(legend.ignored_colors, IGNORE)
    files = tuple(scan.path for scan in scans if set(scan.colors) & set(unknown))
    first = max(unknown, key=lambda color: unknown[color])
    near, _ = nearest_color(first, legend.colors)
    sentence = (
        f"{len(unknown)} colours in {len(files)} of {len(scans)} masks are not in the legend, but near its classes or "
        f"mixed of them ({n} pixels; {_hex(first)} is nearest to {legend.class_names[near]} "
        f"{_hex(legend.colors[near])}): {_cause(scans)}"
    )
    details = {"pixels": n, "colours": len(unknown)}
    recoding = Recoding(made, table, by_color=True, nearest=True)
    return Miscoding("colours-mixed", sentence, files, recoding, details=details)


def _outside(
    scans: Sequence[MaskScan], legend: Legend, pixels: Mapping[Color, int], unknown: Mapping[Color, int]
) -> Miscoding:
    files = tuple(scan.path for scan in scans if set(scan.colors) & set(unknown))
    most = sorted(unknown, key=lambda color: -unknown[color])[:5]
    said = []
    for color in most:
        near, distance = nearest_color(color, legend.colors)
        said.append(
            f"{_hex(color)}, nearest to {legend.class_names[near]} {_hex(legend.colors[near])} ({distance:.0f})"
        )
    sentence = (
        f"{len(unknown)} colour{'s' * (len(unknown) > 1)} in {len(files)} of {len(scans)} masks "
        f"{'are' if len(unknown) > 1 else 'is'} not in the legend: {sum(unknown.values())} pixels; {'; '.join(said)}"
    )
    ignoring = " ".join(f"--ignore {_hex(color)}" for color in most)
    table: dict[Code, int] = {color: i for i, color in enumerate(legend.colors)}
    table |= dict.fromkeys([*legend.ignored_colors, *unknown], IGNORE)
    recoding = Recoding(Legend(legend.class_names, legend.colors), table, by_color=True)
    mend = f"name them in the legend, or leave them out: {ignoring}; or {FIX}"
    details = {"pixels": {_hex(color): unknown[color] for color in most}}
    return Miscoding("value-outside-legend", sentence, files, recoding, mend, details=details)


def _without_legend(scans: Sequence[MaskScan], pixels: Mapping[Color, int]) -> Miscoding | None:
    """A few colours with mixtures of them around: compression or anti-aliasing."""
    total = sum(pixels.values())
    classes: list[Color] = []
    for color in sorted(pixels, key=lambda color: -pixels[color]):
        if pixels[color] < _SHARE_OF_CLASS * total:
            break
        if not classes or not _is_mixture(color, classes, between=pixels[color] < 0.02 * total):
            classes.append(color)
    rest = [color for color in pixels if color not in classes]
    few = 2 <= len(classes) <= MAX_INFERRED_COLORS
    mixed = sum(pixels[c] for c in rest if _is_mixture(c, classes, between=True)) if few else 0
    if len(rest) <= _FEW or not few or mixed < 0.8 * sum(pixels[color] for color in rest):
        return None
    if len(pixels) <= MAX_INFERRED_COLORS and mixed > 0.1 * total:
        return None
    classes.sort()
    made = Legend(tuple(_hex(color) for color in classes), tuple(classes))
    table: dict[Code, int] = {color: i for i, color in enumerate(classes)}
    files = tuple(scan.path for scan in scans if set(scan.colors) & set(rest))
    sentence = f"the masks hold {len(pixels)} colours or more, most of them mixtures of {len(classes)}: {_cause(scans)}"
    recoding = Recoding(made, table, by_color=True, nearest=True)
    return Miscoding("colours-mixed", sentence, files, recoding, details={"classes": len(classes)})


def _is_mixture(color: Color, known: Sequence[Color], *, between: bool) -> bool:
    """Whether a colour is near one of some others, or lies between two of them."""
    if nearest_color(color, known)[1] <= _NEAR:
        return True
    if not between or len(known) < 2:
        return False
    points = np.asarray(known, np.float64)
    start, end = (points[i] for i in np.triu_indices(len(points), 1))
    way = end - start
    at = np.clip(((np.asarray(color) - start) * way).sum(1) / np.maximum((way**2).sum(1), 1), 0, 1)
    apart = np.linalg.norm(start + at[:, None] * way - np.asarray(color), axis=1)
    return bool(apart.min() <= _BETWEEN)


def _cause(scans: Sequence[MaskScan]) -> str:
    lossy = sorted({str(scan.origin.loss) for scan in scans if scan.origin and scan.origin.loss})
    return f"{' and '.join(lossy)} compression is lossy" if lossy else "anti-aliasing, or a copy as JPEG"


def _hex(color: Color) -> str:
    return "#{:02X}{:02X}{:02X}".format(*color)
