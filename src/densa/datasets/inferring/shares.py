"""The classes of masks with their shares of the pixels, for people before training."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from densa.datasets.masks import Encoding, MaskScan, nearest_classes
from densa.legend import IGNORE, Color, Legend

__all__ = ["Shares", "lines_of_shares", "pixel_shares", "void_hints"]

_MOST_LINES = 40


class Shares(NamedTuple):
    """Shares of the pixels of all masks.

    Attributes:
        classes: of each class.
        unlabelled: of pixels without a label.
    """

    classes: tuple[float, ...]
    unlabelled: float

    def to_json(self, legend: Legend, encoding: Encoding) -> dict[str, Any]:
        """The classes with value or colour and share."""
        rows: list[dict[str, Any]] = []
        for name, code, color, share in zip(legend.class_names, legend.codes, legend.colors, self.classes, strict=True):
            row: dict[str, Any] = {"name": name, "color": _hex(color), "share": round(share, 6)}
            if encoding == "values":
                row["index"] = code
            rows.append(row)
        return {"classes": rows, "unlabelled": round(self.unlabelled, 6)}


def pixel_shares(scans: Sequence[MaskScan], legend: Legend, encoding: Encoding) -> Shares | None:
    """The shares of the classes in masks; None where no file was scanned."""
    found: Counter[int | Color] = Counter()
    for scan in scans:
        for code, n in scan.counts:
            found[code] += n
    total = sum(scan.n_pixels for scan in scans)
    if not total:
        return None
    pixels: Counter[int] = Counter()
    label_of = _labels(scans, legend, encoding, list(found))
    for code, n in found.items():
        pixels[label_of.get(code, IGNORE)] += n
    shares = tuple(pixels[i] / total for i in range(legend.n_classes))
    return Shares(shares, max(0.0, 1 - sum(shares)))


def _labels(
    scans: Sequence[MaskScan], legend: Legend, encoding: Encoding, codes: Sequence[int | Color]
) -> dict[int | Color, int]:
    """The class of each value or colour."""
    if encoding == "instances":
        return {code: int(any(code) if isinstance(code, tuple) else code != 0) for code in codes}
    if encoding == "values":
        of_values: dict[int | Color, int] = {code: i for i, code in enumerate(legend.codes)}
        greys = {code: code[0] for code in codes if isinstance(code, tuple)}
        return of_values | {grey: of_values[code] for grey, code in greys.items() if code in of_values}
    colors = {color: i for i, color in enumerate(legend.colors)}
    shown = {value: color for scan in scans for value, color in scan.palette}
    known: dict[int | Color, int] = dict(colors.items())
    known |= {value: colors[color] for value, color in shown.items() if color in colors}
    if encoding == "near-colors":
        rgb = [code for code in codes if isinstance(code, tuple)]
        near = nearest_classes(legend, np.array(rgb, np.uint8).reshape(-1, 3))
        known |= {code: int(label) for code, label in zip(rgb, near, strict=True)}
    return known


def lines_of_shares(shares: Shares, legend: Legend, encoding: Encoding, source: str) -> list[str]:
    """The classes that no file names, a line each, with value or colour and share of the pixels."""
    lines = [f"classes {source}, with their share of the pixels (--legend names them, --ignore leaves one out):"]
    width = max(map(len, legend.class_names[:_MOST_LINES]))
    for i, (name, share) in enumerate(zip(legend.class_names, shares.classes, strict=True)):
        if i == _MOST_LINES:
            lines.append(f"  ... and {legend.n_classes - i} more")
            break
        code = f"{legend.codes[i]:>5} " if encoding != "colors" else ""
        lines.append(f"  {name:<{width}} {code} {_hex(legend.colors[i])} {100 * share:6.2f} %")
    ignored = [_hex(color) for color in legend.ignored_colors] if encoding == "colors" else []
    ignored += [str(code) for code in legend.ignored_codes] if encoding == "values" else []
    which = f" ({', '.join(ignored)})" if ignored else ""
    lines.append(f"  not labelled{which} {100 * shares.unlabelled:.2f} %")
    return lines


def void_hints(legend: Legend, encoding: Encoding, shares: Shares) -> list[str]:
    """What may mean "not labelled" among inferred classes, but cannot be known: it is proposed, not done."""
    if encoding == "colors" and legend.n_classes > 2 and (0, 0, 0) in legend.colors:
        share = shares.classes[legend.colors.index((0, 0, 0))]
        return [
            f"black is taken for a class ({100 * share:.2f} % of the pixels); where it means not labelled: "
            "--ignore '#000000'"
        ]
    if encoding == "values" and legend.codes == tuple(range(12)):
        return ["the values are 0 to 11; if they are CamVid's as SegNet's authors number them, 11 is void: --ignore 11"]
    return []


def _hex(color: Color) -> str:
    return "#{:02X}{:02X}{:02X}".format(*color)
