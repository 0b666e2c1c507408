"""Label every pixel of images with a trained model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from densa.engine.prediction.settings import PolygonShape
from densa.engine.work.settings import Work
from densa.errors import InputError
from densa.progress import progress_bar
from densa.verbs.settings import PredictOptions
from densa.verbs.tell import kept_work, tell

if TYPE_CHECKING:
    from densa.crf import DenseCrf
    from densa.engine import Estimate, PlannedImage
    from densa.raster import Raster
    from densa.segmenter import ModelSource, Segmenter

__all__ = ["Predicted", "predict_files"]


@dataclass(frozen=True)
class Predicted:
    """The files of one image, or why there are none.

    Attributes:
        image: the image.
        files: by product: labels, probabilities, uncertainty, polygons, overlay.
        height, width: of the image, in pixels.
        complete: whether the files are written; False where other shards are not done, or nothing was to be written.
        patch_sizes: of overlapping patches, where those were used.
        estimate: what the prediction would take, of a dry run.
        error: why the image was not predicted.
    """

    image: Path
    files: dict[str, Path] = field(default_factory=dict)
    height: int = 0
    width: int = 0
    complete: bool = False
    patch_sizes: tuple[int, ...] = ()
    estimate: Estimate | None = None
    error: str | None = None

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        row: dict[str, Any] = {"image": str(self.image), **{name: str(path) for name, path in self.files.items()}}
        row |= {"height": self.height, "width": self.width}
        row |= {"patch_sizes": list(self.patch_sizes)} if self.patch_sizes else {}
        return row | (asdict(self.estimate) if self.estimate is not None else {"complete": self.complete})


def predict_files(
    run: Path, images: Sequence[Path], output: Path, options: PredictOptions, *, dry_run: bool = False
) -> Iterator[Predicted]:
    """Predict images one after the other into files; an image that fails does not stop the others.

    Args:
        run: a run or model folder.
        images: files, or folders of images.
        output: a folder, or a .png or .tif file for one image.
        options: of the prediction.
        dry_run: try three tiles of each image, and write nothing.

    Yields:
        What became of each image.

    Raises:
        InputError: no model, options that do not fit each other, an output that exists.
    """
    _check_paths(run, images)
    from densa.engine import plan_outputs
    from densa.segmenter import ModelSource

    failures: list[Predicted] = []
    planned = plan_outputs(
        images,
        output,
        overwrite=options.overwrite or dry_run,
        probabilities=options.probabilities,
        uncertainty=options.uncertainty,
        polygons=options.polygons,
        shape=options.part(PolygonShape),
        overlay=options.overlay,
        resume=options.resume or options.shard is not None,
        failed=lambda path, error: failures.append(Predicted(path, error=str(error))),
    )
    source = ModelSource(
        run,
        device=options.device,
        precision=options.precision,
        flips=() if options.tta == "none" else ("rows", "columns"),
        quarter_turns=options.tta == "all",
        samples=options.samples,
        seed=options.seed,
        crf=_crf(run, options),
    )
    sizes = _patch_sizes(run, options, dry_run)
    yield from failures
    if not planned:
        return
    segmenter = _load(source)
    for one in planned:
        try:
            yield _predict_one(segmenter, source, one, options, sizes, dry_run)
        except InputError as error:
            yield Predicted(one.image, error=str(error))


def _check_paths(run: Path, images: Sequence[Path]) -> None:
    """Before torch is imported, which takes seconds."""
    if not run.exists():
        raise InputError(f"run must exist, got {run}: there is no such file or folder")
    if not any(image.exists() for image in images) and images:
        raise InputError(f"images must exist, got {images[0]}: there is no such file or folder")


def _patch_sizes(run: Path, options: PredictOptions, dry_run: bool) -> tuple[int, ...]:
    """The patch sizes that training scored best, by the model's record; none for exact tiles.

    Raises:
        InputError: options that overlapping patches do not have, a model that was trained with one size.
    """
    if options.context == "exact":
        return ()
    own, usual = options.flat(), PredictOptions().flat()
    idle = ("tile_size", "memory", "blend", "workers", "executor", "dask", "polygons", "shard", "resume")
    given = [f"{name}={own[name]}" for name in idle if own[name] != usual[name]] + ["dry_run=True"] * dry_run
    if given:
        raise InputError(f"context=paper predicts patches one after the other; leave out {', '.join(given)}")
    from densa import methods
    from densa.training import recorded_sizes

    return tuple(recorded_sizes(methods.describe_run(run)["training"], options.patch_sizes))


def _crf(run: Path, options: PredictOptions) -> DenseCrf | None:
    """The CRF that was asked for."""
    if not options.crf and options.crf_parameters is None:
        return None
    from densa.crf import PUBLISHED
    from densa.segmenter import stored_crf

    known = ", ".join(PUBLISHED)
    if options.crf_parameters is not None:
        if options.crf:
            raise InputError("`crf` takes the model's own parameters, crf_parameters published ones; give one of them")
        if options.crf_parameters not in PUBLISHED:
            raise InputError(f"crf_parameters must be one of {known}, got {options.crf_parameters!r}")
        return PUBLISHED[options.crf_parameters]
    if (found := stored_crf(run)) is None:
        raise InputError(
            f"{run} has no CRF of its own: none was tuned (train with tune_crf=True), or none helped; leave `crf` out, "
            f"or name published parameters with crf_parameters: {known}"
        )
    return found


def _predict_one(
    segmenter: Segmenter,
    source: ModelSource,
    one: PlannedImage,
    options: PredictOptions,
    sizes: tuple[int, ...],
    dry_run: bool,
) -> Predicted:
    from densa import raster
    from densa.engine import estimate_prediction

    files = one.files.each() | ({} if one.overlay is None else {"overlay": one.overlay})
    with raster.open(one.image, page=one.page) as image:
        size = image.height, image.width
        if dry_run:
            found = estimate_prediction(segmenter, image, one.files, options.part(Work), blend=options.blend)
            return Predicted(one.image, files, *size, estimate=found)
        one.files.labels.parent.mkdir(parents=True, exist_ok=True)
        complete = _write(segmenter, source, one, options, sizes, image)
        if complete and one.overlay is not None:
            again = options.overwrite or options.resume
            raster.write_overlay(one.overlay, image, one.files.labels, segmenter.legend, overwrite=again)
    return Predicted(one.image, files, *size, complete=complete, patch_sizes=sizes)


def _write(
    segmenter: Segmenter,
    source: ModelSource,
    one: PlannedImage,
    options: PredictOptions,
    sizes: tuple[int, ...],
    image: Raster,
) -> bool:
    from densa.engine import predict_patches_to_file, predict_to_file

    with progress_bar(one.image.name) as show, kept_work(one.files.labels):
        if sizes:
            predict_patches_to_file(segmenter, image, one.files, sizes, overwrite=options.overwrite, progress=show)
            return True
        return predict_to_file(
            segmenter,
            image,
            one.files,
            options.part(Work),
            page=one.page,
            blend=options.blend,
            shard=options.shard,
            load=_Loader(source),
            fingerprint=source.fingerprint(),
            progress=show,
            tell=tell,
        )


class _Loader:
    """Loads the model in another process, which knows the same kinds of models as this one."""

    def __init__(self, source: ModelSource) -> None:
        self.source = source

    def __call__(self) -> Segmenter:
        return _load(self.source)


def _load(source: ModelSource) -> Segmenter:
    from densa import methods  # noqa: F401  # knows every kind of model

    return source.load()
