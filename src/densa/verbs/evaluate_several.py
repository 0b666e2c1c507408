"""Compare several predictions of the same images: scores, paired differences, ranks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from densa.errors import InputError
from densa.options import check_paths, must_exist, options_of, with_options
from densa.outputs import check_outputs
from densa.pages.assess import is_assessment
from densa.progress import Progress, progress_bar
from densa.verbs.inputs import allowed, reading_of
from densa.verbs.intervals import interval_rule, tell_units
from densa.verbs.settings import Breakdown, EvaluateOptions, Measures, SampledMap
from densa.verbs.tell import tell, tell_calibration

if TYPE_CHECKING:
    from densa.legend import Legend
    from densa.metrics.intervals import PairedComparison
    from densa.reports import Comparison, Evaluation, MeasuredOn, Pair

__all__ = ["Contest", "evaluate_several"]


@dataclass(frozen=True)
class Contest:
    """Evaluations of several predictions of the same images.

    Attributes:
        evaluations: by the name of the run or folder, in the given order.
        paired: differences between them, and ranks; None without intervals.
        page: path of the page; None where it was not written.
    """

    evaluations: Mapping[str, Evaluation]
    paired: PairedComparison | None
    page: Path | None = None

    def to_json(self) -> dict[str, Any]:
        """The content of `metrics.json`: of each run that of its evaluation, then differences and ranks."""
        first = next(iter(self.evaluations.values()))
        names = first.legend.class_names
        return {
            "measured_on": None if first.measured_on is None else first.measured_on.to_json(),
            "runs": [{"name": name, **evaluation.to_json()} for name, evaluation in self.evaluations.items()],
            "paired": None if self.paired is None else self.paired.to_json(names),
        }

    def comparison(self) -> Comparison:
        """The same as a `reports.Comparison` without cost, for its table and page."""
        from densa import reports

        rows = tuple(
            reports.MethodRow(name, accuracy=reports.Accuracy.of(evaluation), intervals=evaluation.intervals)
            for name, evaluation in self.evaluations.items()
        )
        first = next(iter(self.evaluations.values()))
        s = first.summary
        facts = {"rules": f"void: {s.void}; absent classes: {s.absent}"}
        return reports.Comparison(
            rows, first.legend, facts, measured_on=first.measured_on, paired=self.paired, page=self.page
        )


def evaluate_several(
    predictions: Sequence[Path | str],
    data: Path | str,
    *,
    output: Path | str | None = None,
    overwrite: bool = False,
    progress: bool = True,
    **options: Any,
) -> Contest:
    """Compare several predictions of the same images with the masks and with each other.

    Args:
        predictions: run or model folders, or folders of label maps; two or more.
        data: a data set, or a folder of masks with the same stems.
        output: folder of metrics.json and report.html; None writes nothing.
        overwrite: replace those files.
        progress: show progress bars on stderr.
        **options: the options of `densa evaluate`, by name, see the reference.

    Returns:
        The evaluations, their differences with 95 % intervals and p-values, and ranks.

    Raises:
        InputError: predictions, data or options that do not fit, an output that exists.

    Examples:
        >>> from pathlib import Path
        >>> import densa
        >>> data = densa.datasets.coins("coins")
        >>> test = densa.datasets.open(data)["test"]
        >>> for name in ("first", "second"):
        ...     Path(name).mkdir()
        ...     densa.raster.write_label_map(f"{name}/right.png", test.labels(0), test.legend)
        ...
        >>> found = densa.evaluate_several(["first", "second"], data, progress=False, resamples=200)
        >>> found.paired.best("mean_iou") is None
        True
    """
    settings = EvaluateOptions.of(**options)
    check_paths(EvaluateOptions, options)
    _check_choices(settings, data)
    folders = _named([Path(folder) for folder in predictions])
    for folder in folders.values():
        must_exist(predictions=folder)
    must_exist(data=data)
    rule = interval_rule(settings, settings.seed)
    from densa import reports
    from densa.metrics.intervals import compare_runs
    from densa.reports.evaluation import check_numbering

    if output is not None:
        written = reports.check_output(output, overwrite=overwrite)
        read = [*folders.values(), Path(data), *([settings.legend] if settings.legend else [])]
        check_outputs([(path.name, path) for path in written], read)
    evaluations: dict[str, Evaluation] = {}
    with allowed(settings):
        sources = _sources(folders, Path(data), settings)
        for name, source in sources.items():
            with progress_bar(f"evaluate {name}", shown=progress) as show:
                found = reports.evaluate_pairs(
                    source.pairs(show),
                    source.legend,
                    void=settings.void,
                    absent=settings.absent,
                    tolerance=settings.tolerance,
                    n_worst=0,
                    intervals=rule,
                    progress=show,
                )
            if not (folders[name] / "model.json").exists():
                check_numbering(found)
            evaluations[name] = replace(found, measured_on=source.measured_on)
    paired = None
    if rule is not None:
        units = {name: found.units for name, found in evaluations.items() if found.units is not None}
        with progress_bar("differences", shown=progress) as show:
            paired = compare_runs(units, absent=settings.absent, rule=rule, progress=show)
        first = next(iter(evaluations.values()))
        if first.intervals is not None:
            tell_units(first.intervals)
    contest = Contest(evaluations, paired)
    if output is None:
        return contest
    return replace(contest, page=_write(contest, Path(output), folders, Path(data), overwrite=overwrite))


evaluate_several.__signature__ = with_options(evaluate_several, EvaluateOptions)  # type: ignore[attr-defined]


@dataclass(frozen=True)
class _Source:
    """One of the predictions: its pairs, which are read once, their legend, and the images that they are of."""

    pairs: Callable[[Progress], Any]
    legend: Legend
    measured_on: MeasuredOn


def _check_choices(settings: EvaluateOptions, data: Path | str) -> None:
    """Refuse what is computed of one run or map only.

    Raises:
        InputError: an option that has no effect here, or points in place of masks.
    """
    for group in (Measures, Breakdown, SampledMap):
        for name, one in options_of(group).items():
            if getattr(settings, name) not in (one.default, ()):
                raise InputError(f"`{name}` is of one run or map; leave it out, or evaluate each by itself")
    if is_assessment(data):
        raise InputError(f"{data} holds points, which assess one map; evaluate each map by itself")


def _named(folders: Sequence[Path]) -> dict[str, Path]:
    """The folders by their last part where that is unique, otherwise by their path.

    Raises:
        InputError: fewer than two, or one of them twice.
    """
    if len(folders) < 2:
        raise InputError(f"two runs or folders of predictions are compared, got {len(folders)}")
    places = [folder.resolve() for folder in folders]
    if twice := [folder for i, folder in enumerate(folders) if places[i] in places[:i]]:
        raise InputError(f"{twice[0]} is given twice; name every run once")
    short = [place.name for place in places]
    return {
        name if short.count(name) == 1 else str(folder): folder for name, folder in zip(short, folders, strict=True)
    }


def _sources(folders: Mapping[str, Path], data: Path, settings: EvaluateOptions) -> dict[str, _Source]:
    models = {name: folder for name, folder in folders.items() if (folder / "model.json").exists()}
    found = (
        _sources_with_models(folders, models, data, settings) if models else _sources_of_files(folders, data, settings)
    )
    (first, one), *others = found.items()
    for name, other in others:
        if other.legend.class_names != one.legend.class_names:
            raise InputError(
                f"{name} labels the classes {', '.join(other.legend.class_names)}, {first} "
                f"{', '.join(one.legend.class_names)}; compare predictions of one legend (legend=FILE)"
            )
    return found


def _sources_of_files(folders: Mapping[str, Path], data: Path, settings: EvaluateOptions) -> dict[str, _Source]:
    from densa.reports.pairs import compared_files

    said = set[str]()
    sources = {}
    for name, folder in folders.items():
        found = compared_files(
            folder,
            data,
            split=settings.split,
            legend=settings.legend,
            align=settings.align,
            reading=reading_of(settings),
            split_file=settings.split_file,
            fold=settings.fold,
            tell=partial(_tell_once, said),
        )
        sources[name] = _Source(
            partial(_counted, found.pairs, found.measured_on.images), found.legend, found.measured_on
        )
    return sources


def _sources_with_models(
    folders: Mapping[str, Path], models: Mapping[str, Path], data: Path, settings: EvaluateOptions
) -> dict[str, _Source]:
    """Images that none of the models was trained on; label maps of them stand beside the models."""
    from densa import datasets, methods, reports
    from densa.datasets.opening import open_whole
    from densa.datasets.splits.record import SplitRecord
    from densa.reports.held_out import held_out, own_folders, own_reading, record_of_model
    from densa.verbs.held_out import Fit

    leading = next(iter(models.values()))
    segmenters = {
        name: methods.load(folder, device=settings.device, precision=settings.precision)
        for name, folder in models.items()
    }
    for folder in models.values():
        tell_calibration(folder)
    legend = next(iter(segmenters.values())).legend
    for name, segmenter in segmenters.items():
        if segmenter.legend.class_names != legend.class_names:
            raise InputError(
                f"{name} labels the classes {', '.join(segmenter.legend.class_names)}, {next(iter(models))} "
                f"{', '.join(legend.class_names)}; compare models of one legend"
            )
    opened = open_whole(
        data,
        settings.legend or legend,
        align=settings.align,
        reading=own_reading(leading) | reading_of(settings),
        split_file=settings.split_file,
        fold=settings.fold,
        **own_folders(leading, data),
    )
    record = SplitRecord.merged(record_of_model(folder) for folder in models.values())
    chosen, measured_on = held_out(opened, record, settings.split, data)
    if measured_on.windows and settings.split_file is None and len(models) < len(folders):
        raise InputError(
            "the models held out windows of scenes, of which there are no label maps; compare the models alone"
        )
    for line in (*chosen.taken, *chosen.remarks):
        tell(line)
    datasets.check(chosen, tell=tell)
    sources, said = {}, set[str]()
    for name, folder in folders.items():
        if name not in models:
            found = reports.pairs_of_folders(folder, chosen, tell=partial(_tell_once, said))
            sources[name] = _Source(partial(_counted, found, len(chosen)), chosen.legend, measured_on)
            continue
        bands = segmenters[name].bands
        own = replace(chosen, like=bands.bands) if settings.bands is None else chosen
        fit = Fit(bands, settings)
        sources[name] = _Source(partial(_predicted, segmenters[name], own, fit), chosen.legend, measured_on)
    return sources


def _predicted(segmenter: Any, dataset: Any, fit: Any, show: Progress) -> Any:
    from densa import reports

    return reports.pairs_of_predictions(segmenter, dataset, fit=fit, progress=show)


def _counted(pairs: Any, total: int, show: Progress) -> Any:
    """The pairs; `show` is called after each."""
    pair: Pair
    for done, pair in enumerate(pairs, 1):
        yield pair
        show(done, total)


def _tell_once(said: set[str], line: str) -> None:
    if line not in said:
        said.add(line)
        tell(line)


def _write(contest: Contest, folder: Path, folders: Mapping[str, Path], data: Path, *, overwrite: bool) -> Path:
    """Write metrics.json and report.html."""
    import json

    from densa.raster import atomic_output
    from densa.reports import check_output
    from densa.reports.comparison_page import render_comparison
    from densa.reports.html import make_folder

    page, numbers = check_output(folder, overwrite=overwrite)
    comparison = contest.comparison()
    origin = {"data": data, **{name: path for name, path in folders.items() if str(path) != name}}
    html = render_comparison(replace(comparison, facts={**origin, **comparison.facts}), "Evaluation")
    make_folder(page.parent)
    with atomic_output(numbers, overwrite) as temporary:
        text = json.dumps(contest.to_json(), indent=2, ensure_ascii=False, allow_nan=False)
        temporary.write_text(text + "\n", encoding="utf-8", errors="backslashreplace")
    with atomic_output(page, overwrite) as temporary:
        temporary.write_text(html, encoding="utf-8", errors="backslashreplace")
    return page
