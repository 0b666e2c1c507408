"""The training loop: one function over a network and two data sets."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from densa.datasets import Dataset, PatchSampler, band_statistics, class_frequencies
from densa.errors import InputError
from densa.metrics import Summary
from densa.networks import NETWORKS, build
from densa.raster import atomic_output
from densa.segmenter import Architecture, BandContract, NetworkSegmenter, save_model
from densa.segmenter.inference import choose_precision
from densa.training.augmentation import Augmentation
from densa.training.averaging import make_average
from densa.training.batch_norm import has_batch_norm
from densa.training.border_weights import border_weights, border_weights_of_labels
from densa.training.checkpoints import RunState
from densa.training.class_weights import class_weights as weigh_classes
from densa.training.feeding import Feeder
from densa.training.interruption import Interruption
from densa.training.optimizers import make_optimizer
from densa.training.plan import RunPlan
from densa.training.run import Run
from densa.training.run_log import RunLog
from densa.training.schedules import learning_rate_factor
from densa.training.step import make_accelerator, seeded

__all__ = ["TrainResult", "train"]

_RECALIBRATION_BATCHES = 16
_SMALL_BATCH = 8  # below it the running statistics of batch normalisation are too noisy
_OWN_FILES = ("model.json", "model.safetensors", "config.yaml", "metrics.csv", "checkpoints", "tensorboard")
# What a run's weights follow from; a checkpoint is not resumed with others.
_DECISIVE = (
    "steps", "minutes", "patch_size", "batch_size", "accumulation", "optimizer", "learning_rate",
    "weight_decay", "momentum", "schedule", "warmup", "clip_norm", "class_weights", "border_weight", "border_sigma",
    "border_background", "ema_decay", "recalibrate", "validate_every", "patience", "precision", "seed",
)  # fmt: skip


@dataclass(frozen=True)
class TrainResult:
    """What `train` did.

    Attributes:
        folder: the run folder; a model folder too.
        steps: optimiser steps done, over all sittings.
        seconds: seconds trained, over all sittings.
        best_step: step whose weights are the model.
        mean_iou: of those weights on the validation images; NaN without any.
        stopped_early: whether the patience ran out.
    """

    folder: Path
    steps: int
    seconds: float
    best_step: int
    mean_iou: float
    stopped_early: bool


def train(
    network: nn.Module,
    train_dataset: Dataset,
    validation_dataset: Dataset | None,
    output: Path | str,
    *,
    architecture: Architecture,
    steps: int | None = None,
    minutes: float | None = None,
    patch_size: int = 256,
    batch_size: int = 8,
    accumulation: int = 1,
    optimizer: str = "adamw",
    learning_rate: float = 1e-3,
    weight_decay: float = 1e-2,
    momentum: float = 0.9,
    schedule: str = "cosine",
    warmup: float = 0.03,
    clip_norm: float = 5.0,
    class_weights: str = "none",
    border_weight: float = 0.0,
    border_sigma: float = 5.0,
    border_background: int = 0,
    augmentation: Augmentation | None = None,
    ema_decay: float = 0.0,
    recalibrate: bool | None = None,
    validate_every: int | None = None,
    patience: int = 0,
    precision: str = "auto",
    device: str = "auto",
    seed: int = 0,
    resume: bool = False,
    overwrite: bool = False,
    log_every: int = 10,
    progress: bool = True,
    tensorboard: bool = False,
    record: Mapping[str, Any] | None = None,
    config: str | None = None,
) -> TrainResult:
    """Train a network and leave a model folder with the best weights.

    A step's loss is the sum over the labelled pixels of all its patches divided by their number, however they are
    divided into micro-batches and processes. Every random choice comes from (seed, step): the same arguments give the
    same weights, and a resumed run those of one that was never stopped (float32, same device and number of
    threads). Where `minutes` bounds the run the clock decides learning rates and the last step, so this holds for
    `steps` alone.

    Args:
        network: (N, n_bands, H, W) normalised images to logits; changed in place. May have `input_side(side)`, the
            input for an output of `side`, and `margin`, the pixels lost on each side.
        train_dataset: checked images with masks.
        validation_dataset: decides which weights are kept and when to stop; None keeps the last.
        output: the run folder, new or empty.
        architecture: name and arguments with which `densa.networks.build` makes the network again.
        steps: optimiser steps; 2000 where `minutes` is not given either.
        minutes: wall-clock bound of training and validation over all sittings (the last validation may run over it);
            with `steps` as well, what ends first ends the run.
        patch_size: side in pixels of what the loss is taken over; rounded up to what the network takes.
        batch_size: patches of one micro-batch of one process.
        accumulation: micro-batches of a step.
        optimizer: "adamw" or "sgd".
        learning_rate: base rate.
        weight_decay: of convolution kernels.
        momentum: of SGD; first beta of AdamW.
        schedule: "cosine", "poly", "step" or "constant".
        warmup: share of the run in which the rate rises.
        clip_norm: longest gradient; 0 does not clip.
        class_weights: "none", "inverse", "median-frequency" or "tempered"; see `densa.training.class_weights`.
        border_weight: w0 of U-Net's border weights (10 in the paper), added to a pixel's weight of 1; 0: none.
        border_sigma: their width in pixels.
        border_background: the class between the objects.
        augmentation: None means flips alone.
        ema_decay: decay of averaged weights, which are then validated and kept; 0: none.
        recalibrate: measure batch normalisation's statistics anew before every validation; None: where the network
            has any and a micro-batch fewer than 8 patches.
        validate_every: steps between validations (and checkpoints); None makes 10 over the run.
        patience: validations without a better mean IoU after which to stop; 0: never.
        precision: "float32", "bfloat16", or "auto": bfloat16 where the processor or GPU computes in it.
        device: "cpu", "cuda" or "auto".
        seed: of patches, augmentation and dropout (the network brings its first weights).
        resume: go on from the checkpoint in `output`.
        overwrite: replace a run in `output`.
        log_every: steps between rows of metrics.csv.
        progress: show a progress bar on stderr.
        tensorboard: write TensorBoard's event files too.
        record: further entries of the training record in model.json.
        config: text of config.yaml, for who made the arguments from one.

    Returns:
        What was done. In the folder: model.json and model.safetensors, metrics.csv, checkpoints/.

    Raises:
        InputError: arguments or data that do not fit, an output that exists, a loss that is not finite.
        Interrupted: stopped by SIGINT or SIGTERM; the checkpoint is written.
    """
    settings = {name: value for name, value in locals().items() if name in _DECISIVE}
    settings |= {"architecture": asdict(architecture), "augmentation": asdict(augmentation or Augmentation())}
    _check(settings | {"log_every": log_every})
    if len(train_dataset) == 0:
        raise InputError("the training split holds no image")
    _check_architecture(network, architecture, train_dataset.n_bands, train_dataset.legend.n_classes)
    accelerator = make_accelerator(device)
    plan = RunPlan(steps=steps, minutes=minutes, validate_every=validate_every, patience=patience)
    folder = Path(output)
    if accelerator.is_main_process:
        _prepare_folder(folder, resume=resume, overwrite=overwrite)
        if config is not None and not resume:
            with atomic_output(folder / "config.yaml", overwrite=True) as path:
                path.write_text(config, encoding="utf-8")
    accelerator.wait_for_everyone()
    bands = _band_contract(train_dataset)
    feeder = Feeder(
        PatchSampler(
            train_dataset,
            _input_side(network, patch_size),
            seed=seed,
            extra=_pixel_weights(train_dataset, border_weight, border_sigma, border_background)
            if border_weight
            else None,
        ),
        bands,
        augmentation or Augmentation(),
        batch_size=batch_size,
        accumulation=accumulation,
        seed=seed,
        rank=accelerator.process_index,
        n_ranks=accelerator.num_processes,
        device=accelerator.device,
        margin=getattr(network, "margin", 0),
    )
    network.to(accelerator.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if recalibrate is None:
        recalibrate = batch_size < _SMALL_BATCH
    rates = {"learning_rate": learning_rate, "weight_decay": weight_decay, "momentum": momentum}
    legend = train_dataset.legend

    def make_segmenter(network: nn.Module) -> NetworkSegmenter:
        return NetworkSegmenter(network, legend, bands, device=str(accelerator.device), precision=precision)

    def save(network: nn.Module, state: RunState, scores: Summary | None) -> None:
        entries = _record(settings, state, scores) | dict(record or {})
        save_model(folder, network, architecture, legend, bands, training=entries)

    run = Run(
        folder=folder,
        plan=plan,
        settings=settings,
        accelerator=accelerator,
        network=network,
        model=accelerator.prepare_model(network),
        average=make_average(network) if ema_decay else None,
        ema_decay=ema_decay,
        optimizer=make_optimizer(network, optimizer, **rates),
        rate=lambda share: learning_rate * learning_rate_factor(schedule, share, warmup=warmup),
        feeder=feeder,
        validation=validation_dataset,
        make_segmenter=make_segmenter,
        save_model=save,
        class_weights=_class_weights(train_dataset, class_weights, accelerator.device),
        bfloat16=choose_precision(precision, accelerator.device) == torch.bfloat16,
        clip_norm=clip_norm,
        n_recalibration=_RECALIBRATION_BATCHES if recalibrate and has_batch_norm(network) else 0,
        seed=seed,
        log_every=log_every,
    )
    if resume:
        run.load()
    _run(run, progress=progress, tensorboard=tensorboard)
    state = run.state
    mean_iou = state.best if validation_dataset is not None else float("nan")
    return TrainResult(folder, state.step, state.seconds, state.best_step, mean_iou, plan.stops_early(state))


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


def _check(settings: Mapping[str, Any]) -> None:
    """Refuse numbers out of range; names are checked where they are used."""
    for name in ("patch_size", "batch_size", "accumulation", "log_every"):
        if settings[name] < 1:
            raise InputError(f"{name} must be at least 1, got {settings[name]}")
    for name in ("weight_decay", "clip_norm", "border_weight", "seed"):
        if not settings[name] >= 0:
            raise InputError(f"{name} must not be negative, got {settings[name]}")
    for name in ("momentum", "warmup", "ema_decay"):
        if not 0 <= settings[name] < 1:
            raise InputError(f"{name} must be from 0 to below 1, got {settings[name]}")
    if not settings["learning_rate"] > 0:
        raise InputError(f"learning_rate must be more than 0, got {settings['learning_rate']}")
    learning_rate_factor(settings["schedule"], 0.0)


def _check_architecture(network: nn.Module, architecture: Architecture, n_bands: int, n_classes: int) -> None:
    """Refuse, before the time is spent, a name and arguments that would not build this network again at loading."""
    if architecture.name not in NETWORKS:  # a network of the caller's own, who builds it himself
        return
    try:
        with torch.device("meta"):
            again = build(architecture.name, n_bands, n_classes, **architecture.arguments).state_dict()
    except TypeError as error:
        raise InputError(f"architecture {architecture.name} cannot be built of {architecture.arguments}") from error
    shapes, wanted = ({name: t.shape for name, t in state.items()} for state in (again, network.state_dict()))
    if shapes != wanted:
        name = next(name for name in {**wanted, **shapes} if shapes.get(name) != wanted.get(name))
        raise InputError(
            f"architecture {architecture.name} with {architecture.arguments} is not this network: parameter {name} "
            f"would be {shapes.get(name)}, it is {wanted.get(name)}"
        )


def _prepare_folder(folder: Path, *, resume: bool, overwrite: bool) -> None:
    """Make the run folder; never mix two runs in one."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"the run folder {folder} is a file; choose another output")
    if not resume:
        found = [folder / name for name in _OWN_FILES if (folder / name).exists()]
        if found and not overwrite:
            raise InputError(
                f"{folder} holds a run already ({found[0].name}); resume it, overwrite it, or choose another"
            )
        for path in found:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"the run folder {folder} cannot be made: {error.strerror}") from error


