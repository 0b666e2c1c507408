"""How a file of labels was stored, which decides whether its values can be trusted."""

from __future__ import annotations

from typing import NamedTuple

from densa.raster.raster import Raster

__all__ = ["MaskOrigin", "origin_of"]


class MaskOrigin(NamedTuple):
    """How a mask file was stored.

    Attributes:
        loss: name of a compression that alters values; None for files that keep them.
        white_is_zero: 0 is shown white.
        software: that wrote the file, "" where it does not say.
    """

    loss: str | None
    white_is_zero: bool
    software: str


def origin_of(raster: Raster) -> MaskOrigin:
    """How a mask was stored, from the header of its open file."""
    software = raster.metadata.get("TIFFTAG_SOFTWARE", raster.metadata.get("Software", ""))
    return MaskOrigin(raster.loss, raster.white_is_zero, software)
