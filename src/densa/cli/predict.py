"""`densa predict`: label maps of images."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from densa.cli.common import Blend, Config, Device, Json, Overwrite, Precision, print_json, progress_bar, tell
from densa.cli.predict_choices import best_sizes, chosen_crf
from densa.cli.work_options import TILES, WORK, Dask, Executor, ExecutorKind, Memory, Resume, TileSize, Workers
from densa.errors import InputError

if TYPE_CHECKING:
    from densa.engine import Job
    from densa.raster import Raster
    from densa.segmenter import ModelSource, Segmenter

OUTPUTS, MODEL = "Outputs", "Model"


class Tta(StrEnum):
    """Views of test-time augmentation."""

    NONE = "none"
    FLIPS = "flips"
    ALL = "all"


class Context(StrEnum):
    """How much of the image decides a pixel."""

    EXACT = "exact"
    PAPER = "paper"


def predict(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Run or model folder.")],
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="Images, or folders of images.")],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="OUT", help="Folder, or a .png/.tif file for one image.")
    ],
    probabilities: Annotated[
        bool,
        typer.Option(
            "--probabilities",
            rich_help_panel=OUTPUTS,
            help="Also write one uint8 band per class: NAME.probabilities.tif.",
        ),
    ] = False,
    uncertainty: Annotated[
        bool,
        typer.Option(
            "--uncertainty",
            rich_help_panel=OUTPUTS,
            help="Also write the entropy of the classes, 255 where all are equally probable: NAME.uncertainty.tif.",
        ),
    ] = False,
    polygons: Annotated[
        str | None,
        typer.Option(
            "--polygons",
            metavar="KIND",
            rich_help_panel=OUTPUTS,
            help="Also write polygons: gpkg, geojson or fgb for NAME.gpkg beside every map, or a file for one image.",
        ),
    ] = None,
    min_area: Annotated[
        float,
        typer.Option("--min-area", min=0, rich_help_panel=OUTPUTS, help="Merge smaller polygons (m2, or pixels)."),
    ] = 0,
    simplify: Annotated[
        float,
        typer.Option(
            "--simplify", min=0, rich_help_panel=OUTPUTS, help="Simplify polygons' borders by so much (map units)."
        ),
    ] = 0,
    overlay: Annotated[
        bool,
        typer.Option(
            "--overlay", rich_help_panel=OUTPUTS, help="Also lay the classes over the image: NAME.overlay.png."
        ),
    ] = False,
    crf: Annotated[
        bool,
        typer.Option("--crf", rich_help_panel=MODEL, help="Refine by the CRF that `train --tune-crf` found to help."),
    ] = False,
    crf_parameters: Annotated[
        str | None,
        typer.Option(
            "--crf-parameters",
            metavar="NAME",
            rich_help_panel=MODEL,
            help="Refine by a published CRF: krahenbuhl-koltun, pydensecrf, deeplab-pytorch or deconvnet.",
        ),
    ] = None,
    tta: Annotated[
        Tta,
        typer.Option(
            "--tta", rich_help_panel=MODEL, help="Mean over the image and its flips, or flips and quarter turns (all)."
        ),
    ] = Tta.NONE,
    samples: Annotated[
        int,
        typer.Option("--samples", min=0, rich_help_panel=MODEL, help="Monte-Carlo passes with dropout, 0 for none."),
    ] = 0,
    seed: Annotated[int, typer.Option("--seed", min=0, rich_help_panel=MODEL, help="Of the Monte-Carlo passes.")] = 0,
    memory: Memory = None,
    tile_size: TileSize = None,
    blend: Annotated[
        Blend | None,
        typer.Option(
            "--blend",
            rich_help_panel=TILES,
            help="Blend windows that overlap by half (their side is --tile-size) instead of computing exact tiles.",
        ),
    ] = None,
    context: Annotated[
        Context,
        typer.Option(
            "--context",
            rich_help_panel=TILES,
            help="exact: tiles with all their context; paper: overlapping patches of the best size in training.",
        ),
    ] = Context.EXACT,
    patch_sizes: Annotated[
        int,
        typer.Option(
            "--patch-sizes", min=1, rich_help_panel=TILES, help="With --context paper: average so many best sizes."
        ),
    ] = 1,
    workers: Workers = 1,
    executor: Executor = ExecutorKind.THREADS,
    dask: Dask = None,
    shard: Annotated[
        str | None,
        typer.Option(
            "--shard",
            metavar="I/N",
            rich_help_panel=WORK,
            help="Compute every N-th tile only (I from 0): one job of an array. The last to finish writes the map.",
        ),
    ] = None,
    resume: Resume = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", rich_help_panel=WORK, help="Try three tiles, say what it would take, and stop."),
    ] = False,
    device: Device = "auto",
    precision: Precision = "auto",
    overwrite: Overwrite = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Label every pixel of images with a trained model.

    A photo gives a palette PNG of the same size, a GeoTIFF a GeoTIFF with its georeference, colours and class names.
    Finished tiles of a large image wait in NAME.partial: --resume continues after whatever stopped it.
    """
    from densa.engine import parse_bytes, plan_outputs
    from densa.segmenter import ModelSource

    failures: list[tuple[Path, str]] = []
    plan = plan_outputs(
        images,
        output,
        overwrite=overwrite or dry_run,
        probabilities=probabilities,
        uncertainty=uncertainty,
        polygons=polygons,
        overlay=overlay,
        resume=resume or shard is not None,
        failed=lambda path, error: failures.append((path, str(error))),
    )
    options: dict[str, Any] = {
        "tile_size": tile_size,
        "memory": None if memory is None else parse_bytes(memory),
        "blend": blend and blend.value,
        "workers": workers,
        "executor": executor.value,
        "dask": dask,
    }
    source = ModelSource(
        run,
        device=device,
        precision=precision,
        flips=() if tta is Tta.NONE else ("rows", "columns"),
        quarter_turns=tta is Tta.ALL,
        samples=samples,
        seed=seed,
        crf=chosen_crf(run, crf, crf_parameters),
    )
    if context is Context.PAPER:
        asked = options | {"polygons": polygons, "shard": shard, "resume": resume, "dry_run": dry_run}
        if given := [name for name, value in asked.items() if value not in (None, False, 1, "threads")]:
            named = ", ".join(f"--{name.replace('_', '-')}" for name in given)
            raise InputError(f"--context paper predicts patches one after the other; leave out {named}")
        begin = partial(_write_patches, best_sizes(run, patch_sizes), overwrite)
    elif dry_run:
        begin = partial(_estimate, options)
    else:
        options |= {"min_area": min_area, "simplify": simplify, "shard": shard}
        begin = partial(_write, source, options | {"resume": resume, "overwrite": overwrite})
    segmenter = _load(source) if plan else None
    rows = []
    for job in plan:
        assert segmenter is not None
        try:
            row, said = begin(segmenter, job)
        except InputError as error:  # one image is not the others
            failures.append((job.image, str(error)))
            continue
        rows.append(row)
        if not as_json:
            print(said, flush=True)
    if as_json:
        print_json(rows)
    _fail(failures, len(rows))


