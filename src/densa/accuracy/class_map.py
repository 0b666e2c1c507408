"""A map of classes of any size, read by windows as class numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from densa.errors import InputError
from densa.legend import IGNORE, MAX_CLASSES, Legend
from densa.raster import Raster, Window, carried_legend
from densa.raster.masks.values import MaskReader

__all__ = ["MOST_CODES", "NONE", "ClassMap"]

NONE = -1
"""Code of a pixel without a class."""
MOST_CODES = 1 << 16
"""Codes are below; a table over all of them is small."""


class ClassMap:
    """A label map whose pixels are read as codes; a context manager. `read` is thread-safe.

    With a legend, codes are the numbers of its classes; otherwise they are the values of the file, and 255 is no class
    in a file of 8 bits. A pixel that the file declares as nodata or hides has no class, unless the legend names its
    value.

    Args:
        path: label map, GeoTIFF or picture; of colours only with a legend.
        legend: None: that which the file carries, if it does.

    Attributes:
        raster: the open file.
        legend: None where the file has none.

    Raises:
        InputError: the file cannot be read, or is no map of classes.
    """

    def __init__(self, path: Path | str, legend: Legend | None = None) -> None:
        self.path = Path(path)
        self.legend = legend if legend is not None else carried_legend(self.path)
        self._reader = MaskReader(self.path)
        self.raster: Raster = self._reader.raster
        shape = self.raster.n_bands, self.raster.dtype
        if shape[0] == 3 and self.legend is None:
            raise InputError(f"{self.path} holds colours; give the legend that says which class each is: legend=FILE")
        if shape[0] not in (1, 3):
            raise InputError(f"{self.path} must be a map of classes with 1 band, got {shape[0]} of {shape[1]}")
        self._table = self._table_of_bytes() if shape == (1, np.dtype(np.uint8)) else None

    def names(self, codes: Sequence[int]) -> list[str]:
        """Names of classes; the values themselves without a legend."""
        return [str(code) if self.legend is None else self.legend.class_names[code] for code in codes]

    def read(self, window: Window | None = None) -> NDArray[np.int32]:
        """(h, w) int32 codes of a window, `NONE` where there is no class.

        Raises:
            InputError: values that the legend does not have, or that are no classes.
        """
        file = self._reader.read(window)
        if self._table is not None:
            codes = self._table[file.values]
            if file.hidden.any():
                codes[file.hidden] = NONE
            if (codes == MOST_CODES).any():
                assert self.legend is not None
                self._of_legend(self.legend, file.values[codes == MOST_CODES])
            return codes
        return self._other(file.values, file.hidden)

    def _table_of_bytes(self) -> NDArray[np.int32]:
        """Code of each value of 8 bits; `MOST_CODES` where the legend has none."""
        missing = [code for code in self._reader.missing if isinstance(code, int)]
        if self.legend is None:
            table = np.arange(256, dtype=np.int32)
            table[[IGNORE, *missing]] = NONE
            return table
        table = np.full(256, MOST_CODES, np.int32)
        inside = [code for code in (*missing, *self.legend.ignored_codes, IGNORE) if 0 <= code <= 255]
        table[inside] = NONE
        for number, code in enumerate(self.legend.codes):
            if 0 <= code <= 255:
                table[code] = number
        return table

    def _other(self, values: NDArray[Any], hidden: NDArray[np.bool_]) -> NDArray[np.int32]:
        codes_missing = self._reader.missing
        if self.legend is not None:
            named = self.legend.codes if values.ndim == 2 else self.legend.colors
            hidden = hidden | _among(values, [code for code in codes_missing if code not in named])
            if values.ndim == 2:
                values = np.where(hidden, self.legend.codes[0], values)
            else:
                values[hidden] = self.legend.colors[0]
            codes = self._of_legend(self.legend, values).astype(np.int32)
            codes[hidden | (codes == IGNORE)] = NONE
            return codes
        hidden = hidden | _among(values, codes_missing)
        shown = values[~hidden]
        if shown.size and (shown.min() < 0 or shown.max() >= MOST_CODES):
            wrong = int(shown.min() if shown.min() < 0 else shown.max())
            raise InputError(
                f"{self.path} must be a map of classes, numbered from 0 to {MOST_CODES - 1}, got the value {wrong};"
                " declare it as nodata, or give a legend"
            )
        codes = values.astype(np.int32)
        codes[hidden] = NONE
        return codes

    def _of_legend(self, legend: Legend, values: NDArray[Any]) -> NDArray[np.uint8]:
        convert: Callable[[NDArray[Any]], NDArray[np.uint8]]
        convert = legend.labels_of_colors if values.shape[-1:] == (3,) and values.ndim == 3 else legend.labels
        try:
            return convert(values)
        except InputError as error:
            raise InputError(f"{self.path}: {error}") from error

    def check_classes(self, n_present: int) -> None:
        """Refuse a raster with too many different values to be a map of classes."""
        if n_present > MAX_CLASSES:
            raise InputError(
                f"{self.path} has {n_present} different values; a map of classes has at most {MAX_CLASSES}: is it an"
                " image?"
            )
        if not n_present:
            raise InputError(f"{self.path} has no pixel with a class: all are nodata")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.raster.close()


def _among(values: NDArray[Any], codes: Sequence[Any]) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = np.zeros(values.shape[:2], bool)
    for code in codes:
        found |= values == code if values.ndim == 2 else (values == code).all(axis=2)
    return found
