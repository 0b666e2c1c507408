"""Codings that are told apart before a number comes of them: of the masks of a data set, and of predictions.

Two codings of one thing, as 1 and 255 for the same object, give wrong scores without a sign of it. Where files do not
say which coding is meant, they are refused, and both are named.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from densa.datasets.masks import Encoding, MaskScan
from densa.datasets.wording import listed
from densa.errors import InputError
from densa.legend import IGNORE, Color, Legend

__all__ = [
    "check_legend",
    "check_one_coding",
    "check_storage",
    "coding_of_predictions",
    "coding_remarks",
    "holds_0_and_255",
    "palettes_agree",
    "shows_only",
    "values_of",
]

_ALIKE = "give all files one coding"


def values_of(scans: Sequence[MaskScan]) -> set[int]:
    """The values that occur in any of the files."""
    return {value for scan in scans for value in scan.values}


def holds_0_and_255(values: Iterable[int]) -> bool:
    """Whether values are 255, or 0 and 255: background and foreground in one coding, a class and no label in others."""
    return {IGNORE} <= {*values} <= {0, IGNORE}


def shows_only(scans: Sequence[MaskScan], legend: Legend) -> bool:
    """Whether files show no colours but those of a legend."""
    known = {*legend.colors, *legend.ignored_colors}
    return all(known.issuperset(scan.colors) for scan in scans)


def palettes_agree(scans: Sequence[MaskScan], legend: Legend) -> bool:
    """Whether palettes show every value in the colour of its class; ignored values may have any."""
    shown = {pair for scan in scans for pair in scan.palette if pair[0] not in legend.ignored_codes}
    return shown <= set(zip(legend.codes, legend.colors, strict=True))


def check_storage(scans: Sequence[MaskScan], what: str = "masks") -> None:
    """Refuse label files whose values are not those that somebody gave them, or may not be.

    Raises:
        InputError: a compression altered them, or 0 is shown white and nothing tells which of the two is meant.
    """
    lossy = [scan for scan in scans if scan.origin and scan.origin.loss]
    if lossy:
        kinds = " and ".join(sorted({str(scan.origin.loss) for scan in lossy if scan.origin}))
        raise InputError(
            f"{len(lossy)} of {len(scans)} {what} are stored with lossy compression ({kinds}; first: {lossy[0].path}): "
            "it alters their values at the borders of classes; save them anew from the originals as PNG or TIFF, or "
            "map every value to the nearest class yourself"
        )
    inverted = [scan for scan in scans if _unclear_white(scan)]
    if inverted:
        raise InputError(
            f"{len(inverted)} of {len(scans)} {what} say that 0 is white (TIFF's WhiteIsZero; first: "
            f"{inverted[0].path}): stored and shown values are each other's inverse, and programs differ in which they "
            "mean; save them with black as 0 (MinIsBlack), or as PNG"
        )


def _unclear_white(scan: MaskScan) -> bool:
    """Whether stored and shown values differ; tifffile is known to mean the stored ones, for it inverts nothing."""
    origin = scan.origin
    return origin is not None and origin.white_is_zero and not scan.palette and "tifffile" not in origin.software


def check_one_coding(scans: Sequence[MaskScan], legend: Legend | None, what: str = "masks") -> None:
    """Refuse masks that code one thing in two ways.

    Args:
        scans: contents of the masks.
        legend: their legend; None where it is to be inferred, which allows less.
        what: masks or predictions, for messages.

    Raises:
        InputError: some hold 0 and 255 alone, others further classes but no 255; one colour stands at several values of
            the palettes, and is not a colour of the legend; and, without a legend, a value that some declare as nodata
            and others hold, or palettes that show other colours than the RGB files.
    """
    small = [scan for scan in scans if any(0 < value < IGNORE for value in scan.values)]
    several = any(1 < value < IGNORE for scan in small for value in scan.values)  # beside them, 255 alone is no class
    full = [scan for scan in scans if holds_0_and_255(scan.values) and not (several and 0 not in scan.values)]
    binary = legend is None or (legend.codes == (0, 1) and IGNORE in legend.ignored_codes)
    if binary and full and small and not any(IGNORE in scan.values for scan in small):
        raise InputError(
            f"some {what} hold {' and '.join(map(str, full[0].values))} (first: {full[0].path}), others "
            f"{listed(small[0].values)} (first: {small[0].path}): 255 may be a class there or mean not labelled; "
            f"{_ALIKE}"
        )
    _check_palettes(scans, legend, what)
    if legend is not None:
        return
    for scan in scans:
        for code in scan.missing:
            holds = [s for s in scans if code in (s.colors if isinstance(code, tuple) else s.values)]
            if code != IGNORE and holds:
                raise InputError(
                    f"{scan.path} declares {_shown(code)} as nodata, {holds[0].path} holds it as a value; {_ALIKE}, or "
                    f"give a legend that names {_shown(code)} as a class or ignores it"
                )
    rgb = [scan for scan in scans if scan.is_rgb and not scan.values]
    palettes = [scan for scan in scans if scan.palette]
    if rgb and palettes:
        of_rgb, of_palettes = ({c for scan in some for c in scan.colors} for some in (rgb, palettes))
        if not (of_rgb <= of_palettes or of_palettes <= of_rgb):
            raise InputError(
                f"some {what} hold RGB colours (first: {rgb[0].path}), others a palette that shows other colours "
                f"(first: {palettes[0].path}); {_ALIKE}, or give a legend of all colours"
            )


def _check_palettes(scans: Sequence[MaskScan], legend: Legend | None, what: str) -> None:
    """Refuse palettes in which one colour stands at different values, unless the legend's colours tell the classes."""
    if any(scan.colors and not scan.values for scan in scans):
        return  # beside files of colours, palettes are read by colour
    known = set() if legend is None else {*legend.colors, *legend.ignored_colors}
    places: dict[Color, tuple[int, MaskScan]] = {}
    for scan in scans:
        shown = Counter(color for _, color in scan.palette)
        for value, color in scan.palette:
            if shown[color] > 1 or color in known:
                continue
            first, other = places.setdefault(color, (value, scan))
            if first != value:
                raise InputError(
                    f"palettes of the {what} number the same colours otherwise: {_shown(color)} is {first} in "
                    f"{other.path} and {value} in {scan.path}; {_ALIKE}, or give a legend of the colours, "
                    "by which they are then read"
                )


