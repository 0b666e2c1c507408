"""What identifies the bands of an image: name, colour interpretation, wavelength; and how two sets of bands match.

A name that only numbers or describes a band ("band 1", "grey", "450.0 Nanometers") identifies nothing.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

from densa.errors import InputError

__all__ = ["Band", "Match", "bands_named", "match_bands", "numbers_of", "wavelength_nm"]

_SYNONYMS = {
    "r": "red", "g": "green", "b": "blue", "nearinfrared": "nir", "infrared": "ir", "shortwaveinfrared": "swir",
    "grayscale": "grey", "greyscale": "grey", "gray": "grey", "panchromatic": "pan", "edge": "rededge",
}  # fmt: skip
_COLORS = {
    "red", "green", "blue", "nir", "ir", "cyan", "magenta", "yellow", "black", "hue", "saturation", "lightness", "pan",
    "coastal", "rededge", "swir", "mwir", "lwir", "tir", "otherir", "y", "cb", "cr",
}  # fmt: skip
_VAGUE = re.compile(
    r"(band|bnd|channel|ch|c|layer|image|plane|page|slice|sample|component|colou?r)?[\s_:#.-]*[\d_:]*"
    r"|grey|index|undefined|palette|unknown|none|value|values|array",
)
_NUMBERED = re.compile(r"^(band|channel|layer)[\s_]*\d+\s*[:=(,-]\s*")  # "Band 4 (red)"
_WORDS = re.compile(r"^(band|channel)(?=[a-z])|(band|channel)$")  # "red band"
_WAVELENGTH = re.compile(
    r"\(?\s*([\d.]+)\s*(nm|nanometers?|nanometres?|um|µm|μm|micrometers?|micrometres?|microns?)\s*\)?"
)
_NEAR = 0.01  # wavelengths that differ by less than this share are one band's ...
_FAR = 0.1  # ... and by more than this, bands of one name are not the same


@dataclass(frozen=True)
class Band:
    """A band of an image.

    Args:
        name: as the file describes it.
        color: GDAL's colour interpretation ("red", "nir"); "" where there is none.
        wavelength_nm: of its centre; None where unknown.
        described: whether the file names it; otherwise the name is that of its colour, or a number.
        scale, offset: from stored to physical values: stored * scale + offset; None where they are not recorded.

    Examples:
        >>> from densa.raster.bands import Band
        >>> Band("Near Infrared").identity, Band("B04").identity, Band("band 1").identity
        ('nir', 'b4', '')
    """

    name: str
    color: str = ""
    wavelength_nm: float | None = None
    scale: float | None = 1.0
    offset: float | None = 0.0
    described: bool = True

    @property
    def own_name(self) -> str:
        """The name in a form that spelling does not change; "" where it identifies nothing."""
        if not self.described:
            return ""
        plain = _WAVELENGTH.sub("", self.name.strip().lower()).strip()
        if _VAGUE.fullmatch(plain):
            return ""
        words = re.sub(r"[^\w]|_", "", _NUMBERED.sub("", plain))
        words = _WORDS.sub("", words) or words
        words = re.sub(r"(?<=[a-z])0+(?=\d)", "", words)
        words = _SYNONYMS.get(words, words)
        return "" if not words or _VAGUE.fullmatch(words) else words

    @property
    def identity(self) -> str:
        """What the band is, by its name or else its colour; "" where neither says."""
        return self.own_name or self.own_color

    @property
    def own_color(self) -> str:
        """Its colour; where the name is another colour, writers set the interpretation by default: the name counts."""
        if self.own_name in _COLORS:
            return self.own_name
        color = re.sub(r"[^a-z]", "", self.color.lower())
        return color if color in _COLORS else ""

    def __str__(self) -> str:
        return self.name if self.identity or self.wavelength_nm is None else f"{self.wavelength_nm:g} nm"


@dataclass(frozen=True)
class Match:
    """Which bands of an image are those that are wanted.

    Attributes:
        numbers: of the image's bands, from 1, in the wanted order.
        known: whether both sides say what the bands are; False: they are taken in the order of the file.
        by: what they were matched by: "name", "colour" or "wavelength"; "order" otherwise.
    """

    numbers: tuple[int, ...]
    known: bool
    by: str


def bands_named(names: Iterable[str], *, described: bool = True) -> tuple[Band, ...]:
    """Bands of which the names alone are known; not `described`: those of their colours."""
    return tuple(Band(name, "" if described else name, described=described) for name in names)


def match_bands(wanted: Sequence[Band], found: Sequence[Band]) -> Match | None:
    """Find the wanted bands among those of an image, in any order and among others.

    Bands are compared by name, else by colour interpretation, else by wavelength, whichever both sides know of all the
    wanted bands. Where neither side contradicts the other and there are as many, the order of the file counts.

    Returns:
        The match; None where the bands differ in number and nothing identifies them.

    Raises:
        InputError: the bands of the two sides are not the same, by what they are called. The message lacks a subject.

    Examples:
        >>> from densa.raster.bands import bands_named, match_bands
        >>> match_bands(bands_named(["red", "green"]), bands_named(["blue", "green", "red"])).numbers
        (3, 2)
    """
    for by, keys, others in (
        ("name", [band.identity for band in wanted], [band.identity for band in found]),
        ("colour", [band.own_color for band in wanted], [band.own_color for band in found]),
    ):
        numbers = _places(keys, others)
        if numbers is not None and not _named_otherwise(wanted, found, numbers):
            return Match(numbers, True, by)
    numbers = _by_wavelength(wanted, found)
    if numbers is not None:
        return Match(numbers, True, "wavelength")
    if _contradict(wanted, found):
        raise InputError(f"are {_listed(found)}, where {_listed(wanted)} are expected")
    return Match(tuple(range(1, len(found) + 1)), False, "order") if len(wanted) == len(found) else None


def numbers_of(chosen: Sequence[int | str], found: Sequence[Band]) -> tuple[int, ...]:
    """Numbers, from 1, of bands that are given by number or name.

    Raises:
        InputError: no such band, or a name of several. The message lacks a subject.
    """
    numbers = []
    for one in chosen:
        if isinstance(one, int):
            if not 1 <= one <= len(found):
                raise InputError(f"has {len(found)} bands ({_listed(found)}), none of number {one}")
            numbers.append(one)
            continue
        asked = Band(one).identity or one.strip().lower()
        places = [i for i, band in enumerate(found, 1) if one.strip().lower() == band.name.strip().lower()]
        places = places or [i for i, band in enumerate(found, 1) if asked in (band.own_name, band.own_color)]
        if len(places) != 1:
            what = f"no band {one!r}" if not places else f"{len(places)} bands {one!r}"
            raise InputError(f"has {what}; its {len(found)} bands are {_listed(found)}")
        numbers.append(places[0])
    return tuple(numbers)


def wavelength_nm(value: str | None, unit: str | None) -> float | None:
    """A wavelength in nanometres of the text of its value and unit; None where they say none."""
    found = _WAVELENGTH.search(f"{value} {unit or ''}".lower())
    try:
        length = float(found[1]) if found else float("nan")
    except ValueError:
        return None
    if found is None or not 0 < length < 1e9:
        return None
    return length if found[2].startswith("n") else 1000 * length


def _places(keys: Sequence[Hashable], others: Sequence[Hashable]) -> tuple[int, ...] | None:
    """Numbers, from 1, of the keys among others; None where one is unknown, lacks, or occurs twice."""
    if not all(keys) or len(set(keys)) < len(keys) or any(others.count(key) != 1 for key in keys):
        return None
    return tuple(others.index(key) + 1 for key in keys)


def _by_wavelength(wanted: Sequence[Band], found: Sequence[Band]) -> tuple[int, ...] | None:
    numbers: list[int] = []
    for band in wanted:
        if band.wavelength_nm is None:
            return None
        length = band.wavelength_nm
        apart = {
            i: abs(other.wavelength_nm - length) / length
            for i, other in enumerate(found, 1)
            if other.wavelength_nm is not None
        }
        nearest = min(apart, key=lambda i: apart[i], default=0)
        if not nearest or apart[nearest] > _NEAR or nearest in numbers:
            return None
        numbers.append(nearest)
    return tuple(numbers)


def _named_otherwise(wanted: Sequence[Band], found: Sequence[Band], numbers: Sequence[int]) -> bool:
    """Whether names deny what colours say, or wavelengths what either says."""
    for band, number in zip(wanted, numbers, strict=True):
        other = found[number - 1]
        if band.own_name and other.own_name and band.own_name != other.own_name:
            return True
        a, b = band.wavelength_nm, other.wavelength_nm
        if a is not None and b is not None and abs(a - b) > _FAR * max(a, b):
            return True
    return False


def _contradict(wanted: Sequence[Band], found: Sequence[Band]) -> bool:
    """Whether what is known of the bands denies that they are the same, in the order of the file."""
    ours, theirs = [band.identity for band in wanted], [band.identity for band in found]
    if any(a and b and a != b for a, b in zip(ours, theirs, strict=False)):
        return True
    lengths = [(a.wavelength_nm, b.wavelength_nm) for a, b in zip(wanted, found, strict=False)]
    if any(a is not None and b is not None and abs(a - b) > _NEAR * max(a, b) for a, b in lengths):
        return True
    return len(wanted) != len(found) and all(ours) and all(theirs)


def _listed(bands: Sequence[Band]) -> str:
    shown = [str(band) for band in bands[:12]]
    return ", ".join(shown) + (f", ... ({len(bands)} in all)" if len(bands) > 12 else "")
