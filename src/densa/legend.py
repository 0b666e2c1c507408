"""Legend: names, colours and file encoding of the classes of a label map."""

from __future__ import annotations

import csv
import html
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from densa.errors import InputError, one_line

__all__ = ["IGNORE", "MAX_CLASSES", "Color", "Legend"]

IGNORE = 255
"""Label of pixels without a class, in all label maps inside densa."""
_TOO_MANY = ": label maps are of 8 bits; merge classes, or leave some out"
MAX_CLASSES = 254
"""Largest number of classes: label maps are uint8, 255 is the ignored label, and 254 is kept free."""
Color = tuple[int, int, int]

# Names of unlabelled pixels in lists of colours (CSV, label_colors.txt); JSON and YAML have the key "ignore".
_IGNORED_NAMES = {
    "void", "unlabelled", "unlabeled", "ignore", "ignored", "not labelled", "not labeled", "no label", "no data",
    "nodata",
}  # fmt: skip


@dataclass(frozen=True)
class Legend:
    """Names, colours and file encoding of the classes; class `i` is position `i` of each tuple.

    Args:
        class_names: 1 to 254 different names, one per class.
        colors: an (R, G, B) of 0..255 per class; empty for densa's default palette.
        codes: the value of each class in mask files; empty for 0, 1, 2, ...
        ignored_codes: values of unlabelled pixels in mask files.
        ignored_colors: colours of unlabelled pixels in RGB mask files.

    Raises:
        InputError: no class, too many, equal names, codes or colours, or lengths that differ.

    Examples:
        >>> import numpy as np
        >>> from densa import Legend
        >>> legend = Legend(("field", "road"), codes=(10, 20))
        >>> legend.n_classes
        2
        >>> legend.labels(np.array([[10, 20], [20, 255]]))
        array([[  0,   1],
               [  1, 255]], dtype=uint8)
        >>> legend.palette()[:2].tolist()
        [[128, 0, 0], [0, 128, 0]]
    """

    class_names: tuple[str, ...]
    colors: tuple[Color, ...] = ()
    codes: tuple[int, ...] = ()
    ignored_codes: tuple[int, ...] = (IGNORE,)
    ignored_colors: tuple[Color, ...] = ()

    def __post_init__(self) -> None:
        if isinstance(self.class_names, str) or not all(isinstance(n, str) and n.strip() for n in self.class_names):
            raise InputError(f"class_names must be a list of names, got {self.class_names!r}")
        n = len(self.class_names)
        object.__setattr__(self, "class_names", tuple(self.class_names))
        for field, convert in (
            ("codes", _code),
            ("ignored_codes", _code),
            ("colors", _color),
            ("ignored_colors", _color),
        ):
            object.__setattr__(self, field, tuple(convert(value) for value in getattr(self, field)))
        if not 1 <= n <= MAX_CLASSES:
            raise InputError(f"a legend must have 1 to {MAX_CLASSES} classes, got {n}{_TOO_MANY if n else ''}")
        object.__setattr__(self, "colors", self.colors or tuple(_free_colors(n, set(self.ignored_colors))))
        object.__setattr__(self, "codes", self.codes or tuple(range(n)))
        # A class may have the code 255 (masks of 0 and 255), which is then not ignored.
        object.__setattr__(self, "ignored_codes", tuple(c for c in self.ignored_codes if c not in self.codes))
        for what, values in (("names", self.class_names), ("codes", self.codes), ("colours", self.colors)):
            if len(values) != n:
                raise InputError(f"a legend of {n} classes must have {n} {what}, got {len(values)}")
            if len(set(values)) != n:
                twice = next(v for v in values if values.count(v) > 1)
                raise InputError(f"class {what} must differ, got {twice!r} twice; give each class a different one")
        if both := set(self.colors) & set(self.ignored_colors):
            raise InputError(
                f"colours of classes and ignored colours must differ, got {_hex(min(both))} in both; remove one of them"
            )

    @property
    def n_classes(self) -> int:
        """Number of classes, without the ignored label."""
        return len(self.class_names)

    def _repr_html_(self) -> str:
        """Swatches and names, for notebooks."""
        swatch = "display:inline-block;width:1em;height:1em;border:1px solid #999;vertical-align:-0.15em"
        return "".join(
            f'<div><span style="{swatch};background:{_hex(color)}"></span> {html.escape(name)}</div>'
            for name, color in zip(self.class_names, self.colors, strict=True)
        )

    def labels(self, values: NDArray[np.integer[Any]]) -> NDArray[np.uint8]:
        """Convert the values of a mask to a label map.

        Args:
            values: (H, W) integers of a mask file.

        Returns:
            (H, W) uint8 class of each pixel, `IGNORE` for unlabelled ones.

        Raises:
            InputError: a value is neither a class's code nor an ignored one.
        """
        known = np.array([*self.codes, *self.ignored_codes], np.int64)
        classes = np.array([*range(self.n_classes), *[IGNORE] * len(self.ignored_codes)], np.uint8)
        if values.dtype == np.uint8:
            table = np.full(256, 254, np.uint8)
            inside = (known >= 0) & (known < 256)
            table[known[inside]] = classes[inside]
            labels = table[values]
            unknown = labels == 254
        else:
            order = np.argsort(known)
            place = np.minimum(np.searchsorted(known[order], values), len(known) - 1)
            unknown = known[order][place] != values
            labels = classes[order][place]
        if unknown.any():
            raise InputError(self._unknown("values", _most_common(values[unknown])))
        return labels

    def labels_of_colors(self, rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Convert a mask that encodes classes as colours to a label map.

        Args:
            rgb: (H, W, 3) uint8.

        Returns:
            (H, W) uint8 class of each pixel, `IGNORE` for ignored colours.

        Raises:
            InputError: a colour is not in the legend.
        """
        key = (rgb[..., 0].astype(np.int64) << 16) | (rgb[..., 1].astype(np.int64) << 8) | rgb[..., 2]
        colors = [*self.colors, *self.ignored_colors]
        known = np.array([r << 16 | g << 8 | b for r, g, b in colors], np.int64)
        classes = np.array([*range(self.n_classes), *[IGNORE] * len(self.ignored_colors)], np.uint8)
        order = np.argsort(known)
        place = np.minimum(np.searchsorted(known[order], key), len(known) - 1)
        unknown = known[order][place] != key
        if unknown.any():
            found = [f"#{int(k):06X}" for k in _most_common(key[unknown])]
            raise InputError(self._unknown("colours", found))
        return classes[order][place]

    def _unknown(self, what: str, found: list[Any]) -> str:
        listed = ", ".join(str(v) for v in found[:5]) + (", ..." if len(found) > 5 else "")
        if what == "colours":
            has = ", ".join(_hex(c) for c in self.colors[:12]) + (", ..." if self.n_classes > 12 else "")
        else:
            contiguous = self.codes == tuple(range(self.n_classes))
            has = f"0..{self.n_classes - 1}" if contiguous else ", ".join(map(str, self.codes[:12]))
            has += f", ignored {', '.join(map(str, self.ignored_codes))}" if self.ignored_codes else ""
        return f"mask has {what} {listed} that are not among the legend's {self.n_classes} classes ({has})"

    def palette(self) -> NDArray[np.uint8]:
        """(256, 3) uint8 colour of every label; labels without a class are black."""
        table = np.zeros((256, 3), np.uint8)
        table[: self.n_classes] = self.colors
        return table

    def to_dict(self) -> dict[str, Any]:
        """The legend as a dictionary for JSON; `from_dict` is the inverse."""
        classes: list[dict[str, Any]] = [
            {"name": name, "color": _hex(color)} for name, color in zip(self.class_names, self.colors, strict=True)
        ]
        if self.codes != tuple(range(self.n_classes)):
            for entry, code in zip(classes, self.codes, strict=True):
                entry["index"] = code
        ignore: list[Any] = [*self.ignored_codes, *map(_hex, self.ignored_colors)]
        return {"classes": classes, "ignore": ignore[0] if len(ignore) == 1 else ignore}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Legend:
        """Legend of `{"classes": [{"name": ..., "color": "#RRGGBB", "index": ...}, ...], "ignore": ...}`.

        Colours and indices are optional (by default, the index is the position in the list). `ignore` is an index, a
        colour or a list of both; a class with an ignored index is removed. Without `ignore`, classes named void,
        unlabelled, ignore or no data are ignored.
        """
        if not isinstance(content, Mapping) or not isinstance(content.get("classes"), list):
            raise InputError('a legend must be {"classes": [{"name": ...}, ...], "ignore": 255}, got no list "classes"')
        if unknown := set(content) - {"classes", "ignore"}:
            raise InputError(f"a legend must have the keys classes and ignore, got {', '.join(map(str, unknown))}")
        ignore = content.get("ignore")
        ignore = ignore if isinstance(ignore, list) else [] if ignore is None else [ignore]
        ignored_codes = [_code(v) for v in ignore if not isinstance(v, str)] if "ignore" in content else None
        ignored_colors = [_color(v) for v in ignore if isinstance(v, str)]
        rows = []
        for place, entry in enumerate(content["classes"]):
            entry = {"name": entry} if isinstance(entry, str) else entry
            if not isinstance(entry, Mapping) or not isinstance(entry.get("name"), str):
                raise InputError(f'class {place} of a legend must be {{"name": ..., "color": ...}}, got {entry!r}')
            if unknown := set(entry) - {"name", "color", "index"}:
                raise InputError(
                    f"class {place} must have the keys name, color and index, got {', '.join(map(str, unknown))}"
                )
            color = entry.get("color")
            rows.append((_code(entry.get("index", place)), entry["name"], None if color is None else _color(color)))
        if "ignore" not in content and (unlabelled := [code for code, name, _ in rows if is_ignored_name(name)]):
            ignored_codes = [*unlabelled, *([] if any(code == IGNORE for code, _, _ in rows) else [IGNORE])]
        return cls._from_rows(rows, ignored_codes, ignored_colors)

    @classmethod
    def from_file(cls, path: Path | str) -> Legend:
        """Read a legend from .json, .yaml/.yml, .csv (`index,name,color` or `name,r,g,b`) or text lines `R G B name`.

        In the last two, a row named void, unlabelled, ignore or no data denotes the ignored label.

        Raises:
            InputError: the file is missing, malformed, or not a legend.
        """
        path = Path(path)
        try:
            text = path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"the legend {path} cannot be read: {error}") from error
        try:
            if path.suffix.lower() == ".json":
                return cls.from_dict(json.loads(text))
            if path.suffix.lower() in {".yaml", ".yml"}:
                return cls.from_dict(yaml.safe_load(text))
            rows = _csv_rows(text) if path.suffix.lower() == ".csv" else _color_lines(text)
            ignored = [row for row in rows if is_ignored_name(row[1])]
            kept = [row for row in rows if row not in ignored]
            colors = [color for _, _, color in ignored if color is not None]
            return cls._from_rows(kept, [code for code, _, _ in ignored] or None, colors)
        except (
            ValueError,
            RecursionError,
            csv.Error,
            yaml.YAMLError,
        ) as error:  # ValueError: JSON's and InputError too
            raise InputError(f"legend {path}: {one_line(error)}") from error

    @classmethod
    def _from_rows(
        cls, rows: list[tuple[int, str, Color | None]], ignored_codes: list[int] | None, ignored_colors: list[Color]
    ) -> Legend:
        if ignored_codes is None:  # by default 255, unless it is a class
            ignored_codes = [] if any(code == IGNORE for code, _, _ in rows) else [IGNORE]
        for code, _, color in rows:
            if code in ignored_codes and color is not None and color not in ignored_colors:
                ignored_colors = [*ignored_colors, color]
        rows = [row for row in rows if row[0] not in ignored_codes]
        taken = {*ignored_colors, *(color for _, _, color in rows if color is not None)}
        free = _free_colors(len(rows), taken)
        return cls(
            class_names=tuple(name for _, name, _ in rows),
            colors=tuple(free[i] if color is None else color for i, (_, _, color) in enumerate(rows)),
            codes=tuple(code for code, _, _ in rows),
            ignored_codes=tuple(dict.fromkeys(ignored_codes)),
            ignored_colors=tuple(dict.fromkeys(ignored_colors)),
        )


def is_ignored_name(name: str) -> bool:
    """Whether a name says that there is no class: void, unlabelled, ignore, no data.

    Examples:
        >>> from densa.legend import is_ignored_name
        >>> is_ignored_name("Void"), is_ignored_name("road")
        (True, False)
    """
    return re.sub(r"[\s_-]+", " ", name.strip().lower()) in _IGNORED_NAMES


def default_colors(n: int) -> tuple[Color, ...]:
    """`n` different colours: PASCAL VOC's colour map (bits of the index distributed over the channels), from 1."""
    colors = []
    for index in range(1, n + 1):
        channels = [0, 0, 0]
        for bit in range(24):
            channels[bit % 3] |= ((index >> bit) & 1) << (7 - bit // 3)
        colors.append((channels[0], channels[1], channels[2]))
    return tuple(colors)


def _free_colors(n: int, taken: set[Color]) -> list[Color]:
    """The first `n` default colours that are not taken."""
    return [color for color in default_colors(n + len(taken)) if color not in taken][:n]


def _most_common(values: NDArray[Any]) -> list[Any]:
    found, counts = np.unique(values, return_counts=True)
    return list(found[np.argsort(-counts, kind="stable")])


def _hex(color: Color) -> str:
    return "#{:02X}{:02X}{:02X}".format(*color)


def _code(value: Any) -> int:
    if not _is_whole(value):
        raise InputError(f"an index of a legend must be an integer, got {value!r}")
    return int(value)


def _is_whole(value: Any) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def _color(value: Any) -> Color:
    if isinstance(value, str) and re.fullmatch(r"#?[0-9a-fA-F]{6}", value.strip()):
        digits = value.strip().removeprefix("#")
        return int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:], 16)
    if isinstance(value, (list, tuple)) and len(value) == 3 and all(_is_whole(v) and 0 <= v <= 255 for v in value):
        return int(value[0]), int(value[1]), int(value[2])
    raise InputError(f'a colour must be "#RRGGBB" or [R, G, B] of 0..255, got {value!r}')


