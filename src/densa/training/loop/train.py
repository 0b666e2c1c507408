"""The training loop: one function over a network and two data sets."""

from __future__ import annotations

import html
import math
import sys
from collections.abc import Mapping
from contextlib import ExitStack, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from torch import nn

from densa.datasets import Dataset, PatchSampler
from densa.datasets.splits.record import split_text
from densa.errors import InputError
from densa.metrics import Summary
from densa.networks import Adapted
from densa.operators.modules import network_rules
from densa.options import with_options
from densa.raster import atomic_output
from densa.segmenter import Architecture, NetworkSegmenter, save_model
from densa.segmenter.inference import choose_precision
from densa.training.loop.checkpoints import RunState
from densa.training.loop.feeding import Feeder
from densa.training.loop.interruption import Interruption
from densa.training.loop.preparation import (
    band_contract,
    check_architecture,
    check_objects,
    class_weights_of,
    input_size,
    make_sampler,
)
from densa.training.loop.run import Run
from densa.training.loop.run_folder import begins_again, begun, check_run_folder, forget_replaced
from densa.training.loop.run_log import RunLog
from densa.training.loop.step import make_accelerator, seeded
from densa.training.loop.validation_share import share_by_work, validation_order
from densa.training.patch_sizes.in_progress import DrawnPatchSizes, check_context
from densa.training.patch_sizes.policy import PatchSizePolicy, PatchSizeScores
from densa.training.pieces.averaging import make_average
from densa.training.pieces.batch_norm import has_batch_norm
from densa.training.pieces.initial_weights import class_parameters
from densa.training.pieces.optimizers import make_optimizer
from densa.training.settings import Training

__all__ = ["TrainResult", "train"]

_RECALIBRATION_BATCHES = 16
_WHY = "validation takes a tenth of a run at most"
_SMALL_BATCH = 8  # below it the running statistics of batch normalisation are too noisy


@dataclass(frozen=True)
class TrainResult:
    """What `train` did.

    Attributes:
        folder: the run folder; a model folder too.
        steps: optimiser steps done, over all sessions.
        seconds: seconds trained, over all sessions.
        best_step: step whose weights are the model.
        mean_iou: of those weights on the validation images; NaN where nothing was measured.
        stopped_early: whether `patience` ended the run.
        unit: of `steps`; "trees" of shallow methods.
        validated: number of images that `mean_iou` is of.
        validation_images: number of images of the validation split.
        taken: what was taken for what in the data set, see `densa.datasets.Dataset`.

    Examples:
        >>> from densa import datasets, training
        >>> data = datasets.coins("coins")
        >>> config = training.TrainConfig.of(data=data, model="unet", width=1, steps=1, patch_size=32)
        >>> result = training.train_from_config(config, "run", progress=False)
        >>> result.folder.name, result.steps, result.unit, result.stopped_early
        ('run', 1, 'steps', False)
    """

    folder: Path
    steps: int
    seconds: float
    best_step: int
    mean_iou: float
    stopped_early: bool
    unit: str = "steps"
    validated: int = 0
    validation_images: int = 0
    taken: tuple[str, ...] = ()

    @property
    def score(self) -> str:
        """What the weights score, and on which images, in words."""
        if not self.validation_images:
            return "no score: no images are held out"
        if math.isnan(self.mean_iou):
            return f"no score: nothing was measured on the {self.validation_images} validation images"
        step = f" (best step: {self.best_step})" if self.unit == "steps" else ""
        return f"validation mean IoU {self.mean_iou:.4f} on {self.validated} of {self.validation_images} images{step}"

    def _repr_html_(self) -> str:
        """Folder, length and score as a table, for notebooks."""
        score = "no images" if math.isnan(self.mean_iou) else f"{self.mean_iou:.4f} (step {self.best_step})"
        if self.validated:
            score += f", {self.validated} of {self.validation_images} images"
        early = "; stopped early" if self.stopped_early else ""
        rows = {
            "folder": str(self.folder),
            "length": f"{self.steps} {self.unit} in {self.seconds:.0f} s{early}",
            "validation mean IoU": score,
        }
        cells = "".join(f"<tr><th>{name}</th><td>{html.escape(value)}</td></tr>" for name, value in rows.items())
        return f"<table>{cells}</table>"


