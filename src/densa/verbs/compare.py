"""Methods side by side: train, evaluate, measure cost."""

from __future__ import annotations

import difflib
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densa import datasets, methods, reports
from densa.datasets.splits.record import SplitRecord
from densa.errors import InputError
from densa.networks import NETWORKS, build
from densa.options import options_of, unknown_names, with_options
from densa.outputs import check_outputs, is_same
from densa.progress import Progress, progress_bar
from densa.raster import atomic_output
from densa.reports.held_out import held_out, open_whole, record_of_model, trained_on, without_copies
from densa.reports.process_memory import machine
from densa.reports.thumbnails import shrink_image, shrink_labels, thumbnail_size
from densa.segmenter import load_segmenter, model_format, read_model
from densa.segmenter.inference import choose_device, choose_precision
from densa.shallow import SHALLOW, own_options
from densa.training import TrainConfig, train_from_config
from densa.training.settings import Data, TrainOptions
from densa.verbs.settings import CompareOptions, Costs
from densa.verbs.tell import tell

__all__ = ["Comparing", "Entry", "Plan", "compare", "entries_of", "plan", "state_of_run"]

_COST_SIZE, _COST_WIDTH, _COST_CLASSES, _COST_BANDS = (360, 480), 64, 11, 3  # CamVid, and the papers' width
_PICTURE_PX = 480
_NETWORK_FORMAT = "densa-network"
_SHARED = {*options_of(Data), "model", "tune_crf", "seed"} - {"split_block"}  # of networks and shallow methods


@dataclass(frozen=True)
class Entry:
    """A method of the comparison: the name of one to train, or the folder of a model."""

    name: str
    method: str | None = None
    folder: Path | None = None


