"""The orientation tag of TIFF and EXIF: which way up the stored rows and columns are shown."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import BinaryIO

import numpy as np

from densa.raster.raster import Raster, ValuesAndValidity, Window

__all__ = ["Turned", "stored_orientation"]

_TAG, _SHORT = 0x0112, 3
_MOST_DIRECTORIES = 65536


def stored_orientation(file: BinaryIO, directory: int = 0) -> int:
    """Orientation 1 to 8 of an image of a TIFF, or of an EXIF block, which is one; 1 where it is damaged or has none.

    Args:
        file: at any place; of an EXIF block without the six bytes before the TIFF.
        directory: number of the image's directory, from 0; those of overviews and masks count.
    """
    try:
        file.seek(0)
        head = file.read(16)
        order = {b"II": "<", b"MM": ">"}[head[:2]]
        big = struct.unpack_from(order + "H", head, 2)[0] == 43
        offset, count, entry_bytes, value_at = ("Q", "Q", 20, 12) if big else ("I", "H", 12, 8)
        (start,) = struct.unpack_from(order + offset, head, 8 if big else 4)
        for _ in range(min(directory, _MOST_DIRECTORIES)):
            file.seek(start)
            (n,) = struct.unpack(order + count, file.read(struct.calcsize(count)))
            file.seek(n * entry_bytes, 1)
            (start,) = struct.unpack(order + offset, file.read(struct.calcsize(offset)))
        file.seek(start)
        (n,) = struct.unpack(order + count, file.read(struct.calcsize(order + count)))
        entries = file.read(min(n, 4096) * entry_bytes)
        for at in range(0, len(entries) - entry_bytes + 1, entry_bytes):
            tag, kind = struct.unpack_from(order + "HH", entries, at)
            if tag == _TAG and kind == _SHORT:
                (value,) = struct.unpack_from(order + "H", entries, at + value_at)
                return value if 1 <= value <= 8 else 1
    except (struct.error, KeyError, OSError, OverflowError):
        pass
    return 1


class Turned(Raster):
    """A raster as its orientation tag shows it; closing it closes the raster.

    Args:
        stored: an open raster without georeference.
        orientation: 2 to 8, as TIFF 6.0 numbers them: where row 0 and column 0 are shown.
    """

    def __init__(self, stored: Raster, orientation: int) -> None:
        self._stored, self._orientation = stored, orientation
        height, width = stored.height, stored.width
        height, width = (width, height) if orientation >= 5 else (height, width)
        missing, key = stored.leave_missing()
        super().__init__(
            stored.path,
            height,
            width,
            stored.dtype,
            stored.band_names,
            bands=stored.bands,
            n_pages=stored.n_pages,
            metadata=stored.metadata,
            missing=missing,
            key=key,
        )
        self.loss, self.white_is_zero = stored.loss, stored.white_is_zero
        self.remarks = stored.remarks

    def _load(self, window: Window, bands: Sequence[int]) -> ValuesAndValidity:
        row, column, height, width = window
        # Undo in the order: the mirrored axes of what is shown, then the exchange of rows and columns.
        from_below, from_right = self._orientation in (3, 4, 7, 8), self._orientation in (2, 3, 6, 7)
        if from_below:
            row = self.height - row - height
        if from_right:
            column = self.width - column - width
        place = Window(row, column, height, width)
        if self._orientation >= 5:
            place = Window(column, row, width, height)
        values, valid = self._stored.read(place, bands=[b + 1 for b in bands])
        if self._orientation >= 5:
            values, valid = values.transpose(0, 2, 1), valid.T
        rows, columns = slice(None, None, -1 if from_below else 1), slice(None, None, -1 if from_right else 1)
        return np.ascontiguousarray(values[:, rows, columns]), np.ascontiguousarray(valid[rows, columns])

    def close(self) -> None:
        """Close the raster."""
        self._stored.close()
