"""SLIC of rasters of any size, equal to `densa.regions.slic` to the last pixel.

Centres first, in rounds, each of which carries information two cells in each direction. Then the labels: with all
centres known, the nearest centre of a pixel depends on the cells next to its own. Only the merging of small pieces
reaches further, where many lie side by side: a tile whose margin leaves a pixel undecided is computed again with twice
the margin.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from densa.engine.regions.settings import SUPERPIXEL_SIZE
from densa.engine.regions.slic.centers import CenterStage, Plan, shared_rounds
from densa.engine.regions.slic.labels import MARGIN, LabelStage, merged_bytes
from densa.engine.regions.stages.stage import RegionMethod, Stage
from densa.engine.regions.stages.stitching import MAX_REGIONS
from densa.engine.regions.stages.value_range import RangeStage
from densa.errors import InputError
from densa.raster import Raster
from densa.regions.shared.checks import MAX_BANDS
from densa.regions.slic.cells import cell_grid
from densa.regions.slic.superpixels import check_image_parameters, check_parameters

__all__ = ["Slic"]


@dataclass(frozen=True)
class Slic(RegionMethod):
    """SLIC superpixels, as `densa.regions.slic` of the whole raster with connected regions.

    Invalid pixels are in no region.

    Args:
        n_superpixels: requested count; None: from `superpixel_size`.
        compactness, n_iterations, adaptive, lab, min_size_factor: see `densa.regions.slic`.
        superpixel_size: requested pixels of a superpixel, in place of a count; 1 or more, 400 by default.

    Raises:
        InputError: a parameter is outside its range.

    Examples:
        >>> import numpy as np
        >>> from densa import raster
        >>> from densa.engine import regions
        >>> image = np.zeros((20, 30), np.uint8)
        >>> image[:, 15:] = 200
        >>> method = regions.Slic(12)
        >>> int(regions.segment_array(method, raster.from_array(image)).max())
        12
    """

    n_superpixels: int | None = None
    compactness: float | None = None
    n_iterations: int = 10
    adaptive: bool = False
    lab: bool | None = None
    min_size_factor: float = 0.25
    superpixel_size: float | None = None
    name = "slic"

    def __post_init__(self) -> None:
        check_parameters(self.compactness, self.n_iterations, self.adaptive, self.min_size_factor)
        if self.n_superpixels is not None and self.superpixel_size is not None:
            raise InputError("give either n_superpixels or superpixel_size, not both")
        if self.n_superpixels is not None and self.n_superpixels < 1:
            raise InputError(f"n_superpixels must be 1 or more, got {self.n_superpixels}")
        if self.superpixel_size is not None and not 1 <= self.superpixel_size < math.inf:
            raise InputError(f"superpixel_size must be 1 pixel or more, and finite, got {self.superpixel_size}")

    def parameters(self) -> dict[str, Any]:
        """Parameters that a run which continues another must share with it."""
        return asdict(self)

    def stages(self, raster: Raster) -> list[Stage]:
        """The range of values (not for CIELAB), rounds of the centres, and the labels.

        Raises:
            InputError: values of another kind, or too few or too many pixels for the count of superpixels.
        """
        plan = self._plan(raster)
        found: list[Stage] = [] if plan.lab else [RangeStage()]
        before = ""
        for k, rounds in enumerate(shared_rounds(self.n_iterations - 1, plan.side)):
            halo = (2 * len(rounds) + 1) * plan.side
            found.append(CenterStage(plan, rounds.start, rounds.stop, before, f"centers{k}", halo))
            before = f"centers{k}"
        halo = (MARGIN + 1) * plan.side
        return [*found, LabelStage(plan, before, max(halo, *(stage.halo for stage in found)), halo=halo)]

    def expected_regions(self, raster: Raster) -> int | None:
        """See `RegionMethod`."""
        return self._plan(raster).n_superpixels

    def bytes_per_pixel(self, raster: Raster) -> float:
        """Measured on noise, where every pixel is a piece of its own, and with small cells."""
        plan, n_bands = self._plan(raster), raster.n_bands
        grid, block = plan.grid, n_bands * raster.dtype.itemsize + 1
        cells = 40 * (4 + n_bands) * grid.n_rows * grid.n_columns / (grid.height * grid.width)
        centers = 2 * n_bands + 1 + cells  # fixed-point planes, sums of the centres
        labels = 6 + merged_bytes(plan.side)  # nearest candidates, pieces of this tile and of the previous one
        return 1.15 * (2 * block + max(centers, labels))  # one block is read ahead

    def _plan(self, raster: Raster) -> Plan:
        height, width = raster.height, raster.width
        if raster.dtype.kind not in "buif" or raster.n_bands > MAX_BANDS:
            raise InputError(
                f"SLIC takes up to {MAX_BANDS} bands of integers or real numbers, {raster.path} has {raster.n_bands} "
                f"of {raster.dtype}"
            )
        wanted = self.n_superpixels or max(1, round(height * width / (self.superpixel_size or SUPERPIXEL_SIZE)))
        if wanted > MAX_REGIONS:
            raise InputError(
                f"{wanted} superpixels are requested of {height} x {width} pixels, at most {MAX_REGIONS} can be "
                "numbered; take larger ones, or parts of the raster"
            )
        check_image_parameters(height, width, raster.n_bands, raster.dtype, wanted, self.lab)
        lab = self.lab if self.lab is not None else raster.dtype == np.uint8 and raster.n_bands == 3
        grid = cell_grid(height, width, wanted)
        return Plan(grid, wanted, self.compactness, self.adaptive, bool(lab), self.min_size_factor, raster.dtype)