@dataclass(frozen=True)
class Plan:
    """What is trained and evaluated; `configs` by the names of the methods to train."""

    entries: tuple[Entry, ...]
    configs: dict[str, TrainConfig]
    chosen: datasets.Dataset
    split: str
    n_bands: int
    measured_on: reports.MeasuredOn


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
    """

    entries: tuple[Entry, ...]
    options: CompareOptions
    output: Path | None
    plan: Plan | None
    rows: tuple[Row, ...]
    cost: reports.CostSettings | None
    facts: Mapping[str, object]
    overwrite: bool

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
        training = {name: v for name, v in options.items() if name not in set(options_of(Costs)) | {"split"}}
        _check_choices(own, data, output)
        entries = entries_of(models)
        folder = None if output is None else Path(output)
        if folder is not None:
            _check_output(folder, entries, overwrite=overwrite or dry_run)
        place = choose_device(own.device)
        choose_precision(own.precision, place)
        facts: dict[str, object] = dict(machine(place))
        found: Plan | None = None
        rows: tuple[Row, ...] = ()
        if data is None:
            shape = (own.bands or _COST_BANDS, own.classes or _COST_CLASSES)
            arguments = {"width": options.get("width") or _COST_WIDTH}
            rows = tuple(_untrained(entry, *shape, arguments) for entry in entries)
        else:
            config = None if train_config is None else Path(train_config)
            found = plan(entries, own.split, {**training, "data": Path(data)}, config)
            facts["data"] = str(data)
        size = own.size or (_COST_SIZE if found is None else found.chosen.size(0))
        precision = "bfloat16" if own.precision == "bfloat16" else "float32"
        cost = None if own.accuracy_only else reports.CostSettings(*size, own.batch, own.repeats, str(place), precision)
        return cls(entries, own, folder, found, rows, cost, facts, overwrite)

    @property
    def shape(self) -> tuple[int, int]:
        """Bands and classes that cost is measured with."""
        if self.plan is None:
            return self.options.bands or _COST_BANDS, self.options.classes or _COST_CLASSES
        return self.plan.n_bands, self.plan.chosen.legend.n_classes

    def run(self, command: str | None = None) -> reports.Comparison:
        """Train, evaluate, measure, and write the page."""
        facts: dict[str, object] = ({"command": command} if command else {}) | dict(self.facts)
        rows, views = list(self.rows), list[reports.SideBySide]()
        if self.plan is not None and self.output is not None:
            _train_all(self.plan, self.output, overwrite=self.overwrite)
            rows, views = _evaluate_all(self.plan, self.output, self.options)
        if self.cost is not None:
            n_bands, n_classes = self.shape
            facts["cost of"] = (
                f"{self.cost.height}x{self.cost.width} pixels, {n_bands} bands, {n_classes} classes, "
                f"{self.cost.precision}; training batch of {self.cost.batch}; least of {self.cost.repeats}"
            )
            with progress_bar("cost") as show:
                rows = _measure_all(rows, self.cost, show)
        legend = None if self.plan is None else self.plan.chosen.legend
        measured_on = None if self.plan is None else self.plan.measured_on
        methods = tuple(row.method for row in rows)
        comparison = reports.Comparison(methods, legend, facts, tuple(views), measured_on=measured_on)
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
            content[entry.name] = words + (["measure cost"] if self.cost is not None else [])
        return content


def _check_output(folder: Path, entries: tuple[Entry, ...], *, overwrite: bool) -> None:
    """Refuse an output that exists, cannot be made, or whose runs would replace a model that is compared."""
    check_outputs([(path.name, path) for path in reports.check_comparison(folder, overwrite=overwrite)], ())
    runs = {folder / "runs" / entry.name for entry in entries if entry.method}
    for entry in entries:
        if entry.folder is not None and any(is_same(entry.folder, run) for run in runs):
            raise InputError(f"{entry.folder} is a run of this comparison, which may replace it; choose another output")


def _check_choices(own: CompareOptions, data: Path | str | None, output: Path | str | None) -> None:
    if own.cost_only and own.accuracy_only:
        raise InputError("cost_only and accuracy_only exclude each other; leave both out to measure both")
    if own.cost_only and data is not None:
        raise InputError("cost_only measures without data; leave `data` out, or cost_only")
    if not own.cost_only and (data is None or output is None):
        raise InputError("give `data` and `output`, or cost_only=True to measure cost without data")
    if not own.cost_only and (own.bands or own.classes):
        raise InputError("`bands` and `classes` are for cost_only; the data has its own")


def entries_of(models: Sequence[Path | str] | str) -> tuple[Entry, ...]:
    """The methods of a comparison.

    Raises:
        InputError: no method, one given twice, or neither a method nor the folder of a model.
    """
    listed = models.split(",") if isinstance(models, str) else map(str, models)
    names = [name.strip() for name in listed if name.strip()]
    if not names:
        raise InputError("give `models`, such as models=segnet,unet or the folder of a trained model")
    entries = [_entry(name) for name in names]
    keys = [entry.method or (entry.folder or Path()).resolve() for entry in entries]
    if twice := [name for place, name in enumerate(names) if keys[place] in keys[:place]]:
        raise InputError(f"`models` names {twice[0]} twice; name every method once")
    short = [entry.name for entry in entries]
    # Folders are named by their last part where that is unique.
    return tuple(
        replace(entry, name=str(entry.folder)) if entry.folder and short.count(entry.name) > 1 else entry
        for entry in entries
    )


def _entry(name: str) -> Entry:
    if name in NETWORKS or name in SHALLOW:
        return Entry(name, method=name)
    if (folder := Path(name)).exists():
        model_format(folder)
        return Entry(folder.resolve().name, folder=folder)
    if name in methods.METHODS and methods.METHODS[name].kind == "regions":
        raise InputError(f"{name} divides an image into regions and names no classes; compare takes trained methods")
    known = [*NETWORKS, *SHALLOW]
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.4)
    mend = f"did you mean {' or '.join(near)}?" if near else f"choose from {', '.join(sorted(known))}"
    raise InputError(f"`models` has {name!r}, which is neither a method to train nor the folder of a model; {mend}")


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


def plan(entries: tuple[Entry, ...], split: str | None, given: dict[str, Any], train_config: Path | None) -> Plan:
    """Open and check the data, and check that every method fits it, before anything is trained.

    Args:
        entries: the methods.
        split: "train", "val", "test", or None for the first of test and val that has masks.
        given: options of training, `data` among them.
        train_config: a config.yaml that the options change, or None.

    Raises:
        InputError: wrong options or data; a split by block; a model of another legend, or one that saw other images in
            its training.
    """
    given = {key: value for key, value in given.items() if value is not None}
    shallow = [entry.method for entry in entries if entry.method in SHALLOW]
    of_shallow = {name for method in shallow for name in own_options(method)}
    of_networks = {key: value for key, value in given.items() if key not in of_shallow}
    base = None if train_config is None else TrainConfig.from_yaml(train_config, **of_networks)
    if base is not None and train_config is not None:
        _check_no_blocks(train_config, base)
    stored = {} if base is None else base.flat()

    def config_of(model: str) -> TrainConfig:  # a recipe has other settings for each network
        if model in SHALLOW:  # which have no steps, patches or recipes
            own = own_options(model)
            kept = _SHARED | own if base is not None and base.is_shallow else _SHARED
            values = {key: value for key, value in stored.items() if key in kept and value is not None}
            values |= {key: value for key, value in given.items() if key in _SHARED | own}
            return TrainConfig.of(**values | {"model": model})
        values = {**of_networks, "model": model}
        return TrainConfig.of(**values) if train_config is None else TrainConfig.from_yaml(train_config, **values)

    configs = {entry.method: config_of(entry.method) for entry in entries if entry.method}
    config = next(iter(configs.values()), None) or config_of("unet")
    records = {entry.folder: record_of_model(entry.folder) for entry in entries if entry.folder is not None}
    chosen, measured_on = _chosen(config, split, records, any_trained=bool(configs))
    names = chosen.legend.class_names
    for folder in records:
        found = load_segmenter(folder, build, device="cpu").legend.class_names
        if found != names:
            raise InputError(
                f"{folder} labels the classes {', '.join(found)}; {config.data} has {', '.join(names)}; "
                "compare models of one legend (legend=FILE)"
            )
    for line in chosen.remarks:
        tell(line)
    with progress_bar("check the data") as progress:
        n_bands = datasets.check(chosen, progress=progress, tell=tell)
    return Plan(entries, configs, chosen, measured_on.split, n_bands, measured_on)


def _chosen(
    config: TrainConfig, split: str | None, records: Mapping[Path, SplitRecord], *, any_trained: bool
) -> tuple[datasets.Dataset, reports.MeasuredOn]:
    """The images of the comparison: held out by the split of the methods to train, or else not seen by any model."""
    if not any_trained:
        opened = open_whole(config.data, config.legend, images=config.images, masks=config.masks, align=config.align)
        return held_out(opened, SplitRecord.merged(records.values()), split, config.data)
    rule = datasets.SplitRule(val_fraction=config.val_fraction, seed=config.split_seed)
    folders = {"images": config.images, "masks": config.masks}
    splits = datasets.open(
        config.data, legend=config.legend, split=rule, align=config.align, bands=config.bands, **folders
    )
    chosen = datasets.choose_split(splits, split, config.data)
    name = next(name for name, value in splits.items() if value is chosen)
    n_all, of_training = len(chosen), name == "train"
    if not of_training and "train" in splits:
        unseen = without_copies(chosen, splits["train"])
        chosen, of_training = unseen or chosen, unseen is None
    for folder, record in records.items():
        _check_unseen(folder, record, chosen, "train" if of_training else name)
    unknown = [reason for record in records.values() for reason in record.unknown]
    notes = ["trained on" if of_training else "not trained on"]
    notes += [f"but it is not known what all models were trained on: {'; '.join(unknown)}"] if unknown else []
    notes += ["the weights were chosen on them"] if name == "val" else []
    notes += [f"{n_all - len(chosen)} copies of training images left out"] if len(chosen) < n_all else []
    known = True if of_training else None if unknown else False
    return chosen, reports.MeasuredOn(name, len(chosen), sum(map(len, splits.values())), known, "; ".join(notes))


def _check_unseen(folder: Path, record: SplitRecord, chosen: datasets.Dataset, split: str) -> None:
    """Refuse a model that was trained on some of the images that it is compared on."""
    n_seen = sum(trained_on(record, chosen)) if split != "train" else 0
    if n_seen:
        file = folder / "config.yaml"
        other = f"give train_config={file}, " if file.exists() else ""
        raise InputError(
            f"{folder} held out other images: it was trained on {n_seen} of the {len(chosen)} images of this "
            f"comparison ({split}); {other}compare trained models alone, or train it again"
        )


def _check_no_blocks(file: Path, config: TrainConfig) -> None:
    """Refuse a split by block: buffers follow from the receptive field, so methods would have different splits."""
    if config.split_block is not None:
        raise InputError(
            f"methods are compared on images that none was trained on, {file} splits the images themselves into blocks "
            f"(split_block {config.split_block}); evaluate each run by itself with densa evaluate"
        )


def state_of_run(plan: Plan, entry: Entry, output: Path) -> str:
    """The step that trains a method, as words that begin with "keep", "train", "continue" or "replace"."""
    folder = output / "runs" / entry.name
    wanted = plan.configs[entry.method or ""].to_yaml()
    if _finished(folder) == wanted:
        return f"keep the finished run {folder}"
    if not folder.exists():
        return f"train {folder}"
    if _config_of(folder) == wanted != _read_record(folder).get("config"):
        return f"continue {folder}"
    return f"replace {folder}, of other settings"


def _train_all(plan: Plan, output: Path, *, overwrite: bool = False) -> None:
    """Train the methods that are not finished, one after the other.

    Raises:
        InputError: a run of other settings exists and `overwrite` is false, or training fails.
    """
    trained = [entry for entry in plan.entries if entry.method]
    states = {entry.name: state_of_run(plan, entry, output) for entry in trained}
    if not overwrite and (other := [name for name, state in states.items() if state.startswith("replace")]):
        raise InputError(
            f"{output / 'runs' / other[0]} was trained with other settings; give another folder or overwrite=True"
        )
    for number, entry in enumerate(trained, 1):
        state, folder = states[entry.name], output / "runs" / entry.name
        print(f"{number} of {len(trained)}: {state}", file=sys.stderr)
        if state.startswith("keep"):
            continue
        config = plan.configs[entry.method or ""]
        checkpoint = folder / "checkpoints" / "last.safetensors"
        resume = state.startswith("continue") and checkpoint.exists()
        folder.parent.mkdir(parents=True, exist_ok=True)
        if _finished(folder) is None:  # that of a finished run stays: the run comes back where this training fails
            _record(folder).unlink(missing_ok=True)
        result = train_from_config(config, folder, resume=resume, overwrite=not resume and folder.exists())
        record = {"config": config.to_yaml(), "steps": result.steps, "minutes": round(result.seconds / 60, 2)}
        with atomic_output(_record(folder), overwrite=True) as temporary:
            temporary.write_text(json.dumps(record, indent=2), encoding="utf-8", errors="backslashreplace")


def _record(folder: Path) -> Path:
    """The file beside a finished run that holds its configuration."""
    return folder.with_name(f"{folder.name}.json")


def _finished(folder: Path) -> str | None:
    """The configuration that a finished run was trained with; the record may be of a run that was replaced since."""
    noted: str | None = _read_record(folder).get("config")
    return noted if (folder / "model.json").exists() and noted == _config_of(folder) else None


def _config_of(folder: Path) -> str | None:
    """The configuration in a run folder."""
    try:
        return (folder / "config.yaml").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def _read_record(folder: Path) -> dict[str, Any]:
    try:
        record = json.loads(_record(folder).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def _evaluate_all(plan: Plan, output: Path, options: CompareOptions) -> tuple[list[Row], list[reports.SideBySide]]:
    """Scores of every method on the same images, and some of its label maps."""
    places = np.unique(np.linspace(0, len(plan.chosen) - 1, options.pictures).astype(int)).tolist()
    rows, maps = [], []
    for entry in plan.entries:
        folder = entry.folder or output / "runs" / entry.name
        if entry.method:  # a finished run that was kept: the data may have changed since
            name = "train" if plan.measured_on.trained_on else plan.split
            _check_unseen(folder, record_of_model(folder), plan.chosen, name)
        segmenter = methods.load(folder, device=options.device, precision=options.precision)
        kept: dict[int, NDArray[np.uint8]] = {}
        with progress_bar(f"evaluate {entry.name}") as progress:
            pairs = reports.pairs_of_predictions(segmenter, plan.chosen, progress=progress)
            evaluation = reports.evaluate_pairs(_keeping(pairs, places, kept), plan.chosen.legend, n_worst=0)
        record = _read_record(folder) if entry.method else {}
        training = {key: record[key] for key in ("steps", "minutes") if key in record}
        rows.append(_row_of_folder(entry.name, folder, accuracy=reports.Accuracy.of(evaluation), training=training))
        maps.append(kept)
    return rows, [_side_by_side(plan.chosen, place, [kept[place] for kept in maps]) for place in places]


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


def _measure_all(rows: list[Row], settings: reports.CostSettings, progress: Progress) -> list[Row]:
    """The rows with their cost; see `reports.measure_cost`."""
    done, total, measured = 0, 3 * len(rows), []

    def step() -> None:
        nonlocal done
        done += 1
        progress(done, total)

    progress(0, total)
    for row in rows:
        cost, notes = reports.measure_cost(row.measured, settings, progress=step)
        measured.append(replace(row, method=replace(row.method, cost=cost, notes=tuple(notes))))
    return measured
