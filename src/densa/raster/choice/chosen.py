"""Some bands of a raster, in a given order and unit, as a raster of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densa.errors import InputError
from densa.raster.bands import numbers_of
from densa.raster.raster import Raster, ValuesAndValidity, Window

__all__ = ["BandChoice", "ChosenBands", "choice_of", "choose_bands", "opened_as", "whole_of"]


@dataclass(frozen=True)
class BandChoice:
    """Which bands of a raster are read, and in which unit; small, so that other processes read the same.

    Args:
        numbers: of the bands, from 1.
        factors, shifts: per chosen band: values become stored * factor + shift; empty: as they are stored.
        dtype: of the result, numpy's name, where values are changed; integers are rounded and limited to its range.
    """

    numbers: tuple[int, ...]
    factors: tuple[float, ...] = ()
    shifts: tuple[float, ...] = ()
    dtype: str = ""

    def of(self, raster: Raster) -> Raster:
        """The chosen bands of an open raster; closing them closes it."""
        return ChosenBands(raster, self)

    def is_plain(self, n_bands: int) -> bool:
        """Whether it is all bands of a file of so many, in their order and as they are stored."""
        return self.numbers == tuple(range(1, n_bands + 1)) and not self.factors

    def identity(self) -> dict[str, Any]:
        """What a run that is continued must share, as JSON."""
        return {name: list(v) if isinstance(v, tuple) else v for name, v in asdict(self).items() if v}


class ChosenBands(Raster):
    """The bands of a choice as a raster with the georeference of the whole; see `choose_bands`.

    Attributes:
        whole: the raster that is read.
        choice: the bands.
    """

    def __init__(self, whole: Raster, choice: BandChoice) -> None:
        places = [number - 1 for number in choice.numbers]
        bands = tuple(whole.bands[place] for place in places)
        super().__init__(
            whole.path,
            whole.height,
            whole.width,
            np.dtype(choice.dtype) if choice.factors else whole.dtype,
            tuple(whole.band_names[place] for place in places),
            bands=bands,
            georeference=whole.georeference,
            n_pages=whole.n_pages,
            metadata=whole.metadata,
        )
        self.whole, self.choice = whole, choice
        self.ground_control, self.rpcs, self.remarks = whole.ground_control, whole.rpcs, whole.remarks

    @property
    def files(self) -> tuple[Path, ...]:
        """The files of the raster that is read."""
        return self.whole.files

    def _load(self, window: Window, bands: Sequence[int]) -> ValuesAndValidity:
        values, valid = self.whole.read(window, bands=[self.choice.numbers[b] for b in bands])
        return (self._converted(values, valid, bands) if self.choice.factors else values), valid

    def _converted(self, values: NDArray[Any], valid: NDArray[np.bool_], bands: Sequence[int]) -> NDArray[Any]:
        wide = values.astype(np.float64)
        for band, b in zip(wide, bands, strict=True):
            band *= self.choice.factors[b]
            band += self.choice.shifts[b]
        if self.dtype.kind in "iu":
            limits = np.iinfo(self.dtype)
            wide = np.where(np.isfinite(wide), wide, 0)
            wide = np.clip(np.rint(wide), float(limits.min), float(limits.max))
        return wide.astype(self.dtype)

    def close(self) -> None:
        """Close the raster that is read."""
        self.whole.close()


def choice_of(raster: Raster) -> BandChoice | None:
    """The choice of bands that a raster was opened with; None where it has all of its file, as they are stored."""
    if not isinstance(raster, ChosenBands) or raster.choice.is_plain(raster.whole.n_bands):
        return None
    return raster.choice


def opened_as(choice: BandChoice | None, raster: Raster) -> Raster:
    """The bands of a choice of an open raster; all of it where there is no choice."""
    return raster if choice is None else choice.of(raster)


def whole_of(raster: Raster) -> Raster:
    """The raster that a choice of bands is read from; others as they are."""
    return whole_of(raster.whole) if isinstance(raster, ChosenBands) else raster


def choose_bands(raster: Raster, bands: Sequence[int | str]) -> Raster:
    """Bands of a raster, by number from 1 or by name, in the given order.

    Raises:
        InputError: there is no such band.

    Examples:
        >>> import numpy as np
        >>> from densa import raster
        >>> from densa.raster.choice.chosen import choose_bands
        >>> image = raster.from_array(np.zeros((4, 6, 3), np.uint8), band_names=["red", "green", "blue"])
        >>> choose_bands(image, ["blue", 1]).band_names
        ('blue', 'red')
    """
    try:
        numbers = numbers_of(bands, raster.bands)
    except InputError as error:
        raise InputError(f"{raster.path} {error}") from error
    if isinstance(raster, ChosenBands):
        choice = raster.choice
        places = [n - 1 for n in numbers]
        picked: dict[str, Any] = {
            name: tuple(getattr(choice, name)[p] for p in places) if getattr(choice, name) else ()
            for name in ("numbers", "factors", "shifts")
        }
        return ChosenBands(raster.whole, replace(choice, **picked))
    if numbers == tuple(range(1, raster.n_bands + 1)):
        return raster
    return ChosenBands(raster, BandChoice(numbers))
