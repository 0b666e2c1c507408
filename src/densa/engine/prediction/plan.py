"""A prediction is planned before it begins: tiles, files, and what a run that continues it must share."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from operator import methodcaller
from typing import Any

import numpy as np

from densa.engine.prediction.blend import Blended
from densa.engine.prediction.frozen_context import frozen_context
from densa.engine.prediction.task import PredictionFiles, PredictionTask
from densa.engine.prediction.tile_job import TileJob, Wrap
from densa.engine.prediction.windows import tiling_of, window_grid
from densa.engine.resources.budget import limit_read_cache
from densa.engine.work.crew import threads_of_each
from densa.engine.work.journal import content_hash, image_identity, origin_tags
from densa.engine.work.settings import Work
from densa.raster import Raster
from densa.raster.choice.chosen import choice_of
from densa.raster.grid import Grid
from densa.raster.writing.capacity import check_capacity
from densa.segmenter import Segmenter, fit_header, within_calibration

__all__ = ["fitted", "plan_prediction"]

BLEND_WINDOW_PX = 512


def fitted(segmenter: Segmenter, raster: Raster) -> Raster:
    """The bands of a raster as the segmenter takes them; see `densa.segmenter.fit_raster`, which looks at values too.

    Raises:
        InputError: other bands, or another type of values.
    """
    return fit_header(segmenter.bands, raster).raster


def plan_prediction(
    segmenter: Segmenter,
    raster: Raster,
    files: PredictionFiles,
    work: Work,
    *,
    page: int = 0,
    blend: str | None = None,
    load: Callable[[], Segmenter] | None = None,
    fingerprint: str | None = None,
    begun_with: int | None = None,
    tell: Callable[[str], None] = lambda line: None,
) -> PredictionTask:
    """Plan a prediction; see `predict_to_file` for the arguments.

    Args:
        begun_with: tile size of the run that is continued.
    """
    crew, memory, tile_size = work.crew, work.memory, work.tile_size
    raster = fitted(segmenter, raster)
    check_capacity(files.each().values(), raster)
    bare = segmenter
    wraps: list[Wrap] = [methodcaller("for_image", raster.height, raster.width)]
    segmenter = wraps[0](segmenter)
    identity = _segmenter_identity(segmenter, fingerprint)
    products = files.products(segmenter.legend.n_classes)
    frozen = False
    if blend is not None:
        window = tile_size or max(1, BLEND_WINDOW_PX // (2 * segmenter.stride)) * 2 * segmenter.stride
        wraps.append(partial(within_calibration, wrap=partial(Blended, window_size=window, weights=blend)))
        tile_size, blend = None, f"{blend} {window}"
    elif (wrap := frozen_context(segmenter, raster, tell)) is not None:
        wraps.append(wrap)
        frozen = True
    for wrap in wraps[1:]:
        segmenter = wrap(segmenter)
    if begun_with is not None and begun_with % segmenter.stride:
        begun_with = None  # of another model or setting, which the check of the journal refuses
    png = files.labels.suffix.lower() == ".png"  # held until it is complete
    tiling = tiling_of(
        segmenter,
        raster,
        products,
        replace(work, tile_size=tile_size),
        reserved=2 * raster.height * raster.width if png else 0,
        begun_with=begun_with,
        tell=tell,
    )
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
        "tiles": _described(segmenter, tiling.grid),
    }
    at_once = min(crew.at_once, len(tiling.computed))
    job = TileJob(
        key=content_hash(description),
        image=raster.absolute_path,
        page=page,
        choice=choice_of(raster),
        load=load or partial(_itself, bare),
        tiling=tiling,
        products=products,
        wraps=tuple(wraps),
        cache_bytes=0 if memory is None else limit_read_cache(memory // max(1, crew.local_processes)),
        threads=threads_of_each(at_once) if crew.at_once > 1 else 0,
    )
    return PredictionTask(segmenter, raster, files, description, _tags(description), job, work, tell=tell)


def _described(segmenter: Segmenter, grid: Grid) -> dict[str, int]:
    """The tiles, and the windows that a model is applied to."""
    windows = window_grid(segmenter, grid.height, grid.width)
    own = {} if windows is None else {"window": windows.tile_size}
    return {"size": grid.tile_size, "halo": segmenter.halo, "stride": segmenter.stride, **own}


def _itself(segmenter: Segmenter) -> Segmenter:
    return segmenter


def _tags(description: Mapping[str, Any]) -> dict[str, str]:
    settings = {"model": description["model"], "settings": description["settings"]}
    return origin_tags(description["image"]) | {
        "DENSA_MODEL": str(description["model"]["fingerprint"]),
        "DENSA_SETTINGS": content_hash(settings),
    }


def _segmenter_identity(segmenter: Segmenter, fingerprint: str | None = None) -> dict[str, Any]:
    """What identifies a segmenter: a run that is continued must share it.

    Args:
        segmenter: any segmenter.
        fingerprint: of its files, where it came from files; None hashes its probabilities for a block of noise, which
            are the same in every process of one machine.
    """
    return {
        "classes": list(segmenter.legend.class_names),
        "bands": list(segmenter.bands.names),
        "halo": segmenter.halo,
        "stride": segmenter.stride,
        "device": "" if segmenter.device is None else segmenter.device.type,
        "precision": "" if segmenter.dtype is None else str(segmenter.dtype),
        "fingerprint": _answer(segmenter) if fingerprint is None else fingerprint,
    }


def _answer(segmenter: Segmenter) -> str:
    bands = segmenter.bands
    noise = np.random.default_rng(0).standard_normal((bands.n_bands, 40, 56))
    mean, std = (np.array(values)[:, None, None] for values in (bands.mean, bands.std))
    answer = segmenter.probabilities((mean + std * noise).astype(np.float32), np.ones((40, 56), bool))
    return hashlib.blake2b(np.ascontiguousarray(answer).tobytes(), digest_size=16).hexdigest()
