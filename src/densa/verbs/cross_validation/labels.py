"""Labels against a model: a trained one, or one for each fold that has not seen the images that it judges."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from densa.datasets import Dataset, SplitRule
from densa.datasets.opening import open_dataset, open_whole
from densa.doctor.doubts.label_errors import LabelDoubts, examine_labels, merged
from densa.errors import InputError
from densa.networks import build
from densa.options import options_of
from densa.progress import progress_bar
from densa.reports.held_out import own_folders, own_reading, record_of_model, trained_on
from densa.reports.measured_on import MeasuredOn
from densa.segmenter import load_segmenter
from densa.training import TrainConfig
from densa.verbs.compare_plan import Entry, Plan
from densa.verbs.compare_runs import run_folder, train_runs
from densa.verbs.inputs import reading_of
from densa.verbs.settings import DoctorOptions, SplitOptions
from densa.verbs.split import split
from densa.verbs.tell import tell

if TYPE_CHECKING:
    from densa.datasets import SplitFile

__all__ = ["label_doubts"]


def label_doubts(
    run: Path, data: Path, settings: DoctorOptions, *, output: Path | None = None, progress: bool = True
) -> LabelDoubts:
    """Rank images, regions and classes by how much their labels disagree with a model.

    Args:
        run: a run or model folder; with `settings.folds` a run, whose configuration trains a model for each fold.
        data: folder of images and masks.
        settings: of `densa doctor`.
        output: folder of the report, where the models of the folds are kept; None: they are removed.
        progress: show progress bars, and what was decided, on stderr.

    Raises:
        InputError: no model, other classes, or data that cannot be divided.
    """
    if settings.folds is not None:
        return _by_folds(run, data, settings, output, progress)
    segmenter = load_segmenter(run, build)
    opened = open_whole(data, settings.legend or segmenter.legend, **_how(run, data, settings))
    dataset = _pooled(list(opened.values()))
    record = record_of_model(run)
    seen: Sequence[bool | None] = trained_on(record, dataset)
    n_seen = sum(map(bool, seen))
    if record.unknown and not n_seen:
        seen = [None] * len(dataset)
    if n_seen and progress:
        tell(
            f"{run} was trained on {n_seen} of the {len(dataset)} images, and repeats their labels, right or wrong: "
            "--folds 5 trains models that have not seen the images they judge"
        )
    elif record.unknown and progress:
        tell(f"it is not known whether {run} was trained on these images ({record.unknown[0]})")
    with progress_bar("labels against the model", shown=progress) as show:
        found = examine_labels(segmenter, dataset, seen=seen, progress=show)
    return replace(found, source=str(run))


def _by_folds(run: Path, data: Path, settings: DoctorOptions, output: Path | None, progress: bool) -> LabelDoubts:
    """Every image is judged by the model that was trained on the other folds."""
    file = run / "config.yaml"
    if not file.is_file():
        raise InputError(f"{run} has no config.yaml to train by; give a run of `densa train`, or leave folds out")
    stored = TrainConfig.from_yaml(file)
    if stored.strokes is not None:
        raise InputError(f"{run} was trained on strokes of one image, which has no folds; leave folds out")
    own = {name: value for name, value in settings.flat().items() if name in options_of(SplitOptions) and value}
    own.pop("model", None)
    splits = split(data, **{**own, "by": "scene", "folds": settings.folds}, progress=progress)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory())) if output is None else output / "label_folds"
        folder.mkdir(parents=True, exist_ok=True)
        path = splits.write(folder / "splits.json", overwrite=True)
        parts = [
            _of_fold(fold, run, data, settings, splits, path, folder, progress) for fold in range(settings.folds or 0)
        ]
    legend = parts[0][1].legend
    what = f"models like {run}, each trained on the other of {settings.folds} folds"
    return merged([doubts for doubts, _ in parts], legend, what)


def _of_fold(
    fold: int,
    run: Path,
    data: Path,
    settings: DoctorOptions,
    splits: SplitFile,
    path: Path,
    folder: Path,
    progress: bool,
) -> tuple[LabelDoubts, Dataset]:
    """Train on the other folds, unless that is done, and judge the labels of this one."""
    given = {name: value for name, value in settings.flat().items() if name in options_of(TrainConfig) and value}
    given.pop("model", None)
    given |= {"data": data, "split_file": path, "fold": fold, "val_fraction": None, "split_block": None}
    config = TrainConfig.from_yaml(run / "config.yaml", **given)
    opened = open_dataset(
        data,
        legend=config.legend,
        split=SplitRule(file=path, fold=fold),
        **{name: value for name, value in _how(run, data, settings).items() if name != "reading"},
        **_how(run, data, settings)["reading"],
    )
    if progress:
        print(f"fold {fold + 1} of {splits.folds}", file=sys.stderr)
    held = opened["val"]
    on = MeasuredOn("val", len(held), len(splits.entries), False)
    plan = Plan((Entry(config.model, method=config.model),), {config.model: config}, held, "val", held.n_bands, on)
    place = folder / str(fold)
    train_runs(plan, place, overwrite=True)
    segmenter = load_segmenter(run_folder(place, config.model), build)
    with progress_bar("labels against the model", shown=progress) as show:
        found = examine_labels(segmenter, held, seen=[False] * len(held), progress=show)
    return found, held


def _how(run: Path, data: Path, settings: DoctorOptions) -> dict[str, Any]:
    """How the data is opened: as the options say, or else as the run opened its own."""
    folders = {name: getattr(settings, name) for name in ("images", "masks") if getattr(settings, name) is not None}
    reading = {**own_reading(run), **reading_of(settings)}
    return {**(folders or own_folders(run, data)), "align": settings.align, "reading": reading}


def _pooled(opened: Sequence[Dataset]) -> Dataset:
    """All images with a mask, whatever their split."""
    samples = tuple(sample for dataset in opened for sample in dataset.samples if sample.mask is not None)
    if not samples:
        raise InputError("no image has a mask whose labels could be examined")
    return replace(opened[0], samples=samples, _all_valid={}, _grids={}, _places={}, _mask_places={})
