"""How the masks of a data set are coded: what is wrong with it, and how they are to be read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from densa.datasets.masks import Encoding, MaskScan
from densa.doctor.codes import FIX
from densa.doctor.codings.colours import miscoded_colors
from densa.doctor.codings.objects import number_objects
from densa.doctor.codings.recoding import Code, Miscoding, Recoding, as_read
from densa.doctor.codings.values import miscoded_values
from densa.legend import IGNORE, Color, Legend

__all__ = ["miscodings"]


def miscodings(
    scans: Sequence[MaskScan],
    legend: Legend | None,
    encoding: Encoding | None,
    pieces: dict[object, int],
    refusal: str,
    *,
    inferred: bool = False,
) -> tuple[list[Miscoding], Recoding | None]:
    """What is wrong with the coding of masks, and how they are to be read.

    Args:
        scans: contents of the masks.
        legend: of the data set; None where there is none and densa could not infer one.
        encoding: how densa reads the masks; None where it cannot.
        pieces: number of connected pieces of each mask by its path, for masks of many values.
        refusal: why densa cannot open the data set; "" where it can.
        inferred: the legend was inferred from the masks.

    Returns:
        The miscodings, and the reading that mends them; None where it cannot be told.
    """
    colored = [scan for scan in scans if scan.is_rgb and scan.colors and not scan.values]
    plain = [scan for scan in scans if scan not in colored]
    if encoding == "near-colors" and legend is not None:
        return [], as_read(legend, encoding)
    found = _lossy(scans, legend)
    if not found and encoding != "instances":
        found = _palettes(scans, legend) if refusal else []
        if not found and colored and (not plain or encoding == "colors"):
            found = list(miscoded_colors(colored if not plain else scans, legend))
        elif not found and colored:
            found = [_both(colored, plain)]
        elif not found and plain and encoding != "colors":
            objects = number_objects(plain, pieces, set()) if inferred else None
            found = [objects] if objects else list(miscoded_values(plain, legend, pieces))
    if refusal and not found and scans:
        found = [
            Miscoding(
                "coding-mixed", refusal, tuple(scan.path for scan in scans), mend="give one legend: --legend FILE"
            )
        ]
    recoding = next((one.recoding for one in found if one.recoding is not None), None)
    if recoding is None and not found and legend is not None and encoding is not None:
        recoding = as_read(legend, encoding)
    return found, recoding


def _lossy(scans: Sequence[MaskScan], legend: Legend | None) -> list[Miscoding]:
    """Masks that a compression altered: as far as they hold values; colours are mended like anti-aliased ones."""
    lossy = [scan for scan in scans if scan.origin and scan.origin.loss]
    if not lossy:
        return []
    if any(scan.is_rgb and not scan.values for scan in lossy):
        found = list(miscoded_colors(scans, legend))
        if found:
            return found
    kinds = " and ".join(sorted({str(scan.origin.loss) for scan in lossy if scan.origin}))
    sentence = f"{len(lossy)} of {len(scans)} masks are stored with lossy compression ({kinds})"
    files = tuple(scan.path for scan in lossy)
    if legend is not None:
        base = as_read(legend, "values")
        made = Legend(legend.class_names, legend.colors)
        return [Miscoding("mask-lossy", sentence, files, Recoding(made, base.table, nearest=True))]
    main = _main_values(scans)
    if main is None:
        return [Miscoding("mask-lossy", sentence, files, mend="save them anew as PNG or TIFF from the originals")]
    names = ("background", "foreground") if len(main) == 2 else tuple(f"class_{value}" for value in main)
    table: dict[Code, int] = {value: i for i, value in enumerate(main)}
    return [Miscoding("mask-lossy", sentence, files, Recoding(Legend(names), table, nearest=True))]


def _main_values(scans: Sequence[MaskScan]) -> list[int] | None:
    """The few values of most pixels, far apart, around which compression scattered the others."""
    pixels: Counter[int] = Counter()
    for scan in scans:
        for code, n in scan.counts:
            pixels[code[0] if isinstance(code, tuple) else code] += n
    total = sum(pixels.values())
    main: list[int] = []
    for value, n in pixels.most_common():
        if n < 0.01 * total:
            break
        if all(abs(value - other) > 20 for other in main):
            main.append(value)
    return sorted(main) if 2 <= len(main) <= 12 else None


def _palettes(scans: Sequence[MaskScan], legend: Legend | None) -> list[Miscoding]:
    """Palettes that number the same colours otherwise from file to file."""
    palettes = [scan for scan in scans if scan.palette]
    number: dict[Color, int] = {}
    unlike: list[Path] = []
    for scan in palettes:
        for value, color in scan.palette:
            if number.setdefault(color, value) != value:
                unlike.append(scan.path)
    if not unlike or len(palettes) < len(scans):
        return []
    known = set() if legend is None else {*legend.colors, *legend.ignored_colors}
    if legend is not None and not set(number) <= known:
        return []
    if legend is None:
        colors = tuple(sorted(number))
        legend = Legend(tuple("#{:02X}{:02X}{:02X}".format(*color) for color in colors), colors)
    table: dict[Code, int] = {color: i for i, color in enumerate(legend.colors)}
    table |= dict.fromkeys(legend.ignored_colors, IGNORE)
    made = Legend(legend.class_names, legend.colors)
    sentence = (
        f"the palettes of the masks number the same colours otherwise ({len(set(unlike))} of {len(palettes)} files)"
    )
    recoding = Recoding(made, table, by_color=True)
    mend = f"LEGEND names the colours, by which the masks are then read; or {FIX}"
    return [Miscoding("palettes-differ", sentence, tuple(unlike), recoding, mend, legend_file=legend)]


def _both(colored: Sequence[MaskScan], plain: Sequence[MaskScan]) -> Miscoding:
    few, many = sorted((colored, plain), key=len)
    what = "colours" if few is colored else "values"
    sentence = (
        f"{len(few)} of {len(colored) + len(plain)} masks hold {what}, the others "
        f"{'values' if few is colored else 'colours'} (first: {few[0].path.name} and {many[0].path.name})"
    )
    return Miscoding(
        "coding-mixed",
        sentence,
        tuple(scan.path for scan in few),
        mend="give all masks one coding, or a legend of both",
    )
