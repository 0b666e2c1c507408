"""The finished tiles become files: streamed, a row of tiles at a time, in the tiles' order."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from densa.engine.grid import Grid
from densa.engine.products import Products
from densa.engine.tile_file import CHUNK_ROWS, read_chunks
from densa.legend import Legend
from densa.raster import BandsWriter, LabelMapWriter, Raster, Window, atomic_output
from densa.raster.atomic import sidecar

__all__ = ["Outputs", "Writers", "publish", "write_tiles"]

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Outputs:
    """The files of one prediction."""

    labels: Path
    probabilities: Path | None = None
    uncertainty: Path | None = None

    def each(self) -> dict[str, Path]:
        """Product -> file; the label map comes last: when it is there, all are."""
        files = {"probabilities": self.probabilities, "uncertainty": self.uncertainty, "labels": self.labels}
        return {name: path for name, path in files.items() if path is not None}

    def inside(self, folder: Path) -> Outputs:
        """The same names in another folder."""
        return Outputs(**{name: folder / path.name for name, path in self.each().items()})


class Writers:
    """The open files that windows of planes are written to; a context manager.

    Args:
        outputs: the files.
        products: which planes there are.
        raster: gives size and georeference.
        legend: names and colours of the classes.
        tags: text fields of every file.
        overwrite: replace files that exist.
    """

    def __init__(
        self,
        outputs: Outputs,
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
        self._labels = LabelMapWriter(outputs.labels, *size, legend, like=raster, tags=tags, overwrite=overwrite)
        self._bands: dict[str, BandsWriter] = {}
        names = {"probabilities": legend.class_names, "uncertainty": ("entropy",)}
        for product, path in outputs.each().items():
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
            self._stack = stack.pop_all()
        return self

    def write(self, window: Window, planes: NDArray[np.uint8]) -> None:
        """Write (planes, h, w) of a window."""
        self._labels.write(window, planes[0])
        for product, writer in self._bands.items():
            writer.write(window, planes[self._products.place(product)])

    def __exit__(self, *error: object) -> None:
        self._stack.__exit__(*error)  # type: ignore[arg-type]


def write_tiles(
    grid: Grid, products: Products, load: Callable[[int], bytes], writers: Writers, progress: Progress | None = None
) -> None:
    """Write all tiles, in strips of chunks from left to right and top to bottom."""
    for row in range(grid.n_rows):
        numbers = range(row * grid.n_columns, (row + 1) * grid.n_columns)
        for number in numbers:
            core = grid.tile(number)[0]
            shape = (products.n_planes, core.height, core.width)
            for i, chunk in enumerate(read_chunks(load(number), shape)):
                window = Window(core.row + i * CHUNK_ROWS, core.column, chunk.shape[1], core.width)
                writers.write(window, chunk)
            if progress:
                progress(number + 1, len(grid))


def publish(built: Outputs, final: Outputs, *, overwrite: bool) -> None:
    """Rename finished files to their final names, the label map last."""
    for name, path in final.each().items():
        source = built.each()[name]
        with atomic_output(path, overwrite) as temporary:
            os.replace(source, temporary)
            if sidecar(source).exists():
                os.replace(sidecar(source), sidecar(temporary))


def strips(grid: Grid, products: Products, load: Callable[[int], bytes]) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Whole rows of the raster from top to bottom, in strips as high as a chunk.

    Yields:
        The first row of a strip and its (planes, rows, width) planes.
    """
    for row in range(grid.n_rows):
        numbers = range(row * grid.n_columns, (row + 1) * grid.n_columns)
        cores = [grid.tile(number)[0] for number in numbers]
        tiles = [
            read_chunks(load(number), (products.n_planes, core.height, core.width))
            for number, core in zip(numbers, cores, strict=True)
        ]
        for i, chunks in enumerate(zip(*tiles, strict=True)):
            yield cores[0].row + i * CHUNK_ROWS, np.concatenate(chunks, axis=2)
