"""Classes that are known by the colours of masks, or by the names of files, wherever they lie."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from densa.datasets.codings import check_one_coding, values_of
from densa.datasets.ignoring import ignored_colors
from densa.datasets.inferring.numbered import check_classes
from densa.datasets.layouts.published.camvid import CAMVID_32, are_frames
from densa.datasets.layouts.published.cityscapes import coding_of_files
from densa.datasets.legends import CAMVID, choose_encoding, infer_legend
from densa.datasets.masks import Encoding, MaskScan
from densa.errors import InputError
from densa.legend import Color, Legend

__all__ = ["DUBAI", "PUBLISHED", "is_known", "is_published", "legend_of_masks"]

DUBAI = Legend(
    ("building", "land", "road", "vegetation", "water"),
    ((60, 16, 152), (132, 41, 246), (110, 193, 228), (254, 221, 58), (226, 169, 41)),
    ignored_colors=((155, 155, 155), (0, 0, 0)),
)
"""Classes of the aerial images of Dubai (MBRSC); grey and black are not labelled."""


class _Palette(NamedTuple):
    legend: Legend
    title: str
    least: int  # colours of classes that must occur


_PALETTES = (
    _Palette(DUBAI, "the aerial images of Dubai (MBRSC)", 3),
    _Palette(CAMVID_32, "CamVid", 5),
    _Palette(Legend(CAMVID.class_names, CAMVID.colors, ignored_colors=((0, 0, 0),)), "CamVid as SegNet's authors", 5),
)
"""Colours that no other data set is known to share; those that several do, as the corners of the colour cube, are not
guessed."""
_BY_NAME = "known by the names of the files: "
_BY_COLOR = "known by their colours: "
PUBLISHED = {
    "CamVid's colours",
    "Cityscapes' table of labels",
    "DeepGlobe's colours",
    "ISPRS' colours",
    "LandCover.ai's classes",
    "LoveDA's classes",
    "SceneParsing's classes",
}
"""Sources of the tables that layouts bring."""
_SEGNET_VALUES = frozenset(range(12))


def legend_of_masks(
    scans: Sequence[MaskScan], kind: str, ignore: Sequence[int | str] = ()
) -> tuple[Legend, Encoding, str]:
    """The legend of masks that carry none: a known one, or else one that is inferred; and where it comes from.

    Args:
        scans: contents of all masks.
        kind: kind of the layout.
        ignore: values and colours that are not labelled.

    Raises:
        InputError: the masks can be read in several ways, or number objects.
    """
    if (found := _known(scans, ignored_colors(ignore))) is not None:
        return found
    try:
        legend, encoding = infer_legend(scans, kind, ignore)
    except InputError:
        check_classes(scans)
        raise
    if legend.n_classes > 2 and legend.class_names[-1].startswith("class_"):
        check_classes(scans)
    return legend, encoding, f"inferred from {len(scans)} masks"


def is_known(source: str) -> bool:
    """Whether a legend's source is that of a known one."""
    return source.startswith((_BY_NAME, _BY_COLOR))


def is_published(source: str) -> bool:
    """Whether a legend's source is the table of a published data set."""
    return is_known(source) or source in PUBLISHED


def _known(scans: Sequence[MaskScan], ignored: tuple[Color, ...]) -> tuple[Legend, Encoding, str] | None:
    paths = [scan.path for scan in scans]
    colors = {color for scan in scans for color in scan.colors}
    values = values_of(scans)
    by_value = bool(values) and all(scan.values or not scan.colors for scan in scans)
    if (coding := coding_of_files(paths)) is not None:
        return coding.legend, coding.encoding or choose_encoding(scans, coding.legend), _BY_NAME + coding.source
    if by_value and are_frames(paths) and {0, 1} <= values <= _SEGNET_VALUES | {255}:
        check_one_coding(scans, None)
        legend = CAMVID if 255 not in values else Legend(CAMVID.class_names, CAMVID.colors, ignored_codes=(11, 255))
        return legend, "values", _BY_NAME + "CamVid as SegNet's authors number it, 11 is void"
    for palette in _PALETTES:
        known = {*palette.legend.colors, *palette.legend.ignored_colors, *ignored}
        if colors <= known and len(colors & {*palette.legend.colors}) >= palette.least:
            encoding = choose_encoding(scans, palette.legend)
            if encoding == "colors":
                return palette.legend, encoding, _BY_COLOR + palette.title
    return None
