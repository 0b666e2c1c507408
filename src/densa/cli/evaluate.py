"""`densa evaluate`: scores and pictures of predictions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from densa.cli.common import Config, Json, named, print_json
from densa.cli.derived import options_from
from densa.settings import Existing
from densa.verbs.settings import EvaluateOptions


@options_from(EvaluateOptions, Existing)
def evaluate(
    given: dict[str, Any],
    predictions: Annotated[
        Path, typer.Argument(metavar="RUN_OR_PREDICTIONS", help="Run folder, or a folder of label maps.")
    ],
    data: Annotated[Path, typer.Argument(metavar="DATA", help="Data set, or a folder of masks of the same stems.")],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="REPORT", help="Folder of the report; default: only scores."),
    ] = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Compare predictions with masks: metrics.json and one self-contained page, report.html."""
    from densa.reports.calibration import calibration_lines
    from densa.verbs.evaluate import class_lines, evaluate_and_write, summary_line

    evaluation, page = evaluate_and_write(predictions, data, output, **given)
    if as_json:
        print_json(evaluation.to_json())
        return
    print(summary_line(evaluation))
    for line in class_lines(evaluation):
        print(line)
    print(f"measured on {evaluation.measured_on}")
    print(*calibration_lines(evaluation.calibration), sep="\n")
    if evaluation.intervals is not None:
        print(evaluation.intervals.text)
    if page is not None:
        print(f"wrote {named(page, [page.with_name('metrics.json')])}")