def check_legend(scans: Sequence[MaskScan], legend: Legend) -> None:
    """Refuse a legend that was made for masks of another coding.

    Raises:
        InputError: its indices are 0 and 1, but the masks hold 0 and 255, so that the second class would have no label;
            or its classes are colours, as inferred from masks of colours, but these hold values.
    """
    plain = [scan for scan in scans if not scan.is_rgb and not scan.palette]
    if plain and all(name == _shown(color) for name, color in zip(legend.class_names, legend.colors, strict=True)):
        raise InputError(
            f"the classes of the legend are colours ({listed(legend.class_names, most=4)}), but masks hold values "
            f"(first: {plain[0].path}); give a legend that says which value is which class"
        )
    if legend.codes == (0, 1) and IGNORE in legend.ignored_codes and holds_0_and_255(values_of(scans)):
        first = next(scan for scan in scans if IGNORE in scan.values)
        raise InputError(
            f"the masks hold 0 and 255 (first: {first.path}), but the legend has the indices 0 and 1 and ignores 255: "
            'give the second class "index": 255 in the legend, or leave the legend out'
        )


def coding_remarks(
    scans: Sequence[MaskScan], legend: Legend, encoding: Encoding, what: str = "masks"
) -> tuple[str, ...]:
    """What was decided in reading masks or predictions, a line each: nodata, hidden pixels, white as 0."""
    left = "not labelled" if what == "masks" else "without a class"
    alone = f", which leaves the class {legend.class_names[0]} alone" if legend.n_classes == 1 else ""
    lines = []
    for code in dict.fromkeys(code for scan in scans for code in scan.missing):
        n = f"{sum(code in scan.missing for scan in scans)} of {len(scans)} {what} declare {_shown(code)} as nodata"
        name = _class_of(code, legend, encoding)
        ignored = (
            name is None
            and legend.n_classes > 1
            and code in (legend.ignored_colors if isinstance(code, tuple) else legend.ignored_codes)
        )
        if name is not None:
            lines.append(f"{n}, but the legend names it: it is read as the class {name}")
        elif not ignored:
            lines.append(f"{n}: it is read as {left}{alone}; if it is a class (background), name it in a legend")
    if hidden := sum(scan.hides for scan in scans):
        lines.append(f"{hidden} of {len(scans)} {what} hide pixels by alpha or a mask: they are {left}{alone}")
    if inverted := sum(bool(scan.origin and scan.origin.white_is_zero) for scan in scans):
        lines.append(f"{inverted} of {len(scans)} {what} say that 0 is white: their values are read as stored")
    return tuple(lines)


