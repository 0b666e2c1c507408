"""The training loop: one function over a network and two data sets."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from densa.datasets import Dataset, describe_split
from densa.errors import InputError
from densa.metrics import Summary
from densa.raster import atomic_output
from densa.segmenter import Architecture, NetworkSegmenter, save_model
from densa.segmenter.inference import choose_precision
from densa.training.loop.checkpoints import RunState
from densa.training.loop.feeding import Feeder
from densa.training.loop.interruption import Interruption
from densa.training.loop.plan import RunPlan
from densa.training.loop.preparation import (
    band_contract,
    check_architecture,
    check_arguments,
    class_weights_of,
    input_size,
    make_sampler,
    prepare_folder,
)
from densa.training.loop.run import Run
from densa.training.loop.run_log import RunLog
from densa.training.loop.step import make_accelerator, seeded
from densa.training.patch_sizes.in_progress import ContextRun, check_context
from densa.training.patch_sizes.policy import ContextPolicy, ContextScores
from densa.training.pieces.augmentation import Augmentation
from densa.training.pieces.averaging import make_average
from densa.training.pieces.batch_norm import has_batch_norm
from densa.training.pieces.initial_weights import class_parameters
from densa.training.pieces.optimizers import make_optimizer
from densa.training.pieces.schedules import learning_rate_factor

__all__ = ["TrainResult", "train"]

_RECALIBRATION_BATCHES = 16
_SMALL_BATCH = 8  # below it the running statistics of batch normalisation are too noisy
# What a run's weights follow from; a checkpoint is not resumed with others.
_DECISIVE = (
    "steps", "minutes", "patch_size", "sampling", "batch_size", "accumulation", "optimizer", "learning_rate",
    "bias_rate", "classifier_rate", "weight_decay", "momentum", "schedule", "poly_power", "milestones", "step_factor",
    "warmup", "clip_norm", "loss_scale", "class_weights", "border_weight", "border_sigma", "border_background",
    "ema_decay", "recalibrate", "validate_every", "patience", "precision", "seed", "context",
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
    patch_size: int | tuple[int, int] = 256,
    context: str | None = None,
    context_score: str = "accuracy",
    context_decay: float = 0.0,
    sampling: str = "random",
    anchor_crop: int = 25,
    anchor_stride: int = 25,
    anchor_passes: int = 1,
    batch_size: int = 8,
    accumulation: int = 1,
    optimizer: str = "adamw",
    learning_rate: float = 1e-3,
    bias_rate: float = 1.0,
    classifier_rate: float = 1.0,
    weight_decay: float = 1e-2,
    momentum: float = 0.9,
    schedule: str = "cosine",
    poly_power: float = 0.9,
    milestones: tuple[float, ...] = (0.6, 0.85),
    step_factor: float = 0.1,
    warmup: float = 0.03,
    clip_norm: float = 5.0,
    loss_scale: str = "mean",
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

    A step's loss is the sum over the labelled pixels of all its patches divided by their number (`loss_scale`), however
    they are divided into micro-batches and processes. Every random choice comes from (seed, step): the same arguments
    give the same weights, and a resumed run those of one that was never stopped (float32, same device and number of
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
        patch_size: side, or height and width, in pixels of what the loss is taken over; rounded up to what the network
            takes.
        context: distribution of a patch size that is drawn for every step, in place of `patch_size`, and rounded up to
            what the network takes: "uniform:25-85" and others, see `densa.training.patch_sizes.policy`.
        context_score: what a size is scored by: "accuracy", "paper-accuracy" or "loss".
        context_decay: share of the past in an exponential average of a size's scores; 0: their mean.
        sampling: where patches are taken: "random"; "balanced", every class as often at their centre, as patch
            classifiers are trained; "anchors", at a grid, as many of every class (see `densa.datasets.AnchorSampler`);
            "single-objects" and "objects", around objects, DeconvNet's two stages (see
            `densa.datasets.ObjectSampler`).
        anchor_crop: side of the patch whose most frequent class an anchor has.
        anchor_stride: pixels between anchors.
        anchor_passes: passes through 100 batches of anchors before others are drawn.
        batch_size: patches of one micro-batch of one process.
        accumulation: micro-batches of a step.
        optimizer: "adamw" or "sgd".
        learning_rate: base rate.
        bias_rate: factor of the rate of biases.
        classifier_rate: factor of the rate of the layers that depend on the number of classes.
        weight_decay: of convolution kernels.
        momentum: of SGD; first beta of AdamW.
        schedule: "cosine", "poly", "step" or "constant".
        poly_power: exponent of "poly".
        milestones: shares of the run where "step" falls.
        step_factor: what "step" multiplies by.
        warmup: share of the run in which the rate rises.
        clip_norm: longest gradient; 0 does not clip.
        loss_scale: what the summed loss is divided by: "mean", the labelled pixels; "image", the patches;
            "sum", nothing (FCN).
        class_weights: "none", "inverse", "median-frequency" or "tempered"; see `densa.training.class_weights`.
        border_weight: w0 of U-Net's border weights (10 in the paper), added to a pixel's weight of 1; 0: none.
        border_sigma: their width in pixels.
        border_background: the class between the objects, for border weights and for crops of objects.
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
        What was done. In the folder: model.json and model.safetensors, metrics.csv, checkpoints/, split.json (which
        pixels each split reads), and context.csv where patch sizes are drawn.

    Raises:
        InputError: arguments or data that do not fit, an output that exists, a loss that is not finite.
        Interrupted: stopped by SIGINT or SIGTERM; the checkpoint is written.
    """
    settings = {name: value for name, value in locals().items() if name in _DECISIVE}
    settings |= {"architecture": asdict(architecture), "augmentation": asdict(augmentation or Augmentation())}
    if context is not None:
        settings |= {"context_score": context_score, "context_decay": context_decay}
    if sampling == "anchors":
        settings["anchors"] = {"crop": anchor_crop, "stride": anchor_stride, "passes": anchor_passes}
    check_arguments(settings | {"log_every": log_every})
    if len(train_dataset) == 0:
        raise InputError("the training split holds no image")
    n_bands, legend = train_dataset.n_bands, train_dataset.legend
    if legend.n_classes < 2:
        raise InputError(
            f"there is one class, {legend.class_names[0]!r}, and nothing to tell it from; give the rest a class too"
        )
    check_architecture(network, architecture, n_bands, legend.n_classes)
    accelerator = make_accelerator(device)
    plan = RunPlan(steps=steps, minutes=minutes, validate_every=validate_every, patience=patience)
    patches = batch_size * accumulation * accelerator.num_processes
    sizes: ContextRun | None = None
    if context is not None:
        policy, scoring = ContextPolicy.parse(context), ContextScores(context_score, context_decay)
        check_context(policy, network, train_dataset)
        sizes = ContextRun(policy, network, scoring, n_classes=legend.n_classes, seed=seed)
        patch_size = policy.values[-1]
    sampler = make_sampler(
        train_dataset,
        sampling,
        input_size(network, patch_size),
        seed=seed,
        border_weight=border_weight,
        border_sigma=border_sigma,
        background=border_background,
        sizes=None if sizes is None else lambda number: input_size(network, sizes.size(number // patches)),
        anchors={"crop": anchor_crop, "stride": anchor_stride, "passes": anchor_passes, "batch": patches},
    )
    folder = Path(output)
    if accelerator.is_main_process:
        prepare_folder(folder, resume=resume, overwrite=overwrite)
        if config is not None and not resume:
            with atomic_output(folder / "config.yaml", overwrite=True) as path:
                path.write_text(config, encoding="utf-8")
        if not resume:
            splits = {"train": train_dataset} | ({} if validation_dataset is None else {"val": validation_dataset})
            with atomic_output(folder / "split.json", overwrite=True) as path:
                path.write_text(json.dumps(describe_split(splits), indent=1) + "\n", encoding="utf-8")
    accelerator.wait_for_everyone()
    bands = band_contract(train_dataset)
    feeder = Feeder(
        sampler,
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
    rates = {
        "learning_rate": learning_rate, "weight_decay": weight_decay, "momentum": momentum, "bias_rate": bias_rate,
        "classifier_rate": classifier_rate,
    }  # fmt: skip
    classifier = class_parameters(architecture, n_bands, legend.n_classes) if classifier_rate != 1 else set()
    milestones = tuple(milestones)

    def rate(share: float) -> float:
        factor = learning_rate_factor(
            schedule, share, warmup=warmup, power=poly_power, milestones=milestones, gamma=step_factor
        )
        return learning_rate * factor

    def make_segmenter(network: nn.Module) -> NetworkSegmenter:
        return NetworkSegmenter(network, legend, bands, device=str(accelerator.device), precision=precision)

    def save(network: nn.Module, state: RunState, scores: Summary | None) -> None:
        entries = _record(settings, state, scores) | dict(record or {})
        if sizes is not None:
            entries["context"] = sizes.record()
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
        optimizer=make_optimizer(network, optimizer, **rates, classifier=classifier),
        rate=rate,
        feeder=feeder,
        validation=validation_dataset,
        make_segmenter=make_segmenter,
        save_model=save,
        class_weights=class_weights_of(train_dataset, class_weights, accelerator.device),
        loss_scale=loss_scale,
        bfloat16=choose_precision(precision, accelerator.device) == torch.bfloat16,
        clip_norm=clip_norm,
        n_recalibration=_RECALIBRATION_BATCHES if recalibrate and has_batch_norm(network) else 0,
        seed=seed,
        log_every=log_every,
        context=sizes,
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


def _record(settings: Mapping[str, Any], state: RunState, scores: Summary | None) -> dict[str, Any]:
    """What model.json says of how the weights came to be."""
    record = {"step": state.step, "seconds": round(state.seconds, 1), "settings": dict(settings)}
    if scores is not None:
        names = ("global_accuracy", "class_average", "mean_iou", "frequency_weighted_iou", "kappa")
        values = {name: getattr(scores, name) for name in names}
        record["validation"] = {name: None if math.isnan(v) else v for name, v in values.items()}
    return record
