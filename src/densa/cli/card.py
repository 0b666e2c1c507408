"""`densa card`: what the files of a run say, as Markdown and as a page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from densa.cli.common import Config, Json, named, print_json
from densa.cli.derived import options_from
from densa.settings import Existing


@options_from(Existing)
def card(
    given: dict[str, Any],
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Run or model folder.")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FOLDER", help="Folder of the card; default: the run.")
    ] = None,
    evaluation: Annotated[
        Path | None,
        typer.Option(
            "--evaluation", metavar="REPORT", help="Report of `densa evaluate`; default: the newest inside of the run."
        ),
    ] = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Write a model card, card.md and card.html, from what the files of a run say.

    Data and split with digests, input, training, scores with intervals and rules, calibration, limits and cost. What
    no file says is not claimed; what is not known is said.
    """
    from densa.verbs.maps.card import card as verb

    found, paths = verb(run, output=output, evaluation=evaluation, **given)
    if as_json:
        print_json({**found.to_json(), "files": [str(path) for path in paths]})
        return
    limits = next(section for section in found.sections if section.title == "Limits")
    print(*(f"limit: {line}" for line in limits.lines), sep="\n")
    print(f"wrote {named(paths[0], paths[1:])}")
