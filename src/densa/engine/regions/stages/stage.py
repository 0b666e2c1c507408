"""Region methods as the engine runs them: stages, each a local step per tile and a global step over all tiles."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from densa import raster as rasters
from densa.engine.resources.budget import keep_worker_small
from densa.engine.work.packing import encode_arrays
from densa.parallel import limit_threads
from densa.raster import Raster, Window
from densa.raster.choice.chosen import BandChoice, opened_as
from densa.raster.grid import Block, Grid, read_window, widened

if TYPE_CHECKING:
    from densa.engine.regions.stages.store import Store

__all__ = ["RegionMethod", "Regions", "Stage", "StageJob", "StageWorker", "Tile"]

Regions = Callable[[Window], NDArray[np.int32]]
"""Region numbers of a window: of a finished segmentation, or of a raster file."""


class Tile:
    """One tile of a raster in a worker.

    Attributes:
        number: of the tile in its grid.
        core: the window that the tile owns; cores partition the raster.
        height, width: of the raster.

    Examples:
        >>> import numpy as np
        >>> from densa import raster
        >>> from densa.engine import regions
        >>> image = np.zeros((20, 30), np.uint8)
        >>> image[:, 15:] = 200
        >>> tile = regions.Tile(raster.from_array(image), 0, raster.Window(0, 0, 10, 10))
        >>> tile.read(4).pixels.shape
        (1, 14, 14)
    """

    def __init__(self, raster: Raster, number: int, core: Window, ahead: Block | None = None) -> None:
        self.number = number
        self.core = core
        self.height, self.width = raster.height, raster.width
        self._raster = raster
        self._ahead = ahead

    def read(self, halo: int) -> Block:
        """The core widened by `halo` pixels, clipped to the raster; values are 0 where they are invalid."""
        window = widened(self.core, halo, self.height, self.width)
        if self._ahead is not None and self._ahead.window == window:
            return self._ahead
        return read_window(self._raster, self.core, window)


class Stage(ABC):
    """One pass over the tiles; picklable, and equal to another that computes the same.

    A stage leaves named arrays for every tile, which later stages and its own global step read from the store. A stage
    that paints leaves, of its (h, w) core,

    * "fragments": (h, w) int32 connected pieces from 1, 0 where there is no region;
    * "firsts": (n,) int64 place (row * width + column in the raster) of the first pixel of each piece;
    * "right": (h, 3) bool, whether pixel (y, last column) is joined to (y + d - 1, next column), d = 0, 1, 2;
    * "down": (w, 3) bool, whether pixel (last row, x) is joined to (next row, x + d - 1);
    * "faces": (2 w + 2 h,) int32 pieces along the upper and lower row, the left and right column (all five are what
      `stitching.fragment_arrays` makes);

    and its global step has the pieces numbered ("numbers" of every tile, see `stitching.number_fragments`). A stage
    that merges may come later; its global step ends with `Store.save_merge`.

    Attributes:
        name: lower-case letters and digits; names its files.
        halo: pixels around a core that are usually read; -1: the image is not read.
        margin: pixels around a core of which results of earlier stages are read.
        paints, merges: whether it makes the regions, or merges regions.

    Examples:
        >>> import numpy as np
        >>> from densa import raster
        >>> from densa.engine import regions
        >>> image = np.zeros((20, 30), np.uint8)
        >>> image[:, 15:] = 200
        >>> stages = regions.Slic(12).stages(raster.from_array(image))
        >>> [(stage.name, stage.paints) for stage in stages]
        [('range', False), ('centers0', False), ('slic', True)]
    """

    if TYPE_CHECKING:  # fields or properties of subclasses; a dataclass would take a property here for a default

        @property
        def name(self) -> str: ...  # noqa: D102

        @property
        def halo(self) -> int: ...  # noqa: D102

    margin: ClassVar[int] = 0
    paints: ClassVar[bool] = False
    merges: ClassVar[bool] = False

    @abstractmethod
    def compute(self, tile: Tile, store: Store) -> Mapping[str, NDArray[Any]]:
        """The local step, in any worker: the same arrays in each."""

    @abstractmethod
    def gather(self, store: Store, grid: Grid) -> None:
        """The global step, when all tiles are there; doing it again changes nothing."""

    def gather_bytes(self, raster: Raster, n_regions: float) -> float:
        """Memory of the global step that grows with the number of regions; 0, the default: small or unknown.

        Where it is known, a budget that is too small is refused before anything is computed.

        Raises:
            InputError: more regions than the stage supports.
        """
        return 0.0


class RegionMethod(ABC):
    """A region method with its parameters, checked when it is made; picklable.

    Attributes:
        name: as on the command line.
        whole: the image is computed in one tile.

    Examples:
        >>> import numpy as np
        >>> from densa import raster
        >>> from densa.engine import regions
        >>> image = np.zeros((20, 30), np.uint8)
        >>> image[:, 15:] = 200
        >>> method = regions.Slic(12)
        >>> method.name, method.whole
        ('slic', False)
        >>> [stage.name for stage in method.stages(raster.from_array(image))]
        ['range', 'centers0', 'slic']
    """

    if TYPE_CHECKING:  # see `Stage`

        @property
        def name(self) -> str: ...  # noqa: D102

    whole: ClassVar[bool] = False

    @abstractmethod
    def parameters(self) -> dict[str, Any]:
        """Parameters that a run which continues another must share with it, as JSON."""

    def inputs(self) -> Sequence[Path]:
        """Files that the method reads beside the raster; none, the default."""
        return ()

    @abstractmethod
    def stages(self, raster: Raster) -> Sequence[Stage]:
        """The passes, in order.

        Raises:
            InputError: the method does not fit the raster.
        """

    @abstractmethod
    def bytes_per_pixel(self, raster: Raster) -> float:
        """Memory at the peak of a stage, per pixel of its block."""

    def expected_regions(self, raster: Raster) -> int | None:
        """About how many regions there will be before any are merged; None, the default, where it is unknown."""
        return None


@dataclass(frozen=True)
class StageJob:
    """The job of one stage over one raster; see `densa.engine.work.job.Job`.

    Args:
        key: identifies the job.
        image, page, choice: opened by every process itself.
        grid: the tiles.
        stage: what is computed.
        store: results of the stages before; the work folder must be at the same path in every process.
        cache_bytes: of GDAL in each process; 0: its default.
        threads: of kernels in each worker; 0: no limit.
    """

    key: str
    image: Path
    page: int
    grid: Grid
    stage: Stage
    store: Store
    choice: BandChoice | None = None
    cache_bytes: int = 0
    threads: int = 0

    def open(self) -> StageWorker:
        """The image, for this process."""
        keep_worker_small(self.cache_bytes)
        self.limit_threads()
        return self.opened(opened_as(self.choice, rasters.open(self.image, page=self.page)))

    def opened(self, raster: Raster) -> StageWorker:
        """The same, of an image that is open already."""
        return StageWorker(self, raster)

    def limit_threads(self) -> None:
        """Limit kernels to `threads` in the calling thread."""
        limit_threads(self.threads)


@dataclass(frozen=True)
class StageWorker:
    """A stage and an image in one process; see `densa.engine.work.job.Worker`."""

    job: StageJob
    raster: Raster

    def read(self, number: int) -> Tile:
        """A tile, with the block that the stage usually reads."""
        core = self.job.grid.tile(number)[0]
        ahead: Block | None = None
        if self.job.stage.halo >= 0:
            ahead = Tile(self.raster, number, core).read(self.job.stage.halo)
        return Tile(self.raster, number, core, ahead)

    def compute(self, tile: Tile) -> Mapping[str, NDArray[Any]]:
        """The arrays that the stage leaves for a tile."""
        return self.job.stage.compute(tile, self.job.store)

    def pack(self, result: Mapping[str, NDArray[Any]]) -> bytes:
        """The arrays as bytes."""
        return encode_arrays(result)

    def close(self) -> None:
        """Close the image."""
        self.raster.close()