def _input_side(network: nn.Module, patch_size: int) -> int:
    """Side of the patches that the network takes for an output of `patch_size`."""
    rule = getattr(network, "input_side", None)
    return rule(patch_size) if callable(rule) else patch_size + 2 * getattr(network, "margin", 0)


def _band_contract(dataset: Dataset) -> BandContract:
    mean, std = band_statistics(dataset)
    with dataset.open_image(0) as image:
        names, dtype = tuple(image.band_names), image.dtype.name
    return BandContract(
        n_bands=dataset.n_bands, names=names, mean=tuple(map(float, mean)), std=tuple(map(float, std)), dtype=dtype
    )


def _class_weights(dataset: Dataset, rule: str, device: torch.device) -> Tensor | None:
    if rule == "none":
        return None
    found = class_frequencies(dataset)
    weights = weigh_classes(found.pixels, rule, pixels_of_images=found.pixels_of_images)
    return torch.tensor(weights, dtype=torch.float32, device=device)


def _pixel_weights(dataset: Dataset, w0: float, sigma: float, background: int) -> Callable[[int], NDArray[np.float32]]:
    """1 plus U-Net's border weight, of image `i` as a whole, so that a patch's edge cuts no object in two."""

    def weights(i: int) -> NDArray[np.float32]:
        if dataset.encoding == "instances":
            return 1 + border_weights(dataset.instances(i), w0=w0, sigma=sigma)
        return 1 + border_weights_of_labels(dataset.labels(i), background=background, w0=w0, sigma=sigma)

    return weights


def _record(settings: Mapping[str, Any], state: RunState, scores: Summary | None) -> dict[str, Any]:
    """What model.json says of how the weights came to be."""
    record = {"step": state.step, "seconds": round(state.seconds, 1), "settings": dict(settings)}
    if scores is not None:
        names = ("global_accuracy", "class_average", "mean_iou", "frequency_weighted_iou", "kappa")
        values = {name: getattr(scores, name) for name in names}
        record["validation"] = {name: None if math.isnan(v) else v for name, v in values.items()}
    return record