def train(
    network: nn.Module,
    train_dataset: Dataset,
    validation_dataset: Dataset | None,
    output: Path | str,
    *,
    architecture: Architecture,
    settings: Training | None = None,
    resume: bool = False,
    overwrite: bool = False,
    progress: bool = True,
    record: Mapping[str, Any] | None = None,
    files: Mapping[str, str] | None = None,
    **options: Any,
) -> TrainResult:
    """Train a network and leave a model folder with the best weights.

    The loss of a step is the sum over the labelled pixels of all its patches, divided by their number (`loss_scale`);
    it does not depend on the division into micro-batches and processes. Random choices follow from (seed, step): the
    same settings give the same weights, and a resumed run gives those of an uninterrupted one (float32, same device
    and number of threads). This holds for runs bounded by `steps`: with `minutes`, the clock decides learning rates
    and the last step.

    Args:
        network: (N, n_bands, H, W) normalised images to logits; changed in place.
        train_dataset: checked images with masks.
        validation_dataset: decides which weights are kept and when to stop; None keeps the last.
        output: the run folder, new or empty.
        architecture: name and arguments with which `densa.networks.build` makes the network again.
        settings: options of training; None: the defaults of `Training`.
        resume: continue from the checkpoint in `output`; a run that was stopped before its first begins again.
        overwrite: replace a run in `output`.
        progress: show a progress bar on stderr.
        record: further entries of the training record in model.json; its "notes", lines on data and settings, are shown
            with the progress, once all is checked.
        files: texts of further files in the folder, by name, such as config.yaml; a split.json replaces that of the two
            data sets.
        **options: options of `Training` by name, which change `settings`: `steps=100`, or a whole group, as
            `augmentation=Augmentation.flips()`.

    Returns:
        What was done. In the folder: model.json and model.safetensors, metrics.csv, checkpoints/, split.json (which
        pixels each split reads), and context.csv where patch sizes are drawn.

    Raises:
        InputError: settings or data that do not fit, an output that exists, a loss that is not finite.
        Interrupted: stopped by SIGINT or SIGTERM; the checkpoint is written.

    Examples:
        >>> from densa import datasets, networks, segmenter, training
        >>> train = datasets.open(datasets.coins("coins"))["train"]
        >>> network = networks.build("unet", 1, 2, width=1)
        >>> architecture = segmenter.Architecture("unet", {"width": 1})
        >>> options = {"steps": 1, "patch_size": 32, "batch_size": 2, "progress": False}
        >>> result = training.train(network, train, None, "run", architecture=architecture, **options)
        >>> result.steps
        1
        >>> segmenter.model_format(result.folder)
        'densa-network'
    """
    settings = Training.of(base=(settings or Training()).part(Training), **options)
    _check_data(network, train_dataset, architecture, settings)
    accelerator = make_accelerator(settings.device)
    sizes = _drawn_sizes(settings, network, train_dataset)
    sampler = _sampler(settings, network, train_dataset, sizes, accelerator.num_processes)
    folder = Path(output)
    if resume and begins_again(folder, say=accelerator.is_main_process):
        resume, overwrite = False, True
    if accelerator.is_main_process and not resume:
        check_run_folder(folder, overwrite=overwrite)
    run = _make_run(settings, network, architecture, train_dataset, sampler, accelerator, folder, sizes, record or {})
    if progress and accelerator.is_main_process:
        for note in (record or {}).get("notes", ()):
            print(f"densa: {note}", file=sys.stderr)
    if validation_dataset is not None:
        px = math.prod(input_size(network, settings.patch_size if sizes is None else sizes.policy.values[-1]))
        _plan_validation(run, validation_dataset, px, progress=progress)
    if resume:
        run.load()
    begins = accelerator.is_main_process and not resume
    with begun(folder) if begins else nullcontext():
        if begins:
            splits = {"train": train_dataset} | ({} if validation_dataset is None else {"val": validation_dataset})
            _write_texts(folder, files or {}, splits)
        accelerator.wait_for_everyone()
        _run(run, progress=progress, tensorboard=settings.tensorboard)
    state, n_validation = run.state, 0 if validation_dataset is None else len(validation_dataset)
    mean_iou = state.best if state.best >= 0 else float("nan")
    early, n = run.plan.stops_early(state), min(state.n_validated, n_validation)
    return TrainResult(
        folder,
        state.step,
        state.seconds,
        state.best_step,
        mean_iou,
        early,
        validated=n,
        validation_images=n_validation,
        taken=train_dataset.taken,
    )


