"""Estimates of long runs."""

from __future__ import annotations

from dataclasses import dataclass

from densa.engine.resources.memory import shown_bytes

__all__ = ["ASSEMBLY_SECONDS_PER_PIXEL", "Estimate"]

ASSEMBLY_SECONDS_PER_PIXEL = 3e-8  # and byte: writing, copying to a COG with overviews and reading back


@dataclass(frozen=True)
class Estimate:
    """Time, disk and memory of a run.

    Attributes:
        tiles: how many; `tile_size` and `halo` in pixels.
        overhead: pixels computed more than once, as a share of the image.
        empty: share of the tiles without a valid pixel, which are not computed.
        seconds: of computing and writing all files; polygons without merging and simplifying.
        disk_bytes: peak of the work folder and the outputs together; polygons as above.
        memory_bytes: peak of resident memory on this machine, from the tiles that were tried.

    Examples:
        >>> from densa import engine
        >>> found = engine.Estimate(4, 2048, 92, 0.2, 0, seconds=40, disk_bytes=10**8, memory_bytes=10**9)
        >>> print(found.sentence())
        4 tiles of 2048 px with a halo of 92 px (20% computed twice, 0% of the tiles empty):
        about 40 s, 100 MB of disk, 1.00 GB of memory
    """

    tiles: int
    tile_size: int
    halo: int
    overhead: float
    empty: float
    seconds: float
    disk_bytes: int
    memory_bytes: int

    def sentence(self) -> str:
        """The estimate in one line."""
        return (
            f"{self.tiles} tile{'s' * (self.tiles > 1)} of {self.tile_size} px with a halo of {self.halo} px"
            f" ({self.overhead:.0%} computed twice, {self.empty:.0%} of the tiles empty): about {_time(self.seconds)},"
            f" {shown_bytes(self.disk_bytes)} of disk, {shown_bytes(self.memory_bytes)} of memory"
        )


def _time(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f} s" if seconds >= 2 else f"{seconds:.1f} s"
    if seconds < 3600:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
