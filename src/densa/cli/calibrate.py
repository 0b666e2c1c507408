"""`densa calibrate`: probabilities that mean what they say."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from densa.cli.common import Config, Json, print_json
from densa.cli.derived import options_from
from densa.settings import Existing
from densa.verbs.settings import CalibrateOptions


@options_from(CalibrateOptions, Existing)
def calibrate(
    given: dict[str, Any],
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Run or model folder; its model.json is rewritten.")],
    data: Annotated[
        Path | None,
        typer.Argument(metavar="DATA", help="Data set with images that the model was not trained on."),
    ] = None,
    undo: Annotated[bool, typer.Option("--undo", help="Remove the scaling that is stored; needs no data.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Fit and measure, and write nothing.")] = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Scale a model's probabilities so that of the pixels at 80 %, 80 % are right.

    The scaling is fitted to one labelled pixel of each block of one half of the images, and measured on the other half.
    It is kept in RUN/model.json and applied by every command. A temperature changes no label.
    """
    from densa.verbs.calibrate import calibrate as verb

    done = verb(run, data, undo=undo, dry_run=dry_run, **given)
    if as_json:
        print_json(done.to_json())
        return
    for line in done.lines():
        print(line)
