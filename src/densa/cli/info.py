"""`densa models` and `densa info`: what there is, and what it costs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from densa.cli.common import Config, Json, print_json


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
    """Show the parameters, receptive field, halo and size of a network, or what a trained model expects."""
    from densa.methods import describe, describe_run

    content = describe_run(Path(model)) if Path(model).is_dir() else describe(model, bands, classes, width=width)
    if as_json:
        print_json(content)
        return
    for key, value in content.items():
        print(f"{key.replace('_', ' '):<18} {_shown(value)}")


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}".replace(",", " ")
    if isinstance(value, dict):
        return ", ".join(f"{key} {_shown(item)}" for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(_shown(item) for item in value)
    return str(value)
