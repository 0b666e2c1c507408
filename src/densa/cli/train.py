"""`densa train`: a model from a folder of images and masks."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from densa.cli.common import print_json

# Every option but the last group is a field of `training.TrainConfig`, which holds its default and its range; None here
# means "not given". In brackets: the default recipe.
_Data = Annotated[Path | None, typer.Argument(metavar="DATA", help="Folder of images and masks.", show_default=False)]
_Output = Annotated[Path, typer.Option("-o", "--output", metavar="RUN", help="Run folder: a model folder too.")]


def _of(group: str) -> Callable[..., Any]:
    """Options under one heading of the help."""
    return partial(typer.Option, rich_help_panel=group, show_default=False)


_data, _network, _run, _loss = _of("Data"), _of("Network"), _of("Run"), _of("Loss")
_patches, _optimizer, _change = _of("Patches"), _of("Optimiser"), _of("Augmentation")
_machine, _call, _shallow = _of("Machine and log"), _of("This call"), _of("Shallow methods")
_SHALLOW_OPTIONS = (
    "trees",
    "samples",
    "features",
    "scales",
    "regions",
)  # arguments of the method, in `model_arguments`


def train(
    call: typer.Context,
    data: _Data = None,
    output: _Output = ...,  # type: ignore[assignment]
    model: Annotated[
        str | None, _network(help="Name of the network or shallow method, see `densa models`. [unet]")
    ] = None,
    width: Annotated[
        int | None, _network(help="Channels of the first level; the papers have 64. [16, or that of --weights]")
    ] = None,
    model_arguments: Annotated[
        list[str] | None,
        _network(
            "--model-argument", metavar="NAME=VALUE", help="Another argument of the network, repeatable: dropout=0.5"
        ),
    ] = None,
    weights: Annotated[
        str | None,
        _network(
            metavar="FILE|RUN|imagenet",
            help="First weights: imagenet (downloaded), a file of torchvision's, or the folder of a trained model.",
        ),
    ] = None,
    recipe: Annotated[
        str | None, _network(help="default, or paper: the paper's settings. What is given here wins. [default]")
    ] = None,
    trees: Annotated[
        int | None, _shallow(help="Trees of a forest, rounds of boosting. [100; 12 of a structured forest]")
    ] = None,
    samples: Annotated[
        int | None, _shallow(help="Pixels or regions to train on, of all classes alike. [100000]")
    ] = None,
    features: Annotated[
        str | None,
        _shallow(
            help="Some of bands, colours, multi-scale, textons, patterns, surroundings, position. [colours or bands, "
            "and multi-scale]"
        ),
    ] = None,
    scales: Annotated[str | None, _shallow(help="Of multi-scale, in pixels. [0.7,1,1.6,3.5,5,10]")] = None,
    regions: Annotated[int | None, _shallow(help="Side of the superpixels in pixels. [16]")] = None,
    strokes: Annotated[
        Path | None, _shallow(metavar="FILE", help="JSON file of strokes on the image DATA, in place of masks.")
    ] = None,
    images: Annotated[Path | None, _data(help="Folder of the images, where it has a name of its own.")] = None,
    masks: Annotated[Path | None, _data(help="Folder of the masks, likewise.")] = None,
    legend: Annotated[Path | None, _data(help="Legend file. [of the folder, or inferred]")] = None,
    val_fraction: Annotated[
        float | None, _data(help="Share of the scenes held out to validate. [a fifth, where DATA has no split]")
    ] = None,
    split_seed: Annotated[int | None, _data(help="Another seed, another split. [0]")] = None,
    split_block: Annotated[
        int | None,
        _data(
            help="Split scenes into blocks of this side in pixels, a buffer of patch plus receptive field between. "
            "[whole scenes]"
        ),
    ] = None,
    steps: Annotated[int | None, _run(help="Optimiser steps. [2000, unless --minutes]")] = None,
    minutes: Annotated[float | None, _run(help="Wall-clock bound of the run.")] = None,
    validate_every: Annotated[int | None, _run(help="Steps between validations. [a tenth of the run]")] = None,
    patience: Annotated[int | None, _run(help="Stop after so many validations without gain; 0: never. [0]")] = None,
    tune_crf: Annotated[
        bool | None,
        _run(help="Then choose a CRF's parameters on the validation images; off where it does not help. [no]"),
    ] = None,
    seed: Annotated[int | None, _run(help="The same seed gives the same weights. [0]")] = None,
    patch_size: Annotated[
        str | None, _patches(help="Side of the training patches in pixels, or 360x480. [256]")
    ] = None,
    context: Annotated[
        str | None,
        _patches(
            metavar="DISTRIBUTION",
            help="Draw the patch size for every batch: uniform:25-85, multi-fixed:45,55,65, multinomial:25,50 or "
            "fixed:65. [--patch-size]",
        ),
    ] = None,
    context_score: Annotated[
        str | None, _patches(help="Score patch sizes by accuracy, paper-accuracy or loss. [accuracy]")
    ] = None,
    context_decay: Annotated[
        float | None, _patches(help="Share of the past in the averaged score of a size; 0: the mean. [0]")
    ] = None,
    batch_size: Annotated[int | None, _patches(help="Patches of a batch. [8]")] = None,
    accumulation: Annotated[int | None, _patches(help="Batches of one optimiser step. [1]")] = None,
    sampling: Annotated[
        str | None,
        _patches(
            help="random; balanced: every class as often in the centre; anchors: of a grid, as many of each class; "
            "single-objects, objects: DeconvNet's stages. [random]"
        ),
    ] = None,
    anchor_crop: Annotated[
        int | None, _patches(help="Side of the patch whose most frequent class an anchor has. [25]")
    ] = None,
    anchor_stride: Annotated[int | None, _patches(help="Pixels between anchors. [25]")] = None,
    anchor_passes: Annotated[
        int | None, _patches(help="Passes through 100 batches of anchors before others are drawn. [1]")
    ] = None,
    optimizer: Annotated[str | None, _optimizer(help="adamw or sgd. [adamw]")] = None,
    learning_rate: Annotated[float | None, _optimizer(help="Base learning rate. [0.002]")] = None,
    bias_rate: Annotated[float | None, _optimizer(help="Factor of the rate of biases. [1]")] = None,
    classifier_rate: Annotated[
        float | None, _optimizer(help="Factor of the rate of the layers of the class scores. [1]")
    ] = None,
    weight_decay: Annotated[float | None, _optimizer(help="Of convolution kernels. [0.01]")] = None,
    momentum: Annotated[float | None, _optimizer(help="Of sgd; first beta of adamw. [0.9]")] = None,
    schedule: Annotated[str | None, _optimizer(help="cosine, poly, step or constant. [cosine]")] = None,
    poly_power: Annotated[float | None, _optimizer(help="Exponent of poly. [0.9]")] = None,
    milestones: Annotated[str | None, _optimizer(help="Shares of the run where step falls. [0.6,0.85]")] = None,
    step_factor: Annotated[float | None, _optimizer(help="What step multiplies by. [0.1]")] = None,
    warmup: Annotated[float | None, _optimizer(help="Share of the run in which the rate rises. [0.03]")] = None,
    clip_norm: Annotated[float | None, _optimizer(help="Longest gradient; 0 does not clip. [5]")] = None,
    ema_decay: Annotated[float | None, _optimizer(help="Keep averaged weights of this decay; 0: no. [0]")] = None,
    recalibrate: Annotated[
        bool | None, _optimizer(help="Measure batch statistics anew before validation. [where batches are small]")
    ] = None,
    loss_scale: Annotated[
        str | None,
        _loss(help="Divide the summed loss by labelled pixels (mean), patches (image), nothing (sum). [mean]"),
    ] = None,
    class_weights: Annotated[str | None, _loss(help="none, inverse, median-frequency, tempered. [none]")] = None,
    border_weight: Annotated[float | None, _loss(help="U-Net's border weight w0; the paper has 10. [0]")] = None,
    border_sigma: Annotated[float | None, _loss(help="Width of the borders in pixels. [5]")] = None,
    border_background: Annotated[int | None, _loss(help="Class between the objects. [0]")] = None,
    flip_rows: Annotated[bool | None, _change(help="Mirror top to bottom. [yes]")] = None,
    flip_columns: Annotated[bool | None, _change(help="Mirror left to right. [yes]")] = None,
    quarter_turns: Annotated[bool | None, _change(help="Turn by 90, 180, 270 degrees. [no]")] = None,
    rotation: Annotated[float | None, _change(help="Rotate up to so many degrees. [15]")] = None,
    scale: Annotated[float | None, _change(help="Magnify by up to 1 + SCALE, or shrink. [0.25]")] = None,
    elastic: Annotated[float | None, _change(help="U-Net's elastic deformation in pixels; it has 10. [0]")] = None,
    gain: Annotated[float | None, _change(help="Change contrast per band by up to this share. [0.2]")] = None,
    offset: Annotated[float | None, _change(help="Change brightness, in standard deviations. [0.2]")] = None,
    gamma: Annotated[float | None, _change(help="Bend the values of each band. [0.1]")] = None,
    precision: Annotated[str | None, _machine(help="auto, float32 or bfloat16. [auto]")] = None,
    device: Annotated[str | None, _machine(help="auto, cpu or cuda. [auto]")] = None,
    log_every: Annotated[int | None, _machine(help="Steps between rows of metrics.csv. [10]")] = None,
    tensorboard: Annotated[bool | None, _machine(help="Write TensorBoard's event files too. [no]")] = None,
    config: Annotated[
        Path | None, _call("--config", help="A config.yaml to start from; the command line wins.")
    ] = None,
    resume: Annotated[bool, _call("--resume", help="Go on with the run in RUN.")] = False,
    overwrite: Annotated[bool, _call("--overwrite", help="Replace outputs that exist.")] = False,
    dry_run: Annotated[bool, _call("--dry-run", help="Check the data, show the plan, and stop.")] = False,
    as_json: Annotated[bool, _call("--json", help="Print JSON for programs on stdout.")] = False,
) -> None:
    """Train a network or a shallow method on a folder of images and masks; RUN is then a model for `predict` and so on.

    RUN/config.yaml holds every setting: `densa train --config RUN/config.yaml -o RUN2` repeats the run. In brackets
    stand the values of the default recipe.
    """
    from densa.errors import InputError
    from densa.training import Interrupted, TrainConfig, plan_from_config, train_from_config

    apart = {"output", "config", "resume", "overwrite", "dry_run", "as_json"}
    # An option that may be repeated and was not given is an empty list.
    given = {key: value for key, value in call.params.items() if key not in apart and value not in (None, [], ())}
    own = [f"{name}={given.pop(name)}" for name in _SHALLOW_OPTIONS if name in given]
    if own:
        given["model_arguments"] = [*given.get("model_arguments", ()), *own]
    if resume and config is None:
        config = output / "config.yaml"
        if not config.exists():
            raise InputError(f"{output} holds no run to resume (no config.yaml); train without --resume first")
    if config is None and data is None:
        raise InputError("give DATA, the folder of images and masks (or --config with a line `data: FOLDER`)")
    settings = TrainConfig.of(**given) if config is None else TrainConfig.from_yaml(config, **given)
    if dry_run:
        _show(plan_from_config(settings), as_json)
        return
    try:
        result = train_from_config(settings, output, resume=resume, overwrite=overwrite)
    except Interrupted as stop:
        print(f"densa: {stop}", file=sys.stderr)
        raise typer.Exit(2) from None
    content = {key: str(value) if isinstance(value, Path) else value for key, value in vars(result).items()}
    if as_json:
        print_json(content)
    else:
        score = f", validation mean IoU {result.mean_iou:.4f}" if result.mean_iou == result.mean_iou else ""
        unit = "trees" if settings.is_shallow else "steps"
        print(f"wrote {result.folder}: {result.steps} {unit} in {result.seconds:.0f} s{score}")


def _show(plan: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(plan)
        return
    for key, value in plan.items():
        print(f"{key.replace('_', ' '):<18} {value}")
