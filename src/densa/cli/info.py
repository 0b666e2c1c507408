"""`densa models` and `densa info`: the methods, and the size of a network."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from densa.cli.common import Config, Json, print_json, print_table, shown
from densa.errors import InputError


def models(as_json: Json = False) -> None:
    """List the methods, with their source."""
    from densa.methods import METHODS

    if as_json:
        print_json([vars(method) for method in METHODS.values()])
        return
    width = max(map(len, METHODS))
    for method in METHODS.values():
        print(f"{method.name:<{width}}  {method.kind:<8}  {method.summary} ({method.source})")


def info(
    model: Annotated[str, typer.Argument(metavar="MODEL_OR_RUN", help="Name of a method, or a run or model folder.")],
    bands: Annotated[int, typer.Option("--bands", min=1, help="Bands of the image.")] = 3,
    classes: Annotated[int, typer.Option("--classes", min=1, help="Classes of the legend.")] = 2,
    width: Annotated[int | None, typer.Option("--width", min=1, help="Channels of the first level.")] = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Show the parameters, receptive field, halo and size of a network, or the input of a trained model.

    For a run, a table of its settings follows.
    """
    if ("/" in model or "\\" in model) and not Path(model).exists():
        raise InputError(f"model must be the name of a method or a folder, got {model}: there is no such folder")
    from densa.methods import describe, describe_run

    content = describe_run(Path(model)) if Path(model).is_dir() else describe(model, bands, classes, width=width)
    if as_json:
        print_json(content)
        return
    training = dict(content.pop("training", None) or {})
    settings = {**training.pop("settings", {}), **training.pop("arguments", {})}
    print_table(content)
    print_table({f"training {key}": value for key, value in training.items()})
    _show_settings(settings)


def _show_settings(settings: Mapping[str, Any]) -> None:
    """The settings of a training, a group each, with what differs from the default marked."""
    from densa.options import options_of
    from densa.training.settings import TrainOptions

    title = None
    for name, one in options_of(TrainOptions).items():
        if name not in settings:
            continue
        if one.title != title:
            title = one.title
            print(f"\n{title}")
        value, default = settings[name], list(one.default) if isinstance(one.default, tuple) else one.default
        words = one.default_words if value is None else f"{shown(value)} {one.option.unit}".rstrip()
        changed = "" if value == default or value is None else f"(default {one.default_words or 'none'})"
        print(f"  {name:<18} {words:<20} {changed}".rstrip())
