"""How the values or colours of masks become labels, where densa would not read them as they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densa.datasets.masks import Encoding, MaskScan
from densa.legend import IGNORE, Color, Legend
from densa.raster.masks.values import MaskFile

__all__ = ["Miscoding", "Recoding", "Table", "as_read", "labels_of", "nearest_color", "pixels_of"]

Code = int | Color
Table = Mapping[Code, int]
"""The label of each value or colour; `IGNORE` where it has none."""


@dataclass(frozen=True)
class Recoding:
    """The reading of all masks of a data set.

    Args:
        legend: classes of the labels.
        table: label of each value or colour of the files.
        by_color: files of colours and palettes are read by the colours that they show.
        nearest: values and colours that are not in the table get the label of the nearest one that is; otherwise they
            are not labelled.
        for_files: tables of single files, where they are coded otherwise.
    """

    legend: Legend
    table: Table
    by_color: bool = False
    nearest: bool = False
    for_files: Mapping[Path, Table] = field(default_factory=dict)

    def label(self, path: Path, code: Code) -> int:
        """The label of a value or colour of a file."""
        table = self.for_files.get(path, self.table)
        if code in table:
            return table[code]
        kin = [known for known in table if isinstance(known, tuple) == isinstance(code, tuple)]
        if not self.nearest or not kin:
            return IGNORE
        return table[min(kin, key=lambda known: _distance(known, code))]


@dataclass(frozen=True)
class Miscoding:
    """A coding that densa does not read as it was meant.

    Args:
        code: of the finding.
        sentence: what was found.
        files: masks concerned.
        recoding: how it was meant; None where that cannot be told.
        mend: None: that of the code.
        legend_file: a legend with which the masks can be read as they are.
        details: numbers for programs.
    """

    code: str
    sentence: str
    files: tuple[Path, ...]
    recoding: Recoding | None = None
    mend: str | None = None
    legend_file: Legend | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


def as_read(legend: Legend, encoding: Encoding) -> Recoding:
    """The reading of masks by their legend; what it lacks is not labelled."""
    if encoding in ("colors", "near-colors"):
        table: dict[Code, int] = {color: i for i, color in enumerate(legend.colors)}
        table |= dict.fromkeys(legend.ignored_colors, IGNORE)
        return Recoding(legend, table, by_color=True, nearest=encoding == "near-colors")
    values: dict[Code, int] = {code: i for i, code in enumerate(legend.codes)}
    values |= dict.fromkeys(legend.ignored_codes, IGNORE)
    return Recoding(legend, values)


def labels_of(file: MaskFile, scan: MaskScan, recoding: Recoding) -> NDArray[np.uint8]:
    """(H, W) uint8 labels of a mask file.

    Args:
        file: its content.
        scan: what occurs in it, for the colours of its palette.
        recoding: how it is read.
    """
    values: NDArray[Any] = file.values
    keys = values
    if values.ndim == 3:
        keys = (values[..., 0].astype(np.int64) << 16) | (values[..., 1].astype(np.int64) << 8) | values[..., 2]
    found, place = np.unique(keys, return_inverse=True)
    shown = dict(scan.palette)
    missing = set(file.missing)
    labels = np.empty(len(found), np.uint8)
    for i, key in enumerate(found.tolist()):
        code: Code = (key >> 16, key >> 8 & 255, key & 255) if values.ndim == 3 else key
        if values.ndim == 3 and not recoding.by_color:
            code = int(code[0])  # type: ignore[index]
        elif values.ndim == 2 and recoding.by_color:
            code = shown.get(key, (key, key, key))
        labels[i] = IGNORE if code in missing and code not in recoding.table else recoding.label(scan.path, code)
    result: NDArray[np.uint8] = labels[place].reshape(keys.shape)
    result[file.hidden] = IGNORE
    return result


def pixels_of(scans: Iterable[MaskScan], *, colors: bool = False) -> dict[Any, int]:
    """Pixels of each value, or of each colour, in all files."""
    total: dict[Any, int] = {}
    for scan in scans:
        shown, gone = dict(scan.palette), set(scan.missing)
        for code, n in scan.counts:
            if code in gone:
                continue
            if colors and not isinstance(code, tuple):
                code = shown.get(code, (code, code, code))
            elif not colors and isinstance(code, tuple):
                code = code[0]
            total[code] = total.get(code, 0) + n
    return total


def nearest_color(color: Color, known: Sequence[Color]) -> tuple[int, float]:
    """Index of the nearest of some colours, and the distance to it."""
    apart = np.linalg.norm(np.asarray(known, np.float64) - np.asarray(color, np.float64), axis=1)
    return int(apart.argmin()), float(apart.min())


def _distance(one: Code, other: Code) -> float:
    return float(np.linalg.norm(np.subtract(one, other)))
