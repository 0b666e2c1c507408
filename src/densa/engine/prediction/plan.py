"""A prediction worked out before it begins: which tiles and files, and what a run that continues it must share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from operator import methodcaller
from typing import Any

from densa.engine.prediction.blend import Blended
from densa.engine.prediction.budget import choose_tile_size, default_tile_size
from densa.engine.prediction.frozen_context import frozen_context
from densa.engine.prediction.planes import Products
from densa.engine.prediction.tile_job import TileJob, Wrap
from densa.engine.prediction.writers import Outputs
from densa.engine.resources.budget import limit_read_cache
from densa.engine.resources.memory import resident_bytes, return_large_blocks
from densa.engine.tiles.grid import Grid
from densa.engine.work.crew import Crew
from densa.engine.work.executors import threads_of_each
from densa.engine.work.identity import content_hash, image_identity, origin_tags, segmenter_identity
from densa.errors import InputError
from densa.raster import Raster
from densa.segmenter import Segmenter

__all__ = ["Task", "check_bands", "checked_grid", "plan_task"]

BLEND_WINDOW_PX = 512
_ASSEMBLY_BYTES = 200_000_000  # copying a finished raster to a Cloud-Optimized GeoTIFF


@dataclass(frozen=True)
class Task:
    """One image, one model, the tiles and the files."""

    segmenter: Segmenter
    raster: Raster
    outputs: Outputs
    job: TileJob
    description: Mapping[str, Any]
    tags: Mapping[str, str]

    @property
    def grid(self) -> Grid:
        """The tiles."""
        return self.job.grid

    def shape(self, number: int) -> tuple[int, int, int]:
        """Planes, height and width of a tile."""
        core = self.grid.tile(number)[0]
        return self.job.products.n_planes, core.height, core.width


def check_bands(segmenter: Segmenter, raster: Raster) -> None:
    """Refuse a raster whose bands are not the segmenter's.

    Raises:
        InputError: another number of bands.
    """
    contract = segmenter.bands
    if raster.n_bands != contract.n_bands:
        raise InputError(
            f"{raster.path} has {raster.n_bands} bands, the model expects {contract.n_bands}"
            f" ({', '.join(contract.names)}); give an image with those bands"
        )


def checked_grid(segmenter: Segmenter, raster: Raster, tile_size: int | None) -> Grid:
    """The tiles of a raster, of a given or the usual size.

    Raises:
        InputError: the size is no multiple of the stride, or cuts what depends on the whole image.
    """
    size = default_tile_size(segmenter, raster.height, raster.width) if tile_size is None else tile_size
    grid = Grid(raster.height, raster.width, size, segmenter.halo, segmenter.stride)
    if segmenter.whole_image and len(grid) > 1:
        raise InputError(
            f"the model's output depends on the whole image, so tiles of {size} cannot be predicted; leave the tile "
            "size out, or use a model with frozen context"
        )
    return grid


def plan_task(
    segmenter: Segmenter,
    raster: Raster,
    outputs: Outputs,
    *,
    page: int = 0,
    tile_size: int | None = None,
    memory: int | None = None,
    blend: str | None = None,
    crew: Crew | None = None,
    load: Callable[[], Segmenter] | None = None,
    fingerprint: str | None = None,
    begun_with: int | None = None,
    tell: Callable[[str], None] = lambda line: None,
) -> Task:
    """Work a prediction out; see `predict_to_file` for the arguments.

    Args:
        begun_with: tile size of the run that is continued.
    """
    crew = crew or Crew()
    check_bands(segmenter, raster)
    bare = segmenter
    wraps: list[Wrap] = [methodcaller("for_image", raster.height, raster.width)]
    segmenter = wraps[0](segmenter)
    identity = segmenter_identity(segmenter, fingerprint)
    products = Products(
        segmenter.legend.n_classes,
        confidence=outputs.polygons is not None,
        uncertainty=outputs.uncertainty is not None,
        probabilities=outputs.probabilities is not None,
    )
    frozen = False
    if blend is not None:
        window = tile_size or max(1, BLEND_WINDOW_PX // (2 * segmenter.stride)) * 2 * segmenter.stride
        wraps.append(partial(Blended, window_size=window, weights=blend))
        tile_size, blend = None, f"{blend} {window}"
    elif (wrap := frozen_context(segmenter, raster, tile_size, tell)) is not None:
        wraps.append(wrap)
        frozen = True
    for wrap in wraps[1:]:
        segmenter = wrap(segmenter)
    if begun_with is not None and begun_with % segmenter.stride:
        begun_with = None  # of another model or setting, which the journal's check will say
    chosen, piece = _size(segmenter, raster, outputs, products, crew, tile_size or begun_with, memory)
    grid = checked_grid(segmenter, raster, chosen)
    description = {
        "image": image_identity(raster, page),
        "model": identity,
        "settings": {
            "blend": blend,
            "frozen context": frozen,
            "confidence": products.confidence,
            "uncertainty": products.uncertainty,
            "probabilities": products.probabilities,
        },
        "tiles": {"size": grid.tile_size, "halo": grid.halo, "stride": grid.stride},
    }
    parallel = crew.local_processes or crew.threads
    job = TileJob(
        key=content_hash(description),
        image=raster.path.absolute(),
        page=page,
        load=load or partial(_itself, bare),
        grid=grid,
        products=products,
        wraps=tuple(wraps),
        piece_size=piece,
        cache_bytes=0 if memory is None else limit_read_cache(memory // max(1, crew.local_processes)),
        threads=threads_of_each(parallel) if parallel > 1 else 0,
    )
    return Task(segmenter, raster, outputs, job, description, _tags(description))


def _size(
    segmenter: Segmenter,
    raster: Raster,
    outputs: Outputs,
    products: Products,
    crew: Crew,
    tile_size: int | None,
    memory: int | None,
) -> tuple[int | None, int | None]:
    """Tile size (None: the usual), and the size of the pieces where a given tile is too large for the budget."""
    if memory is None:
        return tile_size, None
    return_large_blocks()
    raster.read(bands=[1], window=(0, 0, 1, 1))  # type: ignore[arg-type]  # what is decoded whole, is so from here on
    reserved = 0
    if outputs.labels.suffix.lower() == ".png":
        reserved = 2 * raster.height * raster.width
    shared = 0, 1
    if crew.local_processes:  # each holds as much as this one before its first tile
        shared = resident_bytes() + _ASSEMBLY_BYTES, crew.local_processes
        memory = (memory - shared[0]) // crew.local_processes
    parallel = crew.local_processes or crew.threads
    tiles = 2 * parallel if parallel > 1 else 1  # so that no worker is left without for long
    best = choose_tile_size(
        segmenter, raster, products, memory, reserved=reserved, workers=crew.threads, tiles=tiles, shared=shared
    )
    if tile_size is None:
        return best, None
    return tile_size, best if best < tile_size else None


def _itself(segmenter: Segmenter) -> Segmenter:
    return segmenter


def _tags(description: Mapping[str, Any]) -> dict[str, str]:
    settings = {"model": description["model"], "settings": description["settings"]}
    return origin_tags(description["image"]) | {
        "DENSA_MODEL": str(description["model"]["fingerprint"]),
        "DENSA_SETTINGS": content_hash(settings),
    }
