"""`densa train`: a model from a folder of images and masks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from densa.cli.common import named_inside, print_json, print_table
from densa.cli.derived import options_from
from densa.settings import Resumable, Sources
from densa.training.settings import TrainOptions
from densa.verbs.inputs import allowed, taken


def _of_call(*names: str, **more: Any) -> Any:
    return typer.Option(*names, rich_help_panel="This call", **more)


@options_from(TrainOptions, Sources, Resumable, without=("data",))
def train(
    given: dict[str, Any],
    data: Annotated[
        Path | None,
        typer.Argument(
            metavar="DATA",
            help="Folder of images and masks; with strokes, the image or a folder of images.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[Path, _of_call("-o", "--output", metavar="RUN", help="Run folder: a model folder too.")] = ...,  # type: ignore[assignment]
    config: Annotated[
        Path | None, _of_call("--config", help="A config.yaml to start from; options override it.")
    ] = None,
    dry_run: Annotated[bool, _of_call("--dry-run", help="Check the data, show the plan, and stop.")] = False,
    as_json: Annotated[bool, _of_call("--json", help="Print JSON for programs on stdout.")] = False,
) -> None:
    """Train a network or a shallow method on a folder of images and masks; RUN is then a model folder for `predict`.

    RUN/config.yaml holds every setting: `densa train --config RUN/config.yaml -o RUN2` repeats the run. Brackets
    hold the values of the default recipe.
    """
    from densa.verbs.train import plan_training, train

    sources = taken(given)
    if dry_run:
        with allowed(sources):
            plan = plan_training(data, output=output, config=config, **given)
        _show(plan, as_json)
        return
    with allowed(sources):
        result = train(data, output=output, config=config, **given)
    if as_json:
        values = {key: str(value) if isinstance(value, Path) else value for key, value in vars(result).items()}
        print_json(values | {"measured_on": result.score})
    else:
        length = f"{result.steps} {result.unit} in {result.seconds:.0f} s"
        print(f"wrote {named_inside(result.folder)}: {length}, {result.score}")


def _show(plan: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(plan)
        return
    print_table({key: value for key, value in plan.items() if key != "notes"})
    for note in plan.get("notes", ()):
        print(f"* {note}")
