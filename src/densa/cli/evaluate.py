"""`densa evaluate`: scores and pictures of predictions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from densa.cli.common import Config, Json, named, print_json
from densa.cli.derived import options_from
from densa.settings import Existing
from densa.verbs.settings import EvaluateOptions

if TYPE_CHECKING:
    from densa.accuracy import MapAssessment


@options_from(EvaluateOptions, Existing)
def evaluate(
    given: dict[str, Any],
    predictions: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN_OR_PREDICTIONS...",
            help="Run folder, or a folder of label maps; of several the differences. With points, a map of any size.",
        ),
    ],
    data: Annotated[
        Path,
        typer.Argument(
            metavar="DATA", help="Data set, or a folder of masks of the same stems; or points of `densa sample`."
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="REPORT", help="Folder of the report; default: only scores."),
    ] = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Compare predictions with masks: metrics.json and one self-contained page, report.html.

    Every score has a 95 % interval. Of several runs or folders, paired differences and ranks tell whether they differ.

    A map and a file of points with reference classes (.gpkg, .geojson, .shp, .fgb, .csv) give its accuracy and the
    areas of its classes, with standard errors.
    """
    if len(predictions) > 1:
        _several(predictions, data, output, given, as_json)
        return
    from densa.accuracy import MapAssessment
    from densa.reports.calibration import calibration_lines
    from densa.verbs.evaluate import block_lines, class_lines, evaluate_and_write, group_lines, summary_line

    evaluation, page = evaluate_and_write(predictions[0], data, output, **given)
    if isinstance(evaluation, MapAssessment):
        _show_assessment(evaluation, page, as_json)
        return
    if as_json:
        print_json(evaluation.to_json())
        return
    print(summary_line(evaluation))
    for line in class_lines(evaluation):
        print(line)
    for line in (*group_lines(evaluation), *block_lines(evaluation)):
        print(line)
    if evaluation.intervals is not None:
        print(evaluation.intervals.text)
    print(f"measured on {evaluation.measured_on}")
    print(*calibration_lines(evaluation.calibration, evaluation.calibration_intervals), sep="\n")
    if evaluation.further is not None:
        print(*evaluation.further.lines(evaluation.interval_text), sep="\n")
    if page is not None:
        names = ["metrics.json", *([] if evaluation.error_blocks is None else ["errors.csv"])]
        print(f"wrote {named(page, [page.with_name(name) for name in names])}")


def _several(predictions: list[Path], data: Path, output: Path | None, given: dict[str, Any], as_json: bool) -> None:
    from densa.reports.uncertainty.differences import difference_lines
    from densa.verbs.evaluate_several import evaluate_several

    contest = evaluate_several(predictions, data, output=output, **given)
    if as_json:
        print_json(contest.to_json())
        return
    comparison = contest.comparison()
    print(comparison.accuracy_table())
    if contest.paired is not None:
        print(*difference_lines(contest.paired), sep="\n")
    print(f"measured on {comparison.measured_on}")
    if contest.page is not None:
        print(f"wrote {named(contest.page, [contest.page.with_name('metrics.json')])}")


def _show_assessment(found: MapAssessment, page: Path | None, as_json: bool) -> None:
    """Print the estimates of a map, and where they were written."""
    from densa.pages.assess import assessment_lines
    from densa.verbs.tell import tell

    for line in found.remarks:
        tell(line)
    if as_json:
        print_json(found.to_json())
        return
    print(*assessment_lines(found), sep="\n")
    if page is not None:
        print(f"wrote {named(page, [page.with_name('metrics.json')])}")
