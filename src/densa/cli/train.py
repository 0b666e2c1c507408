"""`densa train`: a model from a folder of images and masks."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from densa.cli.common import Json, Overwrite, print_json

# Every option but the last group is a field of `training.TrainConfig`, which holds its default and its range; None here
# means "not given".
_Data = Annotated[Path | None, typer.Argument(metavar="DATA", help="Folder of images and masks.", show_default=False)]
_Output = Annotated[Path, typer.Option("-o", "--output", metavar="RUN", help="Run folder: a model folder too.")]


def train(
    context: typer.Context,
    data: _Data = None,
    output: _Output = ...,  # type: ignore[assignment]
    model: Annotated[str | None, typer.Option(help="Name of the network, see `densa models`. [unet]")] = None,
    width: Annotated[int | None, typer.Option(help="Channels of the first level; the papers have 64. [16]")] = None,
    steps: Annotated[int | None, typer.Option(help="Optimiser steps. [2000, unless --minutes]")] = None,
    minutes: Annotated[float | None, typer.Option(help="Wall-clock bound of the run.")] = None,
    patch_size: Annotated[int | None, typer.Option(help="Side of the training patches in pixels. [256]")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Patches of a batch. [8]")] = None,
    accumulation: Annotated[int | None, typer.Option(help="Batches of one optimiser step. [1]")] = None,
    optimizer: Annotated[str | None, typer.Option(help="adamw or sgd. [adamw]")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Base learning rate. [0.002]")] = None,
    weight_decay: Annotated[float | None, typer.Option(help="Of convolution kernels. [0.01]")] = None,
    momentum: Annotated[float | None, typer.Option(help="Of sgd; first beta of adamw. [0.9]")] = None,
    schedule: Annotated[str | None, typer.Option(help="cosine, poly, step or constant. [cosine]")] = None,
    warmup: Annotated[float | None, typer.Option(help="Share of the run in which the rate rises. [0.03]")] = None,
    clip_norm: Annotated[float | None, typer.Option(help="Longest gradient; 0 does not clip. [5]")] = None,
    class_weights: Annotated[str | None, typer.Option(help="none, inverse, median-frequency, tempered. [none]")] = None,
    border_weight: Annotated[float | None, typer.Option(help="U-Net's border weight w0; the paper has 10. [0]")] = None,
    border_sigma: Annotated[float | None, typer.Option(help="Width of the borders in pixels. [5]")] = None,
    border_background: Annotated[int | None, typer.Option(help="Class between the objects. [0]")] = None,
    ema_decay: Annotated[float | None, typer.Option(help="Keep averaged weights of this decay; 0: no. [0]")] = None,
    recalibrate: Annotated[
        bool | None, typer.Option(help="Measure batch statistics anew before validation. [where batches are small]")
    ] = None,
    flip_rows: Annotated[bool | None, typer.Option(help="Mirror top to bottom. [yes]")] = None,
    flip_columns: Annotated[bool | None, typer.Option(help="Mirror left to right. [yes]")] = None,
    quarter_turns: Annotated[bool | None, typer.Option(help="Turn by 90, 180, 270 degrees. [no]")] = None,
    rotation: Annotated[float | None, typer.Option(help="Rotate up to so many degrees. [15]")] = None,
    scale: Annotated[float | None, typer.Option(help="Magnify by up to 1 + SCALE, or shrink. [0.25]")] = None,
    elastic: Annotated[float | None, typer.Option(help="U-Net's elastic deformation in pixels; it has 10. [0]")] = None,
    gain: Annotated[float | None, typer.Option(help="Change contrast per band by up to this share. [0.2]")] = None,
    offset: Annotated[float | None, typer.Option(help="Change brightness, in standard deviations. [0.2]")] = None,
    gamma: Annotated[float | None, typer.Option(help="Bend the values of each band. [0.1]")] = None,
    validate_every: Annotated[int | None, typer.Option(help="Steps between validations. [a tenth of the run]")] = None,
    patience: Annotated[
        int | None, typer.Option(help="Stop after so many validations without gain; 0: never. [0]")
    ] = None,
    val_fraction: Annotated[
        float | None, typer.Option(help="Share of the scenes held out to validate. [a fifth, where DATA has no split]")
    ] = None,
    split_seed: Annotated[int | None, typer.Option(help="Another seed, another split. [0]")] = None,
    legend: Annotated[Path | None, typer.Option(help="Legend file. [of the folder, or inferred]")] = None,
    images: Annotated[Path | None, typer.Option(help="Folder of the images, where it has a name of its own.")] = None,
    masks: Annotated[Path | None, typer.Option(help="Folder of the masks, likewise.")] = None,
    precision: Annotated[str | None, typer.Option(help="auto, float32 or bfloat16. [auto]")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu or cuda. [auto]")] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed gives the same weights. [0]")] = None,
    log_every: Annotated[int | None, typer.Option(help="Steps between rows of metrics.csv. [10]")] = None,
    tensorboard: Annotated[bool | None, typer.Option(help="Write TensorBoard's event files too. [no]")] = None,
    config: Annotated[
        Path | None, typer.Option("--config", help="A config.yaml to start from; the command line wins.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in RUN.")] = False,
    overwrite: Overwrite = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check the data, show the plan, and stop.")] = False,
    as_json: Json = False,
) -> None:
    """Train a network on a folder of images and masks; RUN is then a model for `predict` and `evaluate`.

    RUN/config.yaml holds every setting: `densa train --config RUN/config.yaml -o RUN2` repeats the run.
    """
    from densa.errors import InputError
    from densa.training import Interrupted, TrainConfig, plan_from_config, train_from_config

    apart = {"output", "config", "resume", "overwrite", "dry_run", "as_json"}
    given = {key: value for key, value in context.params.items() if key not in apart and value is not None}
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
        print(f"wrote {result.folder}: {result.steps} steps in {result.seconds:.0f} s{score}")


def _show(plan: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(plan)
        return
    for key, value in plan.items():
        print(f"{key.replace('_', ' '):<18} {value}")
