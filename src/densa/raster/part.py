"""A window of a raster as a separate raster."""

from __future__ import annotations

from collections.abc import Sequence

from densa.raster.raster import Raster, ValuesAndValidity, Window

__all__ = ["Part"]


class Part(Raster):
    """A window of an open raster, without georeference; closing it leaves the raster open.

    Args:
        whole: an open raster.
        window: a window inside it.
    """

    def __init__(self, whole: Raster, window: Window) -> None:
        super().__init__(whole.path, window.height, window.width, whole.dtype, whole.band_names, bands=whole.bands)
        self._whole, self._window = whole, window

    def _load(self, window: Window, bands: Sequence[int]) -> ValuesAndValidity:
        place = Window(self._window.row + window.row, self._window.column + window.column, window.height, window.width)
        return self._whole.read(place, bands=[b + 1 for b in bands])

    def close(self) -> None:
        """Do nothing: the raster belongs to the caller."""
