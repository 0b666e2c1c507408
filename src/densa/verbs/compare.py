"""Methods side by side: train, evaluate, measure cost."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densa import datasets, methods, reports
from densa.errors import InputError
from densa.metrics.intervals import IntervalRule, PairedComparison, UnitSums, compare_runs
from densa.networks import build
from densa.options import options_of, unknown_names, with_options
from densa.outputs import check_outputs, is_same
from densa.progress import Progress, progress_bar
from densa.reports.held_out import record_of_model
from densa.reports.process_memory import machine
from densa.reports.thumbnails import shrink_image, shrink_labels, thumbnail_size
from densa.reports.uncertainty.learning_curve import learning_curve_of
from densa.segmenter import load_segmenter, model_format, read_model
from densa.segmenter.inference import choose_device, choose_precision
from densa.shallow import SHALLOW
from densa.training.settings import TrainOptions
from densa.verbs.compare_plan import Entry, Plan, check_unseen, entries_of, plan, with_fractions
from densa.verbs.compare_runs import read_note, run_folder, state_of_run, train_runs
from densa.verbs.intervals import interval_rule, tell_units
from densa.verbs.settings import CompareOptions, Costs, Folding, Fractions, Intervals

__all__ = ["Comparing", "compare"]

_COST_SIZE, _COST_WIDTH, _COST_CLASSES, _COST_BANDS = (360, 480), 64, 11, 3  # CamVid, and the papers' width
_PICTURE_PX = 480
_NETWORK_FORMAT = "densa-network"


@dataclass(frozen=True)
class Row:
    """A method of the comparison, and what to measure its cost on."""

    method: reports.MethodRow
    measured: reports.Measured = field(default_factory=lambda: reports.Measured(None, 3, 2))


def compare(
    data: Path | str | None,
    models: Sequence[Path | str] | str,
    *,
    output: Path | str | None = None,
    train_config: Path | str | None = None,
    overwrite: bool = False,
    command: str | None = None,
    **options: Any,
) -> reports.Comparison:
    """Compare methods: accuracy, time, memory and size, on one page and in one table.

    Methods given by name are trained in OUTPUT/runs, networks with the same budget; runs that are finished there are
    not trained again. Cost is measured in float32 (or with precision="bfloat16"), in fresh processes for each method.

    Args:
        data: data set; None with `cost_only`.
        models: names of methods to train, and run or model folders; a sequence, or text with commas between them.
        output: folder of the page, the table and the runs; may be None with `cost_only`.
        train_config: a config.yaml of training to start from.
        overwrite: replace a comparison in `output`.
        command: the command of the comparison, for the page.
        **options: the options of `densa compare` and of `densa train`, by name, see the reference.

    Returns:
        The rows, and `page`, where it was written.

    Raises:
        InputError: options, data or methods that do not fit, an output that exists.

    Examples:
        >>> import densa
        >>> data = densa.datasets.coins("coins")
        >>> quick = {"trees": 2, "samples": 200, "accuracy_only": True, "pictures": 0}
        >>> found = densa.compare(data, ["pixel-forest"], output="report", **quick)
        >>> [row.name for row in found.rows], found.page.name
        (['pixel-forest'], 'comparison.html')
    """
    comparing = Comparing.of(data, models, output, train_config, overwrite, options)
    return comparing.run(command)


compare.__signature__ = with_options(compare, CompareOptions)  # type: ignore[attr-defined]


@dataclass(frozen=True)
class Comparing:
    """A comparison, checked before anything is trained.

    Args:
        entries: the methods.
        options: of the comparison.
        output: folder of the page; None measures cost alone, without data.
        plan: what is trained and evaluated; None without data.
        rows: of untrained methods, without data.
        cost: what cost is measured on; None where it is not.
        facts: for the page.
        overwrite: files may be replaced.
        rule: how intervals are computed; None for none.
    """

    entries: tuple[Entry, ...]
    options: CompareOptions
    output: Path | None
    plan: Plan | None
    rows: tuple[Row, ...]
    cost: reports.CostSettings | None
    facts: Mapping[str, object]
    overwrite: bool
    rule: IntervalRule | None = None

    @classmethod
    def of(
        cls,
        data: Path | str | None,
        models: Sequence[Path | str] | str,
        output: Path | str | None,
        train_config: Path | str | None,
        overwrite: bool,
        options: Mapping[str, Any],
        *,
        dry_run: bool = False,
    ) -> Comparing:
        """Check the arguments; with `dry_run` an output may exist."""
        if wrong := unknown_names(options, {**options_of(CompareOptions), **options_of(TrainOptions)}):
            raise InputError(wrong)
        own = CompareOptions.of(**{name: v for name, v in options.items() if name in options_of(CompareOptions)})
        of_compare = {
            *options_of(Costs), *options_of(Fractions), *options_of(Intervals), *options_of(Folding), "split"
        }  # fmt: skip
        training = {name: v for name, v in options.items() if name not in of_compare}
        if isinstance(own.classes, str):
            training["classes"] = own.classes
        _check_choices(own, data, output)
        entries = with_fractions(entries_of(models), own.fractions)
        folder = None if output is None else Path(output)
        if folder is not None:
            _check_output(folder, entries, overwrite=overwrite or dry_run)
        place = choose_device(own.device)
        choose_precision(own.precision, place)
        facts: dict[str, object] = dict(machine(place))
        found: Plan | None = None
        rows: tuple[Row, ...] = ()
        if data is None:
            shape = _shape(own)
            arguments = {"width": options.get("width") or _COST_WIDTH}
            rows = tuple(_untrained(entry, *shape, arguments) for entry in entries)
        else:
            config = None if train_config is None else Path(train_config)
            found = plan(entries, own.split, {**training, "data": Path(data)}, config)
            facts["data"] = str(data)
        size = own.size or (_COST_SIZE if found is None else found.chosen.size(0))
        precision = "bfloat16" if own.precision == "bfloat16" else "float32"
        cost = None if own.accuracy_only else reports.CostSettings(*size, own.batch, own.repeats, str(place), precision)
        rule = interval_rule(own, int(options.get("seed") or 0))
        return cls(entries, own, folder, found, rows, cost, facts, overwrite, rule)

    @property
    def shape(self) -> tuple[int, int]:
        """Bands and classes that cost is measured with."""
        if self.plan is None:
            return _shape(self.options)
        return self.plan.n_bands, self.plan.chosen.legend.n_classes

    def run(self, command: str | None = None) -> reports.Comparison:
        """Train, evaluate, measure, and write the page."""
        facts: dict[str, object] = ({"command": command} if command else {}) | dict(self.facts)
        rows, views, leading = list(self.rows), list[reports.SideBySide](), _leading(self.entries)
        paired: PairedComparison | None = None
        curves: tuple[reports.MethodCurve, ...] = ()
        if self.plan is not None and self.output is not None:
            entries = train_runs(self.plan, self.output, overwrite=self.overwrite)
            plan = replace(self.plan, entries=entries)
            rows, views, units = _evaluate_all(plan, self.output, self.options, self.rule)
            leading = _leading(entries)
            paired = _paired({name: found for name, found in units.items() if name in leading}, self.rule)
            curves = _curves(entries, {row.method.name: row.method for row in rows}, units, self)
        if self.cost is not None:
            n_bands, n_classes = self.shape
            facts["cost of"] = (
                f"{self.cost.height}x{self.cost.width} pixels, {n_bands} bands, {n_classes} classes, "
                f"{self.cost.precision}; training batch of {self.cost.batch}; least of {self.cost.repeats}"
            )
            with progress_bar("cost") as show:
                rows = _measure_all(rows, leading, self.cost, show)
        legend = None if self.plan is None else self.plan.chosen.legend
        measured_on = None if self.plan is None else self.plan.measured_on
        compared = tuple(row.method for row in rows)
        comparison = reports.Comparison(
            compared, legend, facts, tuple(views), measured_on=measured_on, paired=paired, curves=curves
        )
        if self.output is None:
            return comparison
        page = reports.write_comparison(comparison, self.output, overwrite=self.overwrite)
        return replace(comparison, page=page)

    def todo(self) -> dict[str, list[str]]:
        """The steps for each method, in words."""
        content: dict[str, list[str]] = {}
        for entry in self.entries:
            words = []
            if self.plan is not None and self.output is not None:
                words = [state_of_run(self.plan, entry, self.output)] if entry.method else []
                label, split = self.plan.measured_on.label, self.plan.split
                words.append(f"evaluate on {label}{split} ({len(self.plan.chosen)} images)")
            costs = self.cost is not None and entry.name in _leading(self.entries)
            content[entry.name] = words + (["measure cost"] if costs else [])
        return content


def _leading(entries: Sequence[Entry]) -> set[str]:
    """Names of the entries of which there is cost, and which are compared: each method on its most images."""
    return set({entry.method or entry.name: entry.name for entry in entries}.values())


def _check_output(folder: Path, entries: tuple[Entry, ...], *, overwrite: bool) -> None:
    """Refuse an output that exists, cannot be made, or whose runs would replace a model that is compared."""
    check_outputs([(path.name, path) for path in reports.check_comparison(folder, overwrite=overwrite)], ())
    runs = {run_folder(folder, entry.name) for entry in entries if entry.method}
    for entry in entries:
        if entry.folder is not None and any(is_same(entry.folder, run) for run in runs):
            raise InputError(f"{entry.folder} is a run of this comparison, which may replace it; choose another output")


def _shape(options: CompareOptions) -> tuple[int, int]:
    """Bands and classes of cost without data."""
    return options.bands or _COST_BANDS, options.classes if isinstance(options.classes, int) else _COST_CLASSES


def _check_choices(own: CompareOptions, data: Path | str | None, output: Path | str | None) -> None:
    if own.folds is not None or own.by is not None:
        raise InputError("folds and by are for all folds together: densa.cross_validate(..., folds=K)")
    if own.cost_only and own.accuracy_only:
        raise InputError("cost_only and accuracy_only exclude each other; leave both out to measure both")
    if own.cost_only and data is not None:
        raise InputError("cost_only measures without data; leave `data` out, or cost_only")
    if own.cost_only and own.fractions:
        raise InputError("fractions are of the training images, and cost_only trains nothing; leave one out")
    if not own.cost_only and (data is None or output is None):
        raise InputError("give `data` and `output`, or cost_only=True to measure cost without data")
    if own.cost_only and isinstance(own.classes, str):
        raise InputError(f"with cost_only, `classes` must be a number, got {own.classes}")
    if not own.cost_only and (own.bands or isinstance(own.classes, int)):
        raise InputError("`bands` and `classes` are for cost_only; the data has its own")


def _untrained(entry: Entry, n_bands: int, n_classes: int, arguments: dict[str, Any]) -> Row:
    """The row of a method whose cost alone is measured; a folder has its own bands and classes."""
    if entry.folder is not None:
        return _row_of_folder(entry.name, entry.folder)
    if entry.method in SHALLOW:
        raise InputError(
            f"the cost of {entry.name} depends on what it was trained on; give `models` the folder of a trained one"
        )
    return Row(
        reports.MethodRow(entry.name, entry.method), reports.Measured(entry.method, n_bands, n_classes, arguments)
    )


def _row_of_folder(name: str, folder: Path, **known: Any) -> Row:
    if model_format(folder) != _NETWORK_FORMAT:
        segmenter = load_segmenter(folder, build)
        measured = reports.Measured(None, segmenter.bands.n_bands, segmenter.legend.n_classes, folder=str(folder))
        return Row(reports.MethodRow(name, **known), measured)
    model = read_model(folder)
    measured = reports.Measured(
        model.architecture.name,
        model.bands.n_bands,
        model.legend.n_classes,
        dict(model.architecture.arguments),
        str(folder),
    )
    return Row(reports.MethodRow(name, model.architecture.name, **known), measured)


def _evaluate_all(
    plan: Plan, output: Path, options: CompareOptions, rule: IntervalRule | None
) -> tuple[list[Row], list[reports.SideBySide], dict[str, UnitSums]]:
    """Scores of every method on the same images, some of its label maps, and the sums of its units."""
    units = dict[str, UnitSums]()
    places = np.unique(np.linspace(0, len(plan.chosen) - 1, options.pictures).astype(int)).tolist()
    rows, maps = [], []
    for entry in plan.entries:
        folder = entry.folder or run_folder(output, entry.name)
        if entry.method:  # a finished run that was kept: the data may have changed since
            name = "train" if plan.measured_on.trained_on else plan.split
            check_unseen(folder, record_of_model(folder), plan.chosen, name)
        segmenter = methods.load(folder, device=options.device, precision=options.precision)
        kept: dict[int, NDArray[np.uint8]] = {}
        with progress_bar(f"evaluate {entry.name}") as progress:
            pairs = reports.pairs_of_predictions(segmenter, plan.chosen, progress=progress)
            evaluation = reports.evaluate_pairs(
                _keeping(pairs, places, kept), plan.chosen.legend, n_worst=0, intervals=rule, progress=progress
            )
        if evaluation.units is not None:
            units[entry.name] = evaluation.units
        note = read_note(folder) if entry.method else {}
        training = {key: note[key] for key in ("steps", "minutes") if key in note}
        known = {"accuracy": reports.Accuracy.of(evaluation), "intervals": evaluation.intervals, "training": training}
        rows.append(_row_of_folder(entry.name, folder, **known))
        maps.append(kept)
    views = [_side_by_side(plan.chosen, place, [kept[place] for kept in maps]) for place in places]
    if rows and (found := rows[0].method.intervals) is not None:
        tell_units(found)
    return rows, views, units


def _paired(units: Mapping[str, UnitSums], rule: IntervalRule | None) -> PairedComparison | None:
    """The methods compared on the same units; None for one method, or without intervals."""
    if rule is None or len(units) < 2:
        return None
    with progress_bar("differences") as progress:
        return compare_runs(units, rule=rule, progress=progress)


def _curves(
    entries: Sequence[Entry],
    rows: Mapping[str, reports.MethodRow],
    units: Mapping[str, UnitSums],
    comparing: Comparing,
) -> tuple[reports.MethodCurve, ...]:
    """The learning curve of each method; none where it was trained on all images only."""
    if comparing.options.fractions is None or comparing.output is None:
        return ()
    found = []
    for method in dict.fromkeys(entry.name if entry.method is None else entry.method for entry in entries):
        own = [entry for entry in entries if entry.method == method]
        records = [record_of_model(run_folder(comparing.output, entry.name)) for entry in own]
        images = [sum(image.split == "train" for image in record.images) for record in records]
        accuracies = [rows[entry.name].accuracy for entry in own]
        scores = [
            (np.nan if accuracy is None else accuracy.mean_iou, rows[entry.name].interval("mean_iou"))
            for accuracy, entry in zip(accuracies, own, strict=True)
        ]
        sums = [units[entry.name] for entry in own if entry.name in units]
        fractions = [entry.fraction or 1.0 for entry in own]
        found.append(learning_curve_of(method, fractions, images, scores, sums, comparing.rule))
    return tuple(found)


def _keeping(
    pairs: Iterable[reports.Pair], places: list[int], kept: dict[int, NDArray[np.uint8]]
) -> Iterator[reports.Pair]:
    """The pairs, with small label maps of those at `places` put into `kept`."""
    for place, pair in enumerate(pairs):
        if place in places:
            kept[place] = _small(pair.predicted)
        yield pair


def _small(labels: NDArray[Any]) -> NDArray[np.uint8]:
    return shrink_labels(labels, thumbnail_size(labels.shape, _PICTURE_PX)).astype(np.uint8)


def _side_by_side(dataset: datasets.Dataset, place: int, predicted: list[NDArray[np.uint8]]) -> reports.SideBySide:
    image, valid = dataset.image(place)
    picture = shrink_image(image, valid, thumbnail_size(valid.shape, _PICTURE_PX))
    return reports.SideBySide(dataset.samples[place].name, picture, _small(dataset.labels(place)), tuple(predicted))


def _measure_all(rows: list[Row], names: set[str], settings: reports.CostSettings, progress: Progress) -> list[Row]:
    """The rows, those of `names` with their cost; see `reports.measure_cost`."""
    done, total, measured = 0, 3 * len(names), []

    def step() -> None:
        nonlocal done
        done += 1
        progress(done, total)

    progress(0, total)
    for row in rows:
        if row.method.name not in names:
            measured.append(row)
            continue
        cost, notes = reports.measure_cost(row.measured, settings, progress=step)
        measured.append(replace(row, method=replace(row.method, cost=cost, notes=tuple(notes))))
    return measured
