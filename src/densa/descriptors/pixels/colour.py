"""Colours of a pixel in CIE Lab, CIE Luv and HSV."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densa.checks import as_choices, as_positive
from densa.descriptors.pixels._colour_kernel import MATRIX, WHITE, to_hsv, to_lab_and_luv
from densa.descriptors.pixels.descriptor import PlaneDescriptor
from densa.descriptors.pixels.place import Place
from densa.errors import InputError
from densa.parallel import share_rows

__all__ = ["ColourSpaces", "check_rgb", "full_white", "lab_planes"]

SPACES = {"lab": ("Lab L", "Lab a", "Lab b"), "luv": ("Luv L", "Luv u", "Luv v"), "hsv": ("hue", "saturation", "value")}


@dataclass(frozen=True)
class ColourSpaces(PlaneDescriptor):
    """Lab (L 0 to 100, a and b about -108 to 99), Luv and HSV (each 0 to 1) of the three bands red, green, blue (sRGB).

    Attributes:
        spaces: some of lab, luv, hsv.
        white: the value of full intensity; None: 255 for 8-bit and 65535 for 16-bit images, 1 for floats.

    Raises:
        InputError: unknown spaces, or a `white` that is not above 0.

    Examples:
        >>> import numpy as np
        >>> from densa.descriptors import ColourSpaces
        >>> white = np.full((3, 1, 1), 255, np.uint8)
        >>> colours = ColourSpaces(("lab", "hsv"))
        >>> colours.names(3)[:3], colours.compute(white)[0].round(1).tolist()
        (['Lab L', 'Lab a', 'Lab b'], [[100.0]])
    """

    spaces: tuple[str, ...] = tuple(SPACES)
    white: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "spaces", as_choices(self.spaces, tuple(SPACES), "spaces"))
        if self.white is not None:
            object.__setattr__(self, "white", as_positive(self.white, "white"))

    @property
    def halo(self) -> int:
        """0: the pixel itself."""
        return 0

    def names(self, n_bands: int) -> list[str]:
        """One name per value, such as "Lab L"."""
        check_rgb(n_bands, "colour spaces")
        return [name for space in self.spaces for name in SPACES[space]]

    def _white(self, dtype: np.dtype[Any]) -> float:
        return self.white or full_white(dtype)

    def _fill(
        self, planes: NDArray[np.float32], valid: NDArray[np.bool_] | None, out: NDArray[np.float32], place: Place
    ) -> None:
        first = {space: 3 * i for i, space in enumerate(self.spaces)}
        slots = first.get("lab", -1), first.get("luv", -1)
        if max(slots) >= 0:
            share_rows(to_lab_and_luv, planes.shape[1], planes, MATRIX, WHITE, slots, out)
        if "hsv" in first:
            share_rows(to_hsv, planes.shape[1], planes, out[first["hsv"] : first["hsv"] + 3])


def check_rgb(n_bands: int, what: str) -> None:
    """Raise an InputError unless there are three bands."""
    if n_bands != 3:
        raise InputError(f"{what} need the three bands red, green, blue, got {n_bands}; choose three bands")


def full_white(dtype: np.dtype[Any]) -> float:
    """Full intensity of a data type: the largest 8-bit or 16-bit integer, otherwise 1."""
    return float(np.iinfo(dtype).max) if dtype.kind in "ui" and dtype.itemsize <= 2 else 1.0


def lab_planes(rgb: NDArray[np.float32]) -> NDArray[np.float32]:
    """CIE Lab (3, h, w) of sRGB (3, h, w) from 0 to 1."""
    out = np.empty(rgb.shape, np.float32)
    share_rows(to_lab_and_luv, rgb.shape[1], rgb, MATRIX, WHITE, (0, -1), out)
    return out
