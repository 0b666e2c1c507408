"""Label every pixel of images with a trained model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from densa.datasets.band_files import joined_bands
from densa.engine.prediction.settings import PolygonShape
from densa.engine.work.settings import Work
from densa.errors import InputError
from densa.locations import location, with_assets
from densa.options import must_exist, options_of, with_options
from densa.outputs import files_inside, space_notes
from densa.progress import progress_bar
from densa.settings import Bands, Computation, Images, Page, Units
from densa.verbs.inputs import allowed, fitted, opened, path_of
from densa.verbs.settings import PredictOptions, Refinement
from densa.verbs.tell import kept_work, tell, tell_calibration, tell_place

if TYPE_CHECKING:
    from densa.crf import DenseCrf
    from densa.engine import Estimate, PlannedImage
    from densa.raster import Raster
    from densa.segmenter import ModelSource, Segmenter
    from densa.training import TrainResult
    from densa.verbs.results import LabelMap

__all__ = ["Predicted", "predict", "predict_files"]


@dataclass(frozen=True)
class Predicted:
    """The files of one image, or the error.

    Attributes:
        image: the image.
        files: by product: labels, probabilities, uncertainty, polygons, overlay.
        height, width: of the image, in pixels.
        complete: whether the files are written; False where other shards are not done, or nothing was to be written.
        patch_sizes: of overlapping patches, where these were used.
        estimate: time, memory and disk of the prediction, of a dry run.
        warnings: sentences on bands whose values are far from those of training.
        error: message, where the image was not predicted.
    """

    image: Path
    files: dict[str, Path] = field(default_factory=dict)
    height: int = 0
    width: int = 0
    complete: bool = False
    patch_sizes: tuple[int, ...] = ()
    estimate: Estimate | None = None
    warnings: tuple[str, ...] = ()
    error: str | None = None

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        row: dict[str, Any] = {"image": str(self.image), **{name: str(path) for name, path in self.files.items()}}
        row |= {"height": self.height, "width": self.width}
        row |= {"patch_sizes": list(self.patch_sizes)} if self.patch_sizes else {}
        row |= {"warnings": list(self.warnings)} if self.warnings else {}
        return row | (asdict(self.estimate) if self.estimate is not None else {"complete": self.complete})


def predict(
    model: Path | str | TrainResult | Segmenter,
    images: Any,
    *,
    output: Path | str | None = None,
    **options: Any,
) -> LabelMap | list[LabelMap] | Predicted | list[Predicted]:
    """Label every pixel of images with a trained model.

    Args:
        model: a run or model folder, the result of `densa.train`, or any `Segmenter`.
        images: the path of an image, an open raster, an (h, w) or (h, w, bands) array, an `xarray.DataArray` with the
            attributes of rioxarray, or a list of these; with `output`, folders of images as well.
        output: a folder, or a .png or .tif file for one image; None: label maps in memory.
        **options: the options of `densa predict`, by name, see the reference. Without `output` they are those of the
            model: device, precision, tta, samples, seed, crf, crf_parameters; of the image: bands, page, assume_scale,
            allow_constant; and tile_size and memory.

    Returns:
        Without `output`, a `LabelMap`, or a list of them for a list of images. With `output`, the written files: a
        `Predicted`, or a list of them for several images or pages.

    Raises:
        InputError: no model, images or options that do not fit, an output that exists, an image that fails.

    Examples:
        >>> import numpy as np
        >>> import densa
        >>> network = densa.networks.build("unet", 3, 2, width=1)
        >>> model = densa.wrap(network, legend=["ground", "roof"], progress=False)
        >>> found = densa.predict(model, np.zeros((40, 60, 3), np.uint8))
        >>> found.shape, found.legend.class_names
        ((40, 60), ('ground', 'roof'))
    """
    settings = PredictOptions.of(**options)
    several = isinstance(images, (list, tuple))
    listed = list(images) if several else [images]
    if output is None:
        maps = list(_in_memory(model, listed, settings, options))
        return maps if several else maps[0]
    with ExitStack() as stack:
        paths = [path_of(image, stack) for image in listed]
        done = list(predict_files(model, paths, Path(output), settings))
    if failed := [one for one in done if one.error is not None]:
        raise InputError("; ".join(f"{one.image}: {one.error}" for one in failed))
    return done if several or len(done) != 1 else done[0]


predict.__signature__ = with_options(predict, PredictOptions)  # type: ignore[attr-defined]

_MEMORY_PIXELS = 2**28
_OF_IMAGE = {*options_of(Images), *options_of(Bands), *options_of(Page), *options_of(Units)}
_OF_MODEL = {*options_of(Refinement), *options_of(Computation), *_OF_IMAGE, "tile_size", "memory"}


def _in_memory(
    model: Path | str | TrainResult | Segmenter, images: list[Any], options: PredictOptions, given: Mapping[str, Any]
) -> Iterator[LabelMap]:
    if others := sorted(set(given) - _OF_MODEL):
        raise InputError(f"{', '.join(others)} is for files; give `output`, or leave it out")
    for image in images:
        if isinstance(image, (str, Path)) and not location(image).exists():
            raise InputError(f"images must exist, got {image}: there is no such file")
    from densa.engine import predict_array
    from densa.verbs.results import LabelMap

    segmenter = _load(_source(model, options))
    for image in images:
        with allowed(options), opened(image, options.assets, options.page) as raster:
            if raster.height * raster.width > _MEMORY_PIXELS:
                raise InputError(
                    f"{raster.path} has {raster.height} x {raster.width} pixels; give `output`, which writes the map "
                    "by tiles"
                )
            taken = fitted(segmenter.bands, raster, options).raster
            with progress_bar(raster.path.name) as show:
                size, memory = options.tile_size, options.memory
                labels, confidence = predict_array(
                    segmenter, taken, tile_size=size, memory=memory, progress=show, tell=tell
                )
            yield LabelMap(labels, segmenter.legend, confidence, raster.georeference)


def _source(model: Path | str | TrainResult | Segmenter, options: PredictOptions) -> ModelSource | Segmenter:
    """The source to load the segmenter from; a segmenter is returned as it is.

    Raises:
        InputError: no such folder; options of the model that a segmenter does not take.
    """
    folder: Any = getattr(model, "folder", model)
    if not isinstance(folder, (str, Path)):
        usual = Refinement()
        changed = [name for name, value in options.part(Refinement).flat().items() if value != getattr(usual, name)]
        if changed:
            raise InputError(f"{', '.join(changed)} has no effect on a segmenter; give the folder of the model")
        segmenter: Segmenter = folder
        return segmenter
    must_exist(run=folder)
    from densa.segmenter import ModelSource

    tell_calibration(Path(folder))
    return ModelSource(
        Path(folder),
        device=options.device,
        precision=options.precision,
        flips=() if options.tta == "none" else ("rows", "columns"),
        quarter_turns=options.tta == "all",
        samples=options.samples,
        seed=options.seed,
        crf=_crf(Path(folder), options),
    )


def predict_files(
    model: Path | str | TrainResult | Segmenter,
    images: Sequence[Path],
    output: Path,
    options: PredictOptions,
    *,
    dry_run: bool = False,
) -> Iterator[Predicted]:
    """Predict images one after the other into files; an image that fails does not stop the others.

    Args:
        model: a run or model folder, the result of training, or any segmenter.
        images: files, or folders of images.
        output: a folder, or a .png or .tif file for one image.
        options: of the prediction.
        dry_run: try three tiles of each image, and write nothing.

    Yields:
        The result of each image.

    Raises:
        InputError: no model, options that do not fit each other, an output that exists.
    """
    images = [with_assets(location(image), options.assets) for image in images]
    if images and not any(image.exists() for image in images):
        raise InputError(f"images must exist, got {images[0]}: there is no such file or folder")
    with allowed(options):
        yield from _predict_files(_source(model, options), images, output, options, dry_run)


def _predict_files(
    source: ModelSource | Segmenter, images: Sequence[Path], output: Path, options: PredictOptions, dry_run: bool
) -> Iterator[Predicted]:
    from densa.engine import plan_outputs

    images = joined_bands(images, lambda: _band_names(source), tell)
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
        page=options.page,
        resume=options.resume or options.shard is not None,
        inputs=_files_of(source),
        failed=lambda path, error: failures.append(Predicted(path, error=str(error))),
    )
    sizes = _patch_sizes(source, options, dry_run)
    yield from failures
    if not planned:
        return
    segmenter = _load(source)
    for one in planned:
        try:
            yield _predict_one(segmenter, source, one, options, sizes, dry_run)
        except InputError as error:
            yield Predicted(one.image, error=str(error))


def _band_names(source: ModelSource | Segmenter) -> tuple[str, ...]:
    """Names of the bands that a model reads."""
    from densa import methods

    if isinstance(folder := getattr(source, "folder", None), Path):
        return tuple(methods.describe_run(folder)["input"].get("names") or ())
    return tuple(source.bands.names or ())  # type: ignore[union-attr]


def _files_of(source: ModelSource | Segmenter) -> list[Path]:
    """The files of a model, which no output may replace."""
    folder = getattr(source, "folder", None)
    return [] if folder is None else files_inside(Path(folder))


def _patch_sizes(source: ModelSource | Segmenter, options: PredictOptions, dry_run: bool) -> tuple[int, ...]:
    """The patch sizes that training scored best, by the model's record; empty for exact tiles.

    Raises:
        InputError: options without effect on overlapping patches, or a model trained with one size.
    """
    if options.context == "exact":
        return ()
    own, usual = options.flat(), PredictOptions().flat()
    idle = ("tile_size", "memory", "blend", "workers", "executor", "dask", "polygons", "shard", "resume")
    given = [f"{name}={own[name]}" for name in idle if own[name] != usual[name]] + ["dry_run=True"] * dry_run
    if given:
        raise InputError(f"context=paper predicts patches one after the other; leave out {', '.join(given)}")
    folder = getattr(source, "folder", None)
    if folder is None:
        raise InputError("context=paper needs the folder of a trained model, whose record names its best patch sizes")
    from densa import methods
    from densa.training import recorded_sizes

    return tuple(recorded_sizes(methods.describe_run(folder)["training"], options.patch_sizes))


def _crf(run: Path, options: PredictOptions) -> DenseCrf | None:
    """The requested CRF."""
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
    source: ModelSource | Segmenter,
    one: PlannedImage,
    options: PredictOptions,
    sizes: tuple[int, ...],
    dry_run: bool,
) -> Predicted:
    from densa import raster
    from densa.engine import estimate_prediction
    from densa.raster.writing.capacity import check_capacity

    files = one.files.each() | ({} if one.overlay is None else {"overlay": one.overlay})
    with raster.open(one.image, page=one.page) as image:
        size = image.height, image.width
        taken = fitted(segmenter.bands, image, options)
        if dry_run:
            found = estimate_prediction(segmenter, taken.raster, one.files, options.part(Work), blend=options.blend)
            return Predicted(one.image, files, *size, estimate=found, warnings=taken.warnings)
        for path in files.values():
            path.parent.mkdir(parents=True, exist_ok=True)
        check_capacity(files.values(), image)
        n_planes = 1 + len(files) + (segmenter.legend.n_classes if "probabilities" in files else 0)
        n_pixels = image.height * image.width
        for note in space_notes(one.files.labels.parent, 2 * n_planes * n_pixels, n_planes * n_pixels):
            tell(note)
        tell_place(image, [one.files.labels, one.overlay, one.files.polygons])
        complete = _write(segmenter, source, one, options, sizes, taken.raster)
        if complete and one.overlay is not None:
            again = options.overwrite or options.resume
            raster.write_overlay(one.overlay, image, one.files.labels, segmenter.legend, overwrite=again)
    return Predicted(one.image, files, *size, complete=complete, patch_sizes=sizes, warnings=taken.warnings)


def _write(
    segmenter: Segmenter,
    source: ModelSource | Segmenter,
    one: PlannedImage,
    options: PredictOptions,
    sizes: tuple[int, ...],
    image: Raster,
) -> bool:
    from densa.engine import predict_patches_to_file, predict_to_file
    from densa.segmenter import ModelSource

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
            load=_Loader(source) if isinstance(source, ModelSource) else None,
            fingerprint=source.fingerprint() if isinstance(source, ModelSource) else None,
            progress=show,
            tell=tell,
        )


class _Loader:
    """Loads the model in another process, where the same kinds of models are registered."""

    def __init__(self, source: ModelSource | Segmenter) -> None:
        self.source = source

    def __call__(self) -> Segmenter:
        return _load(self.source)


def _load(source: ModelSource | Segmenter) -> Segmenter:
    from densa import methods  # noqa: F401  # registers every kind of model
    from densa.segmenter import ModelSource

    return source.load() if isinstance(source, ModelSource) else source