train.__signature__ = with_options(train, Training)  # type: ignore[attr-defined]


def _check_data(network: nn.Module, dataset: Dataset, architecture: Architecture, settings: Training) -> None:
    if len(dataset) == 0:
        raise InputError("the training split holds no image")
    check_objects(dataset.legend, settings)
    check_architecture(network, architecture, dataset.n_bands, dataset.legend.n_classes)


def _drawn_sizes(settings: Training, network: nn.Module, dataset: Dataset) -> DrawnPatchSizes | None:
    """The object that draws and scores patch sizes; None where all patches have one size."""
    if settings.context is None:
        return None
    policy = PatchSizePolicy.parse(settings.context)
    check_context(policy, network, dataset)
    scores = PatchSizeScores(settings.context_score, settings.context_decay)
    return DrawnPatchSizes(policy, network, scores, n_classes=dataset.legend.n_classes, seed=settings.seed)


def _sampler(
    settings: Training, network: nn.Module, dataset: Dataset, sizes: DrawnPatchSizes | None, n_processes: int
) -> PatchSampler:
    batch = settings.batch_size * settings.accumulation * n_processes
    largest = settings.patch_size if sizes is None else sizes.policy.values[-1]
    size_of = None if sizes is None else lambda number: input_size(network, sizes.size(number // batch))
    return make_sampler(dataset, settings, input_size(network, largest), batch=batch, sizes=size_of)


def _plan_validation(run: Run, dataset: Dataset, patch_px: int, *, progress: bool) -> None:
    """Give a run its validation images, and say so where they are not all validated."""
    order = validation_order(len(dataset), run.settings.seed)
    image_px = [math.prod(dataset.size(i)) for i in order]
    step_px = run.feeder.patches_per_step * patch_px
    run.validation = dataset
    run.relative_cost = image_px[0] / (3 * step_px) if image_px else 0.0  # a step goes forwards, and back
    if run.settings.minutes is None and run.plan.steps is not None:
        recalibration_px = run.n_recalibration * run.settings.batch_size * patch_px
        run.validations = share_by_work(run.settings, run.plan.steps, step_px, recalibration_px, image_px)
        n = run.validations.images or len(dataset)
        if progress and run.accelerator.is_main_process and n < len(dataset):
            print(f"densa: validated on {n} of {len(dataset)} images, chosen by the seed: {_WHY}", file=sys.stderr)


def _write_texts(folder: Path, files: Mapping[str, str], splits: Mapping[str, Dataset]) -> None:
    """Write the texts of a run, and the record of its splits where it is not among them."""
    texts = dict(files)
    if "split.json" not in texts:
        texts["split.json"] = split_text(splits)
    for name, text in texts.items():
        with atomic_output(folder / name, overwrite=True) as temporary:
            temporary.write_text(text, encoding="utf-8", errors="backslashreplace")


def _make_run(
    settings: Training,
    network: nn.Module,
    architecture: Architecture,
    dataset: Dataset,
    sampler: PatchSampler,
    accelerator: Accelerator,
    folder: Path,
    sizes: DrawnPatchSizes | None,
    record: Mapping[str, Any],
) -> Run:
    """The run, its network on the device."""
    legend, bands, device = dataset.legend, band_contract(dataset), accelerator.device
    decisive = settings.decisive() | {"architecture": asdict(architecture)}
    feeder = Feeder(
        sampler,
        bands,
        settings,
        batch_size=settings.batch_size,
        accumulation=settings.accumulation,
        seed=settings.seed,
        rank=accelerator.process_index,
        n_ranks=accelerator.num_processes,
        device=device,
        margin=network_rules(network).margin,
    )
    network.to(device).to(memory_format=_memory_format(network, device))  # type: ignore[call-overload]

    def make_segmenter(network: nn.Module) -> NetworkSegmenter:
        return NetworkSegmenter(network, legend, bands, device=str(device), precision=settings.precision)

    def save(network: nn.Module, state: RunState, scores: Summary | None) -> None:
        entries = _record(decisive, state, scores) | dict(record)
        if sizes is not None:
            entries["context"] = sizes.record()
        save_model(folder, network, architecture, legend, bands, training=entries)
        forget_replaced(folder)

    return Run(
        folder=folder,
        settings=settings,
        decisive=decisive,
        accelerator=accelerator,
        network=network,
        model=accelerator.prepare_model(network),
        average=make_average(network) if settings.ema_decay else None,
        optimizer=make_optimizer(network, settings, classifier=_classifier(settings, architecture, dataset)),
        feeder=feeder,
        make_segmenter=make_segmenter,
        save_model=save,
        class_weights=class_weights_of(dataset, settings.class_weights, device),
        bfloat16=choose_precision(settings.precision, device) == torch.bfloat16,
        n_recalibration=_RECALIBRATION_BATCHES if _recalibrates(settings) and has_batch_norm(network) else 0,
        drawn_sizes=sizes,
    )


def _memory_format(network: nn.Module, device: torch.device) -> torch.memory_format:
    """Channels last, but for networks that are not densa's on processors without AVX-512.

    There oneDNN (of torch 2.13) crashes in the gradient of a 1x1 convolution with a stride of one band, channels last.
    """
    old = device.type == "cpu" and torch.backends.cpu.get_cpu_capability() != "AVX512"
    return torch.contiguous_format if old and isinstance(network, Adapted) else torch.channels_last


def _recalibrates(settings: Training) -> bool:
    return settings.batch_size < _SMALL_BATCH if settings.recalibrate is None else settings.recalibrate


def _classifier(settings: Training, architecture: Architecture, dataset: Dataset) -> set[str]:
    """Names of the parameters that `classifier_rate` applies to."""
    if settings.classifier_rate == 1:
        return set()
    return class_parameters(architecture, dataset.n_bands, dataset.legend.n_classes)


def _run(run: Run, *, progress: bool, tensorboard: bool) -> None:
    with ExitStack() as stack:
        stack.enter_context(seeded(run.accelerator.device))
        interruption = stack.enter_context(Interruption())
        log = None
        if run.accelerator.is_main_process:
            log = RunLog(run.folder, step=run.state.step, progress=progress, tensorboard=tensorboard)
            stack.enter_context(log)
        run.loop(interruption, log)
    run.accelerator.wait_for_everyone()


def _record(decisive: Mapping[str, Any], state: RunState, scores: Summary | None) -> dict[str, Any]:
    """The training record of model.json."""
    record = {"step": state.step, "seconds": round(state.seconds, 1), "settings": dict(decisive)}
    if scores is not None:
        names = ("global_accuracy", "class_average", "mean_iou", "frequency_weighted_iou", "kappa")
        values = {name: getattr(scores, name) for name in names}
        numbers = {name: None if math.isnan(v) else v for name, v in values.items()}
        record["validation"] = numbers | {"images": state.n_validated, "of": state.n_held_out}
    return record
