"""The legend of a data set: read from a file, or inferred from masks that are not ambiguous."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from densa.datasets.codings import check_one_coding, palettes_agree, shows_only, values_of
from densa.datasets.ignoring import ignored_colors, ignored_values
from densa.datasets.masks import Encoding, MaskScan
from densa.datasets.wording import listed
from densa.errors import InputError
from densa.legend import IGNORE, MAX_CLASSES, Color, Legend

__all__ = ["CAMVID", "CELLS", "OBJECTS", "VOC", "choose_encoding", "infer_legend", "read_legend"]

CAMVID = Legend(
    (
        "sky", "building", "pole", "road", "pavement", "tree", "sign-symbol", "fence", "car", "pedestrian", "bicyclist",
    ),
    (
        (128, 128, 128), (128, 0, 0), (192, 192, 128), (128, 64, 128), (60, 40, 222), (128, 128, 0), (192, 128, 128),
        (64, 64, 128), (64, 0, 128), (64, 64, 0), (0, 128, 192),
    ),
    ignored_codes=(11,),
)  # fmt: skip
"""CamVid's 11 classes, numbered as in the index masks of SegNet's authors; 11 is void."""
_VOC_NAMES = (
    "background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "dining table",
    "dog", "horse", "motorbike", "person", "potted plant", "sheep", "sofa", "train", "tv monitor",
)  # fmt: skip
CELLS = Legend(("background", "cell"))
"""Legend of instance masks of cells."""
OBJECTS = Legend(("background", "object"))
"""Legend of instance masks of any objects."""
MAX_INFERRED_VALUES = 64
MAX_INFERRED_COLORS = 32


def _voc() -> Legend:
    plain = Legend(tuple(str(i) for i in range(20)))  # the default colours are VOC's, from 1
    return Legend(_VOC_NAMES, ((0, 0, 0), *plain.colors), ignored_colors=((224, 224, 192),))


VOC = _voc()
"""PASCAL VOC's background and 20 classes; 255, the cream-coloured border, is ignored."""


def read_legend(path: Path) -> Legend:
    """Legend of a file: `classes.txt` with one name per line, or a file that `Legend.from_file` reads."""
    if path.name.lower() != "classes.txt":
        return Legend.from_file(path)
    try:
        names = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"legend {path} cannot be read: {error}") from error
    return Legend.from_dict({"classes": names})


def choose_encoding(scans: Sequence[MaskScan], legend: Legend) -> Encoding:
    """Whether the masks are read with a legend by value or by colour.

    By colour where a file holds colours other than greys, or greys that are the legend's colours; and where all are
    palette files that show only colours of the legend, but at other indices than the legend's (palettes may differ from
    file to file, colours do not).

    Args:
        scans: contents of the masks.
        legend: the legend.
    """
    rgb = [scan for scan in scans if scan.is_rgb]
    if any(scan.colors and not scan.values for scan in rgb):
        return "colors"
    shows_legend = shows_only(scans, legend)
    if rgb:
        return "colors" if shows_legend else "values"
    palettes = bool(scans) and all(scan.palette for scan in scans)
    return "colors" if palettes and shows_legend and not palettes_agree(scans, legend) else "values"


def infer_legend(scans: Sequence[MaskScan], kind: str, ignore: Sequence[int | str] = ()) -> tuple[Legend, Encoding]:
    """Legend of masks that are not ambiguous.

    Args:
        scans: contents of all masks.
        kind: kind of the layout; "voc" and "segnet" have well-known legends.
        ignore: values and colours that are not labelled.

    Returns:
        The legend and the encoding of the masks: 0 and 255 are background and foreground; the values of index and
        palette masks are classes, 255 and negative values are not labelled; up to 32 colours are classes named by their
        colour.

    Raises:
        InputError: the masks can be read in several ways.
    """
    check_one_coding(scans, None)
    if any(scan.colors and not scan.values for scan in scans):
        return _by_color(scans, ignored_colors(ignore))
    unlabelled = ignored_values(ignore)
    values = sorted(values_of(scans) - {*unlabelled})
    missing = {code for scan in scans for code in scan.missing if not isinstance(code, tuple)}
    if values in ([0, 255], [0], [255]):
        both = [("background", 0), ("foreground", 255)]
        names, of_classes = zip(*(pair for pair in both if pair[1] not in missing), strict=True)
        return Legend(names, codes=of_classes), "values"
    codes = [value for value in values if 0 <= value != IGNORE]
    ignored = tuple(dict.fromkeys((IGNORE, *(value for value in values if value < 0), *unlabelled)))
    if kind == "segnet" and values == list(range(12)):
        return CAMVID, "values"
    if kind == "voc" and codes and codes[-1] < VOC.n_classes and ignored == (IGNORE,):
        return VOC, "values"
    if not codes:
        raise InputError(f"the masks hold only {listed(values)}: nothing is labelled; {_how_to()}")
    first, last = min(codes[0], 1), codes[-1]
    if len(codes) > MAX_CLASSES:
        raise InputError(
            f"the masks hold {len(codes)} values up to {last}, a legend has at most {MAX_CLASSES} classes: label maps "
            "are of 8 bits; merge classes in the files, or give a legend that ignores some"
        )
    if last >= MAX_INFERRED_VALUES or 2 * len(codes) < last - first + 1:
        raise InputError(f"the masks hold the values {listed(values)}, which do not number classes; {_how_to()}")
    whole = [value for value in range(first, last + 1) if value not in missing and value not in unlabelled]
    if whole == [0, 1]:
        return Legend(("background", "foreground"), ignored_codes=ignored), "values"
    names = tuple(f"class_{value}" for value in whole)
    return Legend(names, _palette_colors(scans, whole), tuple(whole), ignored), "values"


def _by_color(scans: Sequence[MaskScan], ignored: tuple[Color, ...]) -> tuple[Legend, Encoding]:
    colors = sorted({color for scan in scans for color in scan.colors} - {*ignored})
    if len(colors) > MAX_INFERRED_COLORS:
        raise InputError(
            f"the masks hold {len(colors)} colours, too many to be classes (JPEG masks mix colours); {_how_to()}"
        )
    if without := [scan for scan in scans if scan.values and not scan.colors]:
        colored = next(scan for scan in scans if scan.colors)
        raise InputError(
            f"some masks hold colours (first: {colored.path}), others values (first: {without[0].path}); {_how_to()}"
        )
    names = tuple("#{:02X}{:02X}{:02X}".format(*color) for color in colors)
    return Legend(names, tuple(colors), ignored_colors=ignored), "colors"


def _palette_colors(scans: Sequence[MaskScan], values: Sequence[int]) -> tuple[Color, ...]:
    """The colours of the values, where the palettes of all files agree; otherwise none."""
    colors: dict[int, Color] = {}
    for scan in scans:
        for value, color in scan.palette:
            if colors.setdefault(value, color) != color:
                return ()
    found = tuple(colors[value] for value in values if value in colors)
    return found if len(set(found)) == len(values) else ()


def _how_to() -> str:
    example = json.dumps({"classes": [{"name": "road", "color": "#804080"}], "ignore": IGNORE})
    return f"give a legend (legend=FILE, or legend.json in the data set), such as {example}"
