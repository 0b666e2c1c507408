"""Compare predictions with masks: numbers with their rules, and one page."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from densa.errors import InputError
from densa.locations import without_layer
from densa.options import check_paths, must_exist, with_options
from densa.outputs import check_outputs
from densa.pages.assess import assess_and_write, is_assessment
from densa.progress import progress_bar
from densa.verbs.held_out import held_out_of
from densa.verbs.inputs import allowed, reading_of
from densa.verbs.intervals import interval_rule, tell_units
from densa.verbs.settings import EvaluateOptions
from densa.verbs.tell import tell, tell_calibration

if TYPE_CHECKING:
    from densa.accuracy import MapAssessment
    from densa.legend import Legend
    from densa.metrics import Breakdown, ErrorBlocks, FurtherMeasures, GroupScores
    from densa.pages.attributes import Attribute
    from densa.reports import Evaluation, MeasuredOn, Pair

__all__ = ["block_lines", "class_lines", "evaluate", "evaluate_and_write", "group_lines", "summary_line"]


def evaluate(
    predictions: Path | str,
    data: Path | str,
    *,
    output: Path | str | None = None,
    overwrite: bool = False,
    progress: bool = True,
    **options: Any,
) -> Any:
    """Compare predictions with masks, or a map with points whose reference class is known.

    Args:
        predictions: a run or model folder, or a folder of label maps; with points, a map of any size.
        data: a data set, or a folder of masks with the same stems; or points of `densa.sample`: .gpkg, .geojson, .shp,
            .fgb, .csv.
        output: folder of metrics.json and report.html; None writes nothing.
        overwrite: replace those files.
        progress: show a progress bar on stderr.
        **options: the options of `densa evaluate`, by name, see the reference.

    Returns:
        The numbers, a `reports.Evaluation`; with points, an `accuracy.MapAssessment`.

    Raises:
        InputError: predictions, data or options that do not fit, an output that exists.

    Examples:
        >>> import densa
        >>> data = densa.datasets.coins("coins")
        >>> test = densa.datasets.open(data)["test"].samples[0]
        >>> masks = test.mask.parent
        >>> report = densa.evaluate(masks, masks, progress=False)  # of the masks with themselves
        >>> report.summary.mean_iou
        1.0
    """
    return evaluate_and_write(predictions, data, output, overwrite=overwrite, progress=progress, **options)[0]


evaluate.__signature__ = with_options(evaluate, EvaluateOptions)  # type: ignore[attr-defined]


def evaluate_and_write(
    predictions: Path | str,
    data: Path | str,
    output: Path | str | None,
    *,
    overwrite: bool = False,
    progress: bool = True,
    **options: Any,
) -> tuple[Evaluation | MapAssessment, Path | None]:
    """As `evaluate`; also returns the path of the page."""
    settings = EvaluateOptions.of(**options)
    check_paths(EvaluateOptions, options)
    if is_assessment(data):
        must_exist(predictions=predictions, data=without_layer(data))
        return _assessed(predictions, data, output, settings, overwrite, progress)
    must_exist(predictions=predictions, data=data)
    _refuse_point_options(settings)
    from densa import reports
    from densa.reports.evaluation import check_numbering

    further_measures(settings, n_classes=1)  # refuses unknown ones before the images are read
    attribute = _attribute(Path(data), settings)
    if output is not None:
        written = [*reports.check_output(output, overwrite=overwrite)]
        if settings.error_blocks is not None:
            from densa.pages.error_files import check_error_files

            written += check_error_files(output, overwrite=overwrite)
        read = [Path(predictions), Path(data), *([settings.legend] if settings.legend else [])]
        check_outputs([(path.name, path) for path in written], read)
    with allowed(settings), progress_bar("evaluate", shown=progress) as show:
        compared = _compared(Path(predictions), Path(data), settings, show)
        pairs, breakdown = _watched(compared, attribute, settings)
        pairs, blocks = _in_blocks(pairs, settings)
        evaluation = reports.evaluate_pairs(
            pairs,
            compared.legend,
            void=settings.void,
            absent=settings.absent,
            tolerance=settings.tolerance,
            n_worst=settings.worst,
            intervals=interval_rule(settings, settings.seed),
            further=further_measures(settings, compared.legend.n_classes),
            progress=show,
        )
        if compared.of_files:
            check_numbering(evaluation)
    for line in compared.measured_on.taken:
        tell(line)
    if evaluation.intervals is not None:
        tell_units(evaluation.intervals)
    evaluation = replace(evaluation, measured_on=compared.measured_on)
    if breakdown is not None:
        evaluation = replace(evaluation, by=breakdown.column, groups=tuple(breakdown.groups()))
    evaluation = replace(evaluation, error_blocks=blocks)
    page = None if output is None else reports.write_report(evaluation, output, overwrite=overwrite, **compared.about)
    if blocks is not None and output is not None:
        from densa.pages.error_files import write_error_files

        write_error_files(blocks, output, overwrite=overwrite)
    return evaluation, page


def _assessed(
    path: Path | str, points: Path | str, output: Path | str | None, settings: EvaluateOptions, *how: bool
) -> tuple[MapAssessment, Path | None]:
    """The assessment of a map by points; `how`: whether to overwrite, and to show progress."""
    if settings.split or settings.align:
        raise InputError(f"{'split' if settings.split else 'align'} has no effect with points; leave it out")
    names = ("class_field", "reference", "strata", "legend", "by")
    chosen = {name: getattr(settings, name) for name in names}
    with allowed(settings), progress_bar("count", shown=how[1]) as show:
        return assess_and_write(path, points, output, **chosen, overwrite=how[0], progress=show)


def _attribute(data: Path, settings: EvaluateOptions) -> Attribute | None:
    """The attribute by which scores are broken down; None where none is wished."""
    if settings.by is None:
        if settings.attributes is not None:
            raise InputError("attributes has no effect without by=COLUMN; give the column")
        return None
    from densa.pages.attributes import read_attribute

    found = read_attribute(data, settings.by, settings.attributes)
    if found.grouped:
        tell(f"{settings.by} of {found.path.name} holds numbers: they are divided into quarters of the images")
    return found


def _watched(
    compared: _Compared, attribute: Attribute | None, settings: EvaluateOptions
) -> tuple[Iterable[Pair], Breakdown | None]:
    """The pairs, and the breakdown that they fill as they pass."""
    if attribute is None:
        return compared.pairs, None
    from densa.metrics import Breakdown

    breakdown = Breakdown(
        compared.legend.n_classes,
        attribute.column,
        str(attribute.path),
        void=settings.void,
        absent=settings.absent,
        intervals=interval_rule(settings, settings.seed),
    )
    return attribute.watched(compared.pairs, breakdown), breakdown


def _in_blocks(pairs: Iterable[Pair], settings: EvaluateOptions) -> tuple[Iterable[Pair], ErrorBlocks | None]:
    """The pairs, and the blocks in which their errors are counted as they pass."""
    if settings.error_blocks is None:
        return pairs, None
    from densa.metrics import ErrorBlocks
    from densa.pages.error_files import watched

    blocks = ErrorBlocks(settings.error_blocks, void=settings.void)
    return watched(pairs, blocks), blocks


def _refuse_point_options(settings: EvaluateOptions) -> None:
    """Refuse options that count for points alone."""
    for name in ("reference", "strata"):
        if getattr(settings, name) is not None:
            raise InputError(f"{name} has no effect: data is no file of points; leave it out")


def further_measures(settings: EvaluateOptions, n_classes: int) -> FurtherMeasures | None:
    """The further measures that the options ask for; None where that is none."""
    from densa.metrics import FurtherMeasures

    if settings.measures == () and settings.weighted_kappa is None:
        return None
    return FurtherMeasures(
        n_classes,
        settings.measures,
        void=settings.void,
        widths=settings.trimap_widths,
        limits=settings.object_sizes,
        kappa=settings.weighted_kappa,
    )


@dataclass(frozen=True)
class _Compared:
    """Pairs to compare, their legend, the images that they are of, and facts on their origin for the page."""

    pairs: Iterable[Pair]
    legend: Legend
    measured_on: MeasuredOn
    about: dict[str, Any] = field(default_factory=dict)
    of_files: bool = False


def _compared(predictions: Path, data: Path, settings: EvaluateOptions, show: Any) -> _Compared:
    if (predictions / "model.json").exists():
        return _compared_model(predictions, data, settings, show)
    if (predictions / "config.yaml").exists() and (predictions / "split.json").exists():
        raise InputError(
            f"{predictions} is a run without a model: it was stopped before its first validation; "
            f"`densa train -o {predictions} --resume` finishes it"
        )
    from densa.reports.pairs import compared_files

    found = compared_files(
        predictions,
        data,
        split=settings.split,
        legend=settings.legend,
        align=settings.align,
        reading=reading_of(settings),
        split_file=settings.split_file,
        fold=settings.fold,
        progress=show,
        tell=tell,
    )
    about = {"model": str(predictions), "data": str(data)}
    return _Compared(found.pairs, found.legend, found.measured_on, about, of_files=True)


def _compared_model(folder: Path, data: Path, settings: EvaluateOptions, show: Any) -> _Compared:
    from densa import reports

    tell_calibration(folder)
    found = held_out_of(folder, data, settings, settings.split)
    about = {**_about_run(folder), "model": str(folder), "data": str(data)}
    pairs = reports.pairs_of_predictions(found.segmenter, found.images, fit=found.fit, progress=show)
    return _Compared(pairs, found.images.legend, found.measured_on, about)


def _about_run(run: Path) -> dict[str, Any]:
    """Facts on the training of a run, and its curves."""
    from densa.training import TrainConfig

    curves = run / "metrics.csv"
    about: dict[str, Any] = {"curves": curves} if curves.exists() else {}
    if (run / "config.yaml").exists():
        config = TrainConfig.from_yaml(run / "config.yaml")
        about |= {"seed": config.seed, "provenance": {"network": config.model, "width": config.width}}
    return about


def summary_line(evaluation: Evaluation) -> str:
    """The headline numbers in one line, with their intervals and the rules that they follow."""
    s = evaluation.summary
    label = "" if evaluation.measured_on is None else evaluation.measured_on.label

    def score(value: float, name: str) -> str:
        found = None if evaluation.intervals is None else evaluation.intervals.of(name)
        return _share(value) + (f" ({found})" if found else "")

    return (
        f"{label}mean IoU {score(s.mean_iou, 'mean_iou')}, "
        f"global accuracy {score(s.global_accuracy, 'global_accuracy')}, "
        f"class average {score(s.class_average, 'class_average')}, "
        f"boundary F1 {score(evaluation.boundary.value, 'boundary_f1')} "
        f"over {len(evaluation.images)} image{'s' * (len(evaluation.images) != 1)} "
        f"(void: {s.void}, absent classes: {s.absent}; "
        f"{_per_cent(evaluation.without_label)} of the pixels without a label, "
        f"{_per_cent(evaluation.without_class)} of the labelled without a predicted class)"
    )


def class_lines(evaluation: Evaluation) -> list[str]:
    """The scores of each class with their intervals, as a table."""
    s, names = evaluation.summary, evaluation.legend.class_names

    def cell(name: str, k: int) -> str:
        found = None if evaluation.intervals is None else evaluation.intervals.of(name, k)
        return _share(getattr(s, name)[k]) + (f" ({found})" if found else "")

    rows = [["class", "IoU", "accuracy", "F1"]]
    rows += [[name, *(cell(score, k) for score in ("iou", "accuracy", "f1"))] for k, name in enumerate(names)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def group_lines(evaluation: Evaluation) -> list[str]:
    """A line of scores for each value of an attribute, with their intervals."""

    def cell(group: GroupScores, name: str) -> str:
        found = group.interval(name)
        value = _share(getattr(group.summary, name))
        return value if found is None else f"{value} ({_share(found[0])} to {_share(found[1])})"

    return [
        f"{evaluation.by} {one.value}: mean IoU {cell(one, 'mean_iou')}, global accuracy {cell(one, 'global_accuracy')}"
        f" over {one.images} image{'s' * (one.images != 1)}"
        for one in evaluation.groups
    ]


def block_lines(evaluation: Evaluation, most: int = 3) -> list[str]:
    """A line for each of the worst blocks."""
    blocks = evaluation.error_blocks
    return [
        f"worst block: {one.image}, rows {one.row} to {one.row + one.height - 1}, columns {one.column} to"
        f" {one.column + one.width - 1}: {_per_cent(one.rate)} of {one.pixels} pixels wrong"
        for one in ([] if blocks is None else blocks.worst(most))
    ]


def _share(value: float) -> str:
    return f"{value:.4f}" if math.isfinite(value) else "undefined"


def _per_cent(share: float) -> str:
    """A share; one that is not 0 does not look like it."""
    return "0 %" if share == 0 else f"{100 * share:.1f} %" if not share < 0.001 else "under 0.1 %"
