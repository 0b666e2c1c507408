"""Regional minima of a raster of any size, numbered as `densa.regions.label_minima` numbers them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from densa.engine.regions.stages.stage import Stage, Tile
from densa.engine.regions.stages.stitching import fragment_arrays, number_fragments
from densa.engine.regions.watershed.relief import Relief
from densa.raster.grid import Grid, inside
from densa.regions.watershed.spanning_forest import terrain

if TYPE_CHECKING:
    from densa.engine.regions.stages.store import Store

__all__ = ["MinimaStage", "marker_numbers"]

_STAGE, _NUMBERS = "minima", "minimanumbers"


@dataclass(frozen=True)
class MinimaStage(Stage):
    """Finds the plateaus without a lower neighbour; `marker_numbers` gives them.

    A plateau may continue in other tiles and have its lower neighbour there. So the pixels at the faces of a tile that
    belong to no candidate make up one more piece, "low": a candidate that is joined with a low piece is no minimum.

    Args:
        relief: whose minima are found.
        connectivity: 1 or 2.
    """

    relief: Relief
    connectivity: int
    name = _STAGE

    @property
    def halo(self) -> int:
        """One pixel, and the halo of the relief."""
        return 1 + self.relief.halo

    def compute(self, tile: Tile, store: Store) -> dict[str, NDArray[Any]]:
        """Candidates of one tile, pieces for `number_fragments`, and "low", the number of the low piece, 0: none."""
        relief, valid, window = self.relief.read(tile, 1)
        place = inside(tile.core, window)
        core = terrain(relief, valid, None, self.connectivity).part(*place).bounded()
        labels, n_candidates = core.number_minima()
        fragments = np.ascontiguousarray(labels.reshape(core.values.shape)[1:-1, 1:-1])
        low = n_candidates + 1
        for face in (np.s_[0], np.s_[-1], np.s_[:, 0], np.s_[:, -1]):
            its = fragments[face]
            its[(its == 0) & valid[place][face]] = low
        arrays: dict[str, NDArray[Any]] = fragment_arrays(
            fragments, tile.core, window, tile.width, self.connectivity,
            lambda a, b: (relief[a] == relief[b]) & valid[a] & valid[b],
        )  # fmt: skip
        return arrays | {"low": np.array(low if len(arrays["firsts"]) == low else 0, np.int32)}

    def gather(self, store: Store, grid: Grid) -> None:
        """Number the candidates of the raster that are minima."""
        number_fragments(store, self.name, grid)
        dropped = np.unique(np.array([_number_of_low(store, number) for number in range(len(grid))], np.int64))
        for number in range(len(grid)):
            numbers = store.load("numbers", number, "numbers")["numbers"]
            kept = ~np.isin(numbers, dropped) & (numbers > 0)
            fewer = np.where(kept, numbers - np.searchsorted(dropped[dropped > 0], numbers), 0)
            store.save(_NUMBERS, number, {"numbers": fewer.astype(np.int32)})


def _number_of_low(store: Store, number: int) -> int:
    low = int(store.load(_STAGE, number, "low")["low"])
    return int(store.load("numbers", number, "numbers")["numbers"][low])


def marker_numbers(store: Store, number: int) -> NDArray[np.int32]:
    """(h, w) number of the minimum that a pixel of a tile's core belongs to, 0: none."""
    numbers: NDArray[np.int32] = store.load(_NUMBERS, number, "numbers")["numbers"]
    markers: NDArray[np.int32] = numbers[store.load(_STAGE, number, "fragments")["fragments"]]
    return markers
