"""Results of the stages of a region method in the work folder: arrays per tile, and tables of the raster."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densa.engine.work.journal import WorkFolder
from densa.engine.work.packing import encode_arrays, has_whole_arrays, read_arrays
from densa.errors import InputError
from densa.raster import Window
from densa.raster.grid import Grid, inside

__all__ = ["Store"]

_MERGE = "merge"
_PAINTED_TILES = 3  # whose regions are kept in memory: a window seldom has pixels in more


class Store:
    """Results of the finished stages, which any process with access to the work folder can read.

    Args:
        folder: the work folder.
        grid: the tiles.
        painted: name of the stage that leaves "fragments".
        merging: names of the stages that may merge regions, in order.
    """

    def __init__(self, folder: WorkFolder, grid: Grid, painted: str, merging: Sequence[str] = ()) -> None:
        self.folder = folder
        self.grid = grid
        self.painted = painted
        self.merging = tuple(merging)
        self._tables: dict[str, dict[str, NDArray[Any]]] = {}
        self._recent: OrderedDict[int, NDArray[np.int32]] = OrderedDict()
        self._lock = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        return {"folder": self.folder, "grid": self.grid, "painted": self.painted, "merging": self.merging}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]

    def load(self, stage: str, number: int, *names: str) -> dict[str, NDArray[Any]]:
        """Arrays that a stage left for a tile: those named, or all; they cannot be written to."""
        return self._read(_tile_name(stage, number), names)

    def save(self, stage: str, number: int, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Save arrays of a tile."""
        self.keep(stage, number, encode_arrays(arrays))

    def keep(self, stage: str, number: int, data: bytes) -> None:
        """Save arrays of a tile that are packed already."""
        self.folder.write(_tile_name(stage, number), data)

    def finished(self, stage: str) -> set[int]:
        """Numbers of the tiles for which a stage left a whole file; files that are not whole are removed."""
        done = set()
        for number in range(len(self.grid)):
            path = self.folder.path / _tile_name(stage, number)
            try:
                if has_whole_arrays(path.read_bytes()):
                    done.add(number)
                else:
                    path.unlink()
            except FileNotFoundError:
                continue
        return done

    def table(self, name: str) -> dict[str, NDArray[Any]]:
        """A table of the raster; read once in each process."""
        with self._lock:
            if name not in self._tables:
                self._tables[name] = self._read(f"{name}.table")
            return self._tables[name]

    def save_table(self, name: str, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Save a table of the raster."""
        self.folder.write(f"{name}.table", encode_arrays(arrays))
        with self._lock:
            self._tables.pop(name, None)

    def has_table(self, name: str) -> bool:
        """Whether a table exists."""
        return name in self._tables or (self.folder.path / f"{name}.table").exists()

    def save_merge(self, stage: str, table: NDArray[np.int32]) -> None:
        """Merge regions from here on.

        Args:
            stage: that merges them.
            table: (n + 1,) new number of each region, from 1 in the order of the smallest old number; entry 0 is 0.
        """
        self.save_table(f"{_MERGE}{stage}", {"table": table})
        with self._lock:
            self._recent.clear()

    def count(self) -> int:
        """Number of regions."""
        for stage in reversed(self.merging):
            if self.has_table(f"{_MERGE}{stage}"):
                return int(self.table(f"{_MERGE}{stage}")["table"].max(initial=0))
        return int(self.table("regions")["count"])

    def regions(self, window: Window) -> NDArray[np.int32]:
        """(h, w) region numbers of a window of the raster, 0 where there is no region."""
        out = np.empty((window.height, window.width), np.int32)
        for number, part in self.grid.tiles_in(window):
            core = self.grid.tile(number)[0]
            out[inside(part, window)] = self.tile_regions(number)[inside(part, core)]
        return out

    def tile_regions(self, number: int) -> NDArray[np.int32]:
        """(h, w) region numbers of a tile's core; they cannot be written to."""
        with self._lock:
            if number in self._recent:
                self._recent.move_to_end(number)
                return self._recent[number]
        table = self.load("numbers", number, "numbers")["numbers"]
        for stage in self.merging:
            if self.has_table(f"{_MERGE}{stage}"):
                table = self.table(f"{_MERGE}{stage}")["table"][table]
        regions: NDArray[np.int32] = table[self.load(self.painted, number, "fragments")["fragments"]]
        regions.flags.writeable = False
        with self._lock:
            self._recent[number] = regions
            while len(self._recent) > _PAINTED_TILES:
                self._recent.popitem(last=False)
        return regions

    def _read(self, name: str, arrays: Sequence[str] = ()) -> dict[str, NDArray[Any]]:
        try:
            return read_arrays(self.folder.path / name, arrays)
        except FileNotFoundError as error:
            raise InputError(f"{self.folder.path} lacks {name}; begin anew with overwrite=True") from error


def _tile_name(stage: str, number: int) -> str:
    return f"{stage}.{number:09d}.tile"
