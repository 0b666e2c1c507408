"""A planned prediction: its tiles are computed, then streamed into the files, a row of tiles at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densa.engine.prediction.settings import PolygonShape
from densa.engine.prediction.tile import Products
from densa.engine.prediction.tile_job import TileJob
from densa.engine.work.crew import compute_ahead
from densa.engine.work.journal import WorkFolder
from densa.engine.work.packing import CHUNK_ROWS, read_chunks
from densa.engine.work.resumable import JobFiles, Task, compute_missing
from densa.engine.work.settings import Work
from densa.engine.work.shard import Shard
from densa.legend import IGNORE, Legend
from densa.progress import Progress
from densa.raster import BandsWriter, LabelMapWriter, PolygonWriter, Raster, Window
from densa.raster.grid import Grid
from densa.segmenter import Segmenter

__all__ = ["PredictionFiles", "PredictionTask", "Writers"]


@dataclass(frozen=True)
class PredictionFiles(JobFiles):
    """The files of one prediction, and options of its polygons.

    Args:
        labels: .png (palette) or .tif (colour table, class names, georeference) of the label map.
        probabilities: .tif of one uint8 band per class, named; value / 255 is the probability.
        uncertainty: .tif of the entropy of the probabilities, uint8; 255 where all classes are equally probable. Both
            have a mask, invalid where the label map has no class.
        polygons: .gpkg, .geojson or .fgb of the regions of one class, not cut at the borders of tiles.
        shape: of the polygons.

    Examples:
        >>> from pathlib import Path
        >>> from densa import engine
        >>> files = engine.PredictionFiles(Path("map.tif"), polygons=Path("map.gpkg"))
        >>> sorted(files.each())
        ['labels', 'polygons']
    """

    labels: Path
    probabilities: Path | None = None
    uncertainty: Path | None = None
    polygons: Path | None = None
    shape: PolygonShape = PolygonShape()

    def products(self, n_classes: int) -> Products:
        """The planes of each tile that these files need."""
        return Products(
            n_classes,
            confidence=self.polygons is not None,
            uncertainty=self.uncertainty is not None,
            probabilities=self.probabilities is not None,
        )


@dataclass(frozen=True)
class PredictionTask(Task[PredictionFiles]):
    """One image, one model, the tiles and the files.

    Attributes:
        segmenter: with all its wrappers.
        raster: the open image.
        files, description, tags: see `Task`.
        job: computes the tiles.
        work: memory and workers.
        shard: tiles to compute; None: all.
        progress: called with (pixels done, pixels in all) after every tile.
        tell: called with lines for the user.
    """

    segmenter: Segmenter
    raster: Raster
    files: PredictionFiles
    description: Mapping[str, Any]
    tags: Mapping[str, str]
    job: TileJob
    work: Work
    shard: Shard | None = None
    progress: Progress | None = None
    tell: Callable[[str], None] = lambda line: None

    def write_directly(self, overwrite: bool) -> bool:
        """Predict an image of one tile."""
        if len(self.job.grid) > 1:
            return False
        with self._writers(self.files, overwrite) as writers:
            for _, tile in compute_ahead(self.job.opened(self.segmenter, self.raster), [0]):
                writers.write_strip(tile.window.row, [self.job.products.planes(tile)])
        if self.progress:
            self.progress(self.raster.height * self.raster.width, self.raster.height * self.raster.width)
        return True

    def compute(self, folder: WorkFolder) -> None:
        """Compute the missing tiles, of this shard where there are several."""
        shapes = self._shapes()
        wanted = {n: shape for n, shape in shapes.items() if self.shard is None or self.shard.takes(n)}
        finished = folder.finished(wanted)
        if finished:
            self.tell(f"{folder.output.name}: {len(finished)} of {len(wanted)} tiles are finished already")
        worker = self.job.opened(self.segmenter, self.raster)
        pixels = {n: height * width for n, (_, height, width) in wanted.items()}
        compute_missing(self.work.crew, self.job, worker, pixels, finished, folder.store, self.progress)

    def is_computed(self, folder: WorkFolder, *, thoroughly: bool) -> bool:
        """Whether the tiles of all shards are there and, with `thoroughly`, whole."""
        shapes = self._shapes()
        if thoroughly:
            return len(folder.finished(shapes)) == len(shapes)
        return all(folder.has(n) for n in shapes)

    def assemble(self, folder: WorkFolder, files: PredictionFiles) -> None:
        """Stream the tiles into the files."""
        with self._writers(files) as writers:
            _write_tiles(self.job.grid, self.job.products, folder.load, writers)

    def _writers(self, files: PredictionFiles, overwrite: bool = False) -> Writers:
        legend = self.segmenter.legend
        return Writers(files, self.job.products, self.raster, legend, tags=self.tags, overwrite=overwrite)

    def _shapes(self) -> dict[int, tuple[int, int, int]]:
        """Planes, height and width of every tile."""
        grid, n_planes = self.job.grid, self.job.products.n_planes
        cores = {number: grid.tile(number)[0] for number in range(len(grid))}
        return {number: (n_planes, core.height, core.width) for number, core in cores.items()}


class Writers:
    """The open files of a prediction, written by windows of planes; a context manager.

    Args:
        files: their names.
        products: which planes there are.
        raster: of which size and georeference are used.
        legend: names and colours of the classes.
        tags: text fields of every file.
        overwrite: replace files that exist.
    """

    def __init__(
        self,
        files: PredictionFiles,
        products: Products,
        raster: Raster,
        legend: Legend,
        *,
        tags: Mapping[str, str],
        overwrite: bool = False,
    ) -> None:
        size = raster.height, raster.width
        self._products = products
        self._stack = ExitStack()
        self._polygons: PolygonWriter | None = None
        if files.polygons is not None:
            self._polygons = PolygonWriter(
                files.polygons,
                legend,
                like=raster,
                width=raster.width,
                min_area=files.shape.min_area,
                simplify=files.shape.simplify,
                overwrite=overwrite,
            )
        self._labels = LabelMapWriter(files.labels, *size, legend, like=raster, tags=tags, overwrite=overwrite)
        self._bands: dict[str, BandsWriter] = {}
        names = {"probabilities": legend.class_names, "uncertainty": ("entropy",)}
        for product, path in files.each().items():
            if product in names:
                n = len(names[product])
                self._bands[product] = BandsWriter(
                    path, n, *size, np.uint8, like=raster, band_names=names[product], scale=1 / 255, tags=tags,
                    overwrite=overwrite,
                )  # fmt: skip

    def __enter__(self) -> Writers:
        with ExitStack() as stack:
            stack.enter_context(self._labels)
            for writer in self._bands.values():
                stack.enter_context(writer)
            if self._polygons is not None:
                stack.enter_context(self._polygons)
            self._stack = stack.pop_all()
        return self

    def write_strip(self, row: int, strip: Iterable[NDArray[np.uint8]]) -> None:
        """Write whole rows, from top to bottom.

        Args:
            row: first row.
            strip: (planes, rows, w) pieces from left to right.
        """
        column, labels, sure = 0, [], []
        for planes in strip:
            window = Window(row, column, *planes.shape[1:])
            column += window.width
            self._labels.write(window, planes[0])
            for product, writer in self._bands.items():
                # What has no label has no probability: a mask, since all 256 values are in use.
                writer.write(window, planes[self._products.place(product)], planes[0] != IGNORE)
            if self._polygons is not None:
                labels.append(planes[0])
                sure.append(planes[self._products.place("confidence")][0])
        if self._polygons is not None:
            self._polygons.write(np.hstack(labels), np.hstack(sure))

    def __exit__(self, *error: object) -> None:
        self._stack.__exit__(*error)  # type: ignore[arg-type]


def _write_tiles(grid: Grid, products: Products, load: Callable[[int], bytes], writers: Writers) -> None:
    """Write all tiles, in strips of whole rows as high as a chunk; a row of tiles is held, compressed."""
    for row in range(grid.n_rows):
        tiles = []
        for number in range(row * grid.n_columns, (row + 1) * grid.n_columns):
            core = grid.tile(number)[0]
            tiles.append(read_chunks(load(number), (products.n_planes, core.height, core.width)))
        for top in range(core.row, core.row + core.height, CHUNK_ROWS):
            writers.write_strip(top, (next(tile) for tile in tiles))