def _csv_rows(text: str) -> list[tuple[int, str, Color | None]]:
    rows: list[tuple[int, str, Color | None]] = []
    columns: list[str] = []  # of a table name,r,g,b, as class_dict.csv is
    for number, row in enumerate(csv.reader(text.splitlines()), 1):
        cells = [cell.strip() for cell in row]
        if not any(cells):
            continue
        if not rows and not columns and {"name", "r", "g", "b"} <= {cell.lower() for cell in cells}:
            columns = [cell.lower() for cell in cells]
            continue
        if columns:
            found = dict(zip(columns, cells, strict=False))
            color = _color([int(c) if (c := found.get(channel, "")).isdigit() else c for channel in "rgb"])
            rows.append((len(rows), found["name"], color))
            continue
        if not rows and cells[0].lower() in {"index", "pixel value"}:
            continue
        if len(cells) not in {2, 3, 5} or not re.fullmatch(r"-?\d+", cells[0]):
            raise InputError(f"line {number} must be index,name,color (or index,name,R,G,B), got {','.join(row)!r}")
        own: Color | None = None
        if len(cells) == 5:
            own = _color([int(c) if c.isdigit() else c for c in cells[2:]])
        elif len(cells) == 3 and cells[2]:
            own = _color(cells[2])
        rows.append((int(cells[0]), cells[1], own))
    return rows


def _color_lines(text: str) -> list[tuple[int, str, Color | None]]:
    rows: list[tuple[int, str, Color | None]] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        match = re.fullmatch(r"\s*(\d+)[\s,]+(\d+)[\s,]+(\d+)[\s,]+(\S.*?)\s*", line)
        if not match:
            raise InputError(f"line {number} must be 'R G B name', got {line!r}")
        rows.append((len(rows), match[4], _color([int(match[i]) for i in (1, 2, 3)])))
    return rows
