"""Connected components and relabelling of rasters of any size.

Method: Connected components (`components`) and numbering (`relabel`).
Source: Rosenfeld, Pfaltz, JACM 13(4), 1966.
As printed: pixels of equal value joined along 4 or 8 neighbours; regions numbered by their first pixel in raster order.
Departs: runs and tiles, joined by union-find, in place of two passes over pixels: the same components.
Held by: tests/engine/regions/test_components.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from densa.engine.regions.stages.stage import RegionMethod, Stage, Tile
from densa.engine.regions.stages.stitching import check_count, label_fragments, number_fragments
from densa.errors import InputError
from densa.raster import Raster
from densa.raster.grid import Grid
from densa.regions.shared.checks import check_connectivity

if TYPE_CHECKING:
    from densa.engine.regions.stages.store import Store

__all__ = ["Components", "Relabel"]


@dataclass(frozen=True)
class Components(RegionMethod):
    """Connected pieces of equal value (of all bands), as `densa.regions.connected_components`.

    Invalid pixels are in no region.

    Args:
        connectivity: 1: pixels have 4 neighbours, 2: 8.
        background: pixels of this value (in all bands) are in no region; None: there is no such value.

    Raises:
        InputError: another connectivity, or a background that is no integer.

    Examples:
        >>> import numpy as np
        >>> from densa import raster
        >>> from densa.engine import regions
        >>> image = np.zeros((20, 30), np.uint8)
        >>> image[:, 15:] = 200
        >>> method = regions.Components()
        >>> int(regions.segment_array(method, raster.from_array(image)).max())
        2
    """

    connectivity: int = 1
    background: int | None = None
    name = "components"

    def __post_init__(self) -> None:
        check_connectivity(self.connectivity)
        if self.background is not None and type(self.background) is not int:
            raise InputError(f"background must be an integer, or None, got {self.background!r}")

    def parameters(self) -> dict[str, Any]:
        """Parameters that a run which continues another must share with it."""
        return {"connectivity": self.connectivity, "background": self.background}

    def stages(self, raster: Raster) -> list[Stage]:
        """One pass.

        Raises:
            InputError: the values are not integers.
        """
        _check_integers(raster, "connected components are of equal values")
        return [_ComponentStage(self.connectivity, self.background)]

    def bytes_per_pixel(self, raster: Raster) -> float:
        """Measured on noise, where every pixel is a run."""
        n_bytes = raster.n_bands * raster.dtype.itemsize
        return 1.15 * (n_bytes + (25 if n_bytes < 4 else 33 if n_bytes < 8 else 60))


@dataclass(frozen=True)
class _ComponentStage(Stage):
    connectivity: int
    background: int | None
    name = "components"
    halo = 1
    paints = True

    def compute(self, tile: Tile, store: Store) -> dict[str, NDArray[Any]]:
        """Pieces of one tile."""
        block = tile.read(1)
        kept = block.valid
        if self.background is not None:
            kept = kept & ~np.all(block.pixels == self.background, axis=0)
        labels = _keys(block.pixels)
        labels[~kept] = 0
        return label_fragments(labels, block.core, block.window, tile.width, self.connectivity)

    def gather(self, store: Store, grid: Grid) -> None:
        """Components of the raster."""
        number_fragments(store, self.name, grid)


def _keys(pixels: NDArray[Any]) -> NDArray[Any]:
    """(h, w) integers from 1 that are equal where all bands of (bands, h, w) are."""
    bits = 8 * pixels.dtype.itemsize
    if bits * len(pixels) > 62:
        return _ranks(pixels)
    low = 0 if pixels.dtype.kind in "bu" else -(1 << (bits - 1))
    keys = np.zeros(pixels.shape[1:], np.int32 if bits * len(pixels) <= 30 else np.int64)
    for band in pixels:
        keys <<= bits
        keys += band
        keys -= low
    keys += 1
    return keys


def _ranks(pixels: NDArray[Any]) -> NDArray[Any]:
    """`_keys` of values whose bits do not fit into one integer together."""
    bands = pixels.reshape(len(pixels), -1)
    starts = _run_starts(bands)
    keys = np.zeros(len(starts), np.int64)
    for band in bands:
        # Ranks are below 2**31: two fit into 64 bits.
        keys = np.unique(keys, return_inverse=True)[1] << 31
        keys += np.unique(band[starts], return_inverse=True)[1]
    return np.repeat(keys + 1, _run_lengths(starts, bands.shape[1])).reshape(pixels.shape[1:])


def _run_starts(bands: NDArray[Any]) -> NDArray[np.int64]:
    """First indices of runs of equal vectors in flattened (bands, n) values; runs are far fewer than pixels."""
    differ = np.zeros(bands.shape[1], np.bool_)
    differ[0] = True
    for band in bands:
        differ[1:] |= band[1:] != band[:-1]
    return np.flatnonzero(differ)


def _run_lengths(starts: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    return np.diff(starts, append=n)


@dataclass(frozen=True)
class Relabel(RegionMethod):
    """Numbers labels consecutively in raster order of their first pixel, as `densa.regions.relabel`.

    All pixels of a label are one region, connected or not; label 0 and invalid pixels are in no region. The table
    "labels" holds the label of each region. Memory of the global step: 16 bytes for each label.

    Examples:
        >>> import numpy as np
        >>> from densa import raster
        >>> from densa.engine import regions
        >>> labels = raster.from_array(np.array([[7, 7, 0], [3, 0, 7]], np.int32))
        >>> regions.segment_array(regions.Relabel(), labels)
        array([[1, 1, 0],
               [2, 0, 1]], dtype=int32)
    """

    name = "relabel"

    def parameters(self) -> dict[str, Any]:
        """There are none."""
        return {}

    def stages(self, raster: Raster) -> list[Stage]:
        """One pass.

        Raises:
            InputError: the raster does not hold one band of integers.
        """
        _check_integers(raster, "labels are equal or not")
        if raster.n_bands != 1:
            raise InputError(f"{raster.path} has {raster.n_bands} bands, labels must be in one; extract it")
        return [_RelabelStage()]

    def bytes_per_pixel(self, raster: Raster) -> float:
        """Measured on noise, where every pixel is a run."""
        return 1.15 * (36 + 8 * raster.dtype.itemsize)


@dataclass(frozen=True)
class _RelabelStage(Stage):
    name = "relabel"
    halo = 0
    paints = True

    def compute(self, tile: Tile, store: Store) -> dict[str, NDArray[Any]]:
        """Labels of one tile and their first pixels."""
        block = tile.read(0)
        fragments, values, firsts = unique_labels(block.pixels[0])
        rows, columns = np.divmod(firsts, block.core.width)
        firsts = (block.core.row + rows) * tile.width + block.core.column + columns
        return {"fragments": fragments, "firsts": firsts, "values": values}

    def gather(self, store: Store, grid: Grid) -> None:
        """Number the labels of the raster, one row of tiles after the other.

        Raises:
            InputError: there are more labels than int32 can number.
        """
        values, firsts = self._merge(store, grid)
        check_count(len(values))
        order = np.argsort(firsts)
        numbers = np.empty(len(values), np.int32)
        numbers[order] = np.arange(1, len(values) + 1)
        for number in range(len(grid)):
            its = store.load(self.name, number, "values")["values"]
            store.save("numbers", number, {"numbers": np.append(np.int32(0), numbers[np.searchsorted(values, its)])})
        store.save_table("labels", {"labels": np.append(np.zeros(1, values.dtype), values[order])})
        store.save_table("regions", {"count": np.array(len(values), np.int64)})

    def _merge(self, store: Store, grid: Grid) -> tuple[NDArray[Any], NDArray[np.int64]]:
        """All labels, ascending, and their first pixels."""
        labels: list[NDArray[Any]] = []
        firsts: list[NDArray[np.int64]] = []
        for row in range(grid.n_rows):
            for number in range(row * grid.n_columns, (row + 1) * grid.n_columns):
                tile = store.load(self.name, number, "values", "firsts")
                labels.append(tile["values"])
                firsts.append(tile["firsts"])
            every, where = np.concatenate(labels), np.concatenate(firsts)
            order = np.lexsort((where, every))
            values, first = np.unique(every[order], return_index=True)
            labels, firsts = [values], [where[order[first]]]
        return labels[0], firsts[0]


def unique_labels(labels: NDArray[Any]) -> tuple[NDArray[np.int32], NDArray[Any], NDArray[np.int64]]:
    """The labels of a tile, except 0, in ascending order.

    Args:
        labels: (h, w) integers.

    Returns:
        (h, w) int32 rank of each pixel's label, from 1, 0 where the label is 0; (n,) the labels; (n,) index of the
        first pixel of each in the flattened tile.
    """
    flat = labels.ravel()
    starts = _run_starts(flat[None])
    values, first, ranks = np.unique(flat[starts], return_index=True, return_inverse=True)
    kept = values != 0
    places = np.cumsum(kept, dtype=np.int32) * kept
    fragments = np.repeat(places[ranks], _run_lengths(starts, flat.size))
    return fragments.reshape(labels.shape), values[kept], starts[first[kept]]


def _check_integers(raster: Raster, why: str) -> None:
    if raster.dtype.kind not in "bui":
        raise InputError(
            f"{raster.path} holds {raster.dtype}, {why} and must be integers; convert it to integers, such as classes"
        )
