"""What a comparison trains and evaluates, and on which images: checked before anything is trained."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from densa import datasets, methods, reports
from densa.datasets.opening import chosen_name, open_whole
from densa.datasets.splits.record import SplitRecord
from densa.errors import InputError
from densa.networks import NETWORKS, build
from densa.options import options_of
from densa.progress import progress_bar
from densa.reports.held_out import held_out, record_of_model, trained_on, without_copies
from densa.segmenter import load_segmenter, model_format
from densa.shallow import SHALLOW, own_options
from densa.training import TrainConfig
from densa.training.config.data import open_data
from densa.training.settings import Data
from densa.verbs.inputs import reading_of
from densa.verbs.tell import tell

__all__ = ["Entry", "Plan", "check_unseen", "entries_of", "plan", "with_fractions"]

_SHARED = {*options_of(Data), "model", "tune_crf", "seed"} - {"split_block"}  # of networks and shallow methods


@dataclass(frozen=True)
class Entry:
    """A method of the comparison: the name of one to train, or the folder of a model.

    `fraction` is the share of the training images that it is trained on; None for all.
    """

    name: str
    method: str | None = None
    folder: Path | None = None
    fraction: float | None = None


@dataclass(frozen=True)
class Plan:
    """What is trained and evaluated; `configs` by the names of the entries to train."""

    entries: tuple[Entry, ...]
    configs: dict[str, TrainConfig]
    chosen: datasets.Dataset
    split: str
    n_bands: int
    measured_on: reports.MeasuredOn


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


def with_fractions(entries: Sequence[Entry], fractions: Sequence[float] | None) -> tuple[Entry, ...]:
    """Every method once for each share of the training images, in ascending order.

    Raises:
        InputError: a folder among the methods, which is trained already.
    """
    if fractions is None:
        return tuple(entries)
    if trained := [entry.name for entry in entries if entry.folder is not None]:
        raise InputError(
            f"fractions are of the images that methods are trained on, and {trained[0]} is trained already"
        )
    return tuple(
        entry if fraction == 1 else replace(entry, name=f"{entry.name}@{fraction:g}", fraction=fraction)
        for entry in entries
        for fraction in sorted(fractions)
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

    def config_of(model: str, **more: Any) -> TrainConfig:  # a recipe has other settings for each network
        if model in SHALLOW:  # which have no steps, patches or recipes
            own = own_options(model)
            kept = _SHARED | own if base is not None and base.is_shallow else _SHARED
            values = {key: value for key, value in stored.items() if key in kept and value is not None}
            values |= {key: value for key, value in given.items() if key in _SHARED | own}
            return TrainConfig.of(**values | {"model": model} | more)
        values = {**of_networks, "model": model, **more}
        return TrainConfig.of(**values) if train_config is None else TrainConfig.from_yaml(train_config, **values)

    if "train_fraction" in given and any(entry.fraction for entry in entries):
        raise InputError("fractions and train_fraction exclude each other; leave train_fraction out")
    configs = {
        entry.name: config_of(entry.method, **({"train_fraction": entry.fraction} if entry.fraction else {}))
        for entry in entries
        if entry.method
    }
    config = config_of(next((entry.method for entry in entries if entry.method), "unet"))
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
    for line in (*chosen.taken, *chosen.remarks):
        tell(line)
    with progress_bar("check the data") as progress:
        n_bands = datasets.check(chosen, progress=progress, tell=tell)
    return Plan(entries, configs, chosen, measured_on.split, n_bands, measured_on)


def _chosen(
    config: TrainConfig, split: str | None, records: Mapping[Path, SplitRecord], *, any_trained: bool
) -> tuple[datasets.Dataset, reports.MeasuredOn]:
    """The images of the comparison: held out by the split of the methods to train, or else not seen by any model."""
    if not any_trained:
        opened = open_whole(
            config.data,
            config.legend,
            images=config.images,
            masks=config.masks,
            align=config.align,
            reading=reading_of(config),
            split_file=config.split_file,
            fold=config.fold,
        )
        return held_out(opened, SplitRecord.merged(records.values()), split, config.data)
    splits = open_data(config, val_fraction=config.val_fraction)
    name = chosen_name(splits, split, config.data)
    chosen = splits[name]
    n_all, of_training = len(chosen), name == "train"
    if not of_training and "train" in splits:
        unseen = without_copies(chosen, splits["train"])
        chosen, of_training = unseen or chosen, unseen is None
    for folder, record in records.items():
        check_unseen(folder, record, chosen, "train" if of_training else name)
    unknown = [reason for record in records.values() for reason in record.unknown]
    notes = ["trained on" if of_training else "not trained on"]
    notes += [f"but it is not known what all models were trained on: {'; '.join(unknown)}"] if unknown else []
    notes += ["the weights were chosen on them"] if name == "val" else []
    notes += [f"{n_all - len(chosen)} copies of training images left out"] if len(chosen) < n_all else []
    known = True if of_training else None if unknown else False
    n = sum(map(len, splits.values()))
    return chosen, reports.MeasuredOn(name, len(chosen), n, known, "; ".join(notes), taken=chosen.taken)


def check_unseen(folder: Path, record: SplitRecord, chosen: datasets.Dataset, split: str) -> None:
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