def _estimate(options: dict[str, Any], segmenter: Segmenter, job: Job) -> tuple[dict[str, Any], str]:
    """What one image would take: for programs, and in words."""
    from densa import raster
    from densa.engine import estimate_prediction

    with raster.open(job.image, page=job.page) as image:
        found = estimate_prediction(
            segmenter,
            image,
            job.labels,
            probabilities=job.probabilities,
            uncertainty=job.uncertainty,
            polygons=job.polygons,
            **options,
        )
        return _row(job, image) | asdict(found), f"would write {job.labels}: {found.sentence()}"


def _write(source: ModelSource, options: dict[str, Any], segmenter: Segmenter, job: Job) -> tuple[dict[str, Any], str]:
    """Predict one image; gives what was written: for programs, and in words."""
    from densa import raster
    from densa.engine import predict_to_file

    job.labels.parent.mkdir(parents=True, exist_ok=True)
    try:
        with raster.open(job.image, page=job.page) as image, progress_bar(job.image.name) as progress:
            complete = predict_to_file(
                segmenter,
                image,
                job.labels,
                page=job.page,
                probabilities=job.probabilities,
                uncertainty=job.uncertainty,
                polygons=job.polygons,
                load=_Loader(source),
                fingerprint=source.fingerprint(),
                progress=progress,
                tell=tell,
                **options,
            )
            if complete and job.overlay is not None:
                again = options["overwrite"] or options["resume"]
                raster.write_overlay(job.overlay, image, job.labels, segmenter.legend, overwrite=again)
            row = _row(job, image) | {"complete": complete}
    except KeyboardInterrupt:
        if job.labels.with_name(job.labels.name + ".partial").exists():
            tell(f"the finished tiles of {job.labels.name} are kept; --resume continues")
        raise
    return row, f"wrote {job.labels}" if complete else f"shard {options['shard']} of {job.labels} is done"


def _write_patches(sizes: list[int], overwrite: bool, segmenter: Segmenter, job: Job) -> tuple[dict[str, Any], str]:
    """Predict one image by overlapping patches; gives what was written: for programs, and in words."""
    from densa import raster
    from densa.engine import predict_patches_to_file

    job.labels.parent.mkdir(parents=True, exist_ok=True)
    with raster.open(job.image, page=job.page) as image, progress_bar(job.image.name) as progress:
        predict_patches_to_file(
            segmenter,
            image,
            job.labels,
            sizes,
            probabilities=job.probabilities,
            uncertainty=job.uncertainty,
            overwrite=overwrite,
            progress=progress,
        )
        if job.overlay is not None:
            raster.write_overlay(job.overlay, image, job.labels, segmenter.legend, overwrite=overwrite)
        row = _row(job, image) | {"patch_sizes": sizes, "complete": True}
    return row, f"wrote {job.labels} (patches of {', '.join(map(str, sizes))} pixels)"


def _row(job: Job, image: Raster) -> dict[str, Any]:
    products = ("image", "labels", "probabilities", "uncertainty", "polygons", "overlay")
    files: dict[str, Any] = {name: str(getattr(job, name)) for name in products if getattr(job, name) is not None}
    return files | {"height": image.height, "width": image.width}


def _fail(failures: list[tuple[Path, str]], n_good: int) -> None:
    """Say which images failed, after the others are written."""
    if not failures:
        return
    if len(failures) == 1 and not n_good:
        raise InputError(failures[0][1])
    for path, reason in failures:
        tell(reason if str(path) in reason else f"{path}: {reason}")
    raise InputError(f"{len(failures)} of {n_good + len(failures)} images failed; the others are done")


class _Loader:
    """Loads the model in another process, which knows the same kinds of models as this one."""

    def __init__(self, source: ModelSource) -> None:
        self.source = source

    def __call__(self) -> Segmenter:
        return _load(self.source)


def _load(source: ModelSource) -> Segmenter:
    from densa import methods  # noqa: F401  # knows every kind of model

    return source.load()