def _class_of(code: int | Color, legend: Legend, encoding: Encoding) -> str | None:
    """Name of the class that a value, or a colour, has in a legend."""
    if encoding == "instances":
        return legend.class_names[0] if code == 0 else None
    codes: Sequence[int | Color] = legend.colors if isinstance(code, tuple) else legend.codes
    return legend.class_names[codes.index(code)] if code in codes else None


def coding_of_predictions(
    predictions: Sequence[MaskScan], legend: Legend, encoding: Encoding, *, inferred: bool, shows_colors: bool
) -> Encoding:
    """How predictions that carry no legend are read: as the masks, or by the colours that they have in common.

    Args:
        predictions: contents of the predictions.
        legend: legend of the masks.
        encoding: encoding of the masks.
        inferred: the legend was inferred from the masks.
        shows_colors: the legend's colours are those of the masks, or were given.

    Raises:
        InputError: the predictions are coded otherwise than the masks, or in two ways.
    """
    check_storage(predictions, "predictions")
    check_one_coding(predictions, legend, "predictions")
    if not predictions:
        return encoding
    plain = [scan for scan in predictions if not scan.is_rgb and not scan.palette]
    if encoding == "near-colors":
        encoding = "colors"
    if encoding == "colors":
        if plain and inferred:
            raise InputError(
                f"the masks hold colours, the predictions values (first: {plain[0].path}); give a legend of both"
            )
        return "values" if plain and len(plain) == len(predictions) else "colors"
    if encoding == "values" and shows_colors and len(plain) < len(predictions):
        colored = any(scan.is_rgb and not scan.values for scan in predictions)
        if not plain and shows_only(predictions, legend) and (colored or not palettes_agree(predictions, legend)):
            return "colors"
    _check_values(predictions, legend, encoding)
    return encoding


def _check_values(predictions: Sequence[MaskScan], legend: Legend, encoding: Encoding) -> None:
    colored = [scan for scan in predictions if scan.is_rgb and scan.colors and not scan.values]
    if colored:
        raise InputError(f"the masks hold values, the predictions colours (first: {colored[0].path}); {_ALIKE}")
    if encoding == "instances":
        return
    found = values_of(predictions)
    unknown = sorted(found - {*legend.codes, *legend.ignored_codes, IGNORE})
    binary = legend.codes == (0, 1) and holds_0_and_255(found)
    if unknown or binary:
        first = next(s for s in predictions if set(s.values) & ({*unknown} if unknown else {IGNORE}))
        hint = "" if unknown else "; where 255 means no class in the predictions, declare it as nodata"
        raise InputError(
            f"the predictions hold {listed(sorted(found))} (first: {first.path}), the classes of the masks are "
            f"{listed(legend.codes)}; number them alike{hint}"
        )


def _shown(code: int | Color) -> str:
    return "#{:02X}{:02X}{:02X}".format(*code) if isinstance(code, tuple) else str(code)
