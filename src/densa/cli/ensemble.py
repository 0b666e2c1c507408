"""`densa ensemble`: one model of several."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from densa.cli.common import Config, Json, named_inside, print_json
from densa.cli.derived import options_from
from densa.options import must_exist
from densa.progress import progress_bar
from densa.settings import Existing


class Combine(StrEnum):
    """How the probabilities of the models become one."""

    mean = "mean"
    product = "product"


@options_from(Existing)
def ensemble(
    given: dict[str, Any],
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Run or model folders of one legend.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FOLDER", help="New model folder.")],
    weights: Annotated[
        str | None,
        typer.Option("--weights", metavar="W,W,...", help="A positive number per model; 1 each if not given."),
    ] = None,
    combine: Annotated[
        Combine, typer.Option("--combine", help="Mean of the probabilities, or their product, renormalised.")
    ] = Combine.mean,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Combine trained models into one that predicts their mean or product.

    The folder holds copies of the models, and is used like any other: `densa predict FOLDER IMAGE... -o OUT`.
    """
    for run in runs:
        must_exist(runs=run)  # before torch is imported
    from densa import methods

    numbers = _numbers(weights)
    with progress_bar("checking the models") as progress:
        methods.ensemble(runs, output, weights=numbers, combine=combine.value, **given, progress=progress)
    if as_json:
        print_json(methods.describe_run(output))
    else:
        print(f"wrote {named_inside(output)}")


def _numbers(text: str | None) -> list[float] | None:
    from densa.errors import InputError

    if text is None:
        return None
    try:
        return [float(part) for part in text.split(",")]
    except ValueError as error:
        raise InputError(f"--weights takes numbers with commas between them, as 0.5,0.5; got {text!r}") from error
