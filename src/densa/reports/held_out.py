"""Choice of what a model is measured on: the images of a data set that it was not trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from densa.datasets import Dataset, WindowDataset, choose_split, describe_split
from densa.datasets.opening import WHOLE
from densa.datasets.splits.record import RecordedImage, SplitRecord
from densa.errors import InputError
from densa.raster import Window
from densa.raster.grid import overlap
from densa.reports.measured_on import MeasuredOn
from densa.segmenter import model_format, read_ensemble
from densa.segmenter.ensemble_folder import FORMAT as ENSEMBLE
from densa.training import TrainConfig, open_splits

__all__ = ["held_out", "own_folders", "own_reading", "record_of_model", "trained_on", "without_copies"]

_UNKNOWN = "not known which images the model was trained on"


def record_of_model(folder: Path | str) -> SplitRecord:
    """What is known of the images that a model was trained on, of all members of an ensemble.

    Without a `split.json`, the splits of a config.yaml whose data is still there are opened again.
    """
    folder = Path(folder)
    if model_format(folder) == ENSEMBLE:
        return SplitRecord.merged(record_of_model(member) for member in read_ensemble(folder).members)
    record = SplitRecord.read(folder)
    if record is not None:
        return record
    file = folder / "config.yaml"
    try:
        if file.is_file() and (config := TrainConfig.from_yaml(file)).strokes is None:
            return SplitRecord.of(describe_split(open_splits(config)), str(file))
    except InputError:  # the data has moved
        pass
    return SplitRecord(unknown=(f"{folder} has no split.json",))


def own_folders(model: Path, data: Path) -> dict[str, Path]:
    """The names that a run gives to the folders of images and masks, where the data has such folders."""
    if not (model / "config.yaml").is_file():
        return {}
    config = TrainConfig.from_yaml(model / "config.yaml")
    named = {"images": config.images, "masks": config.masks}
    found = {name: folder for name, folder in named.items() if folder is not None and not folder.is_absolute()}
    return found if len(found) == 2 and all((data / folder).is_dir() for folder in found.values()) else {}


def own_reading(model: Path) -> dict[str, bool]:
    """How a run reads labels, as far as its data and others are read so: masks that number objects."""
    if not (model / "config.yaml").is_file():
        return {}
    return {"instances": True} if TrainConfig.from_yaml(model / "config.yaml").instances else {}


def trained_on(record: SplitRecord, dataset: Dataset) -> list[bool]:
    """Whether a model was trained on each image of a data set, or on a part of it."""
    return [any(image.split == "train" for image in found) for found in _found(record, dataset)]


def _found(record: SplitRecord, dataset: Dataset) -> list[list[RecordedImage]]:
    """What the record says of each image; of a window, what it says of parts that overlap it."""
    found = record.find(dataset.samples)
    if not isinstance(dataset, WindowDataset):
        return found
    return [
        [image for image in images if image.window is None or overlap(image.window, window)]
        for images, window in zip(found, dataset.windows, strict=True)
    ]


def without_copies(dataset: Dataset, train: Dataset) -> Dataset | None:
    """The images of a data set that are not images of another one under other names; None where all of them are."""
    record = SplitRecord.of(describe_split({"train": train}), "the training images")
    pieces = [_Piece(i, None, "") for i, seen in enumerate(trained_on(record, dataset)) if not seen]
    return _subset(dataset, pieces) if pieces else None


@dataclass(frozen=True)
class _Piece:
    """An image or a window of it: its number in a data set, and its split in training, "" where it is new."""

    number: int
    window: Window | None
    split: str


def held_out(
    opened: Mapping[str, Dataset], record: SplitRecord, split: str | None, data: Path | str
) -> tuple[Dataset, MeasuredOn]:
    """Choose what a model is measured on: images of a data set that it was not trained on.

    Args:
        opened: the data set's splits, see `densa.datasets.opening.open_whole`.
        record: of the model.
        split: "train", "val" or "test", of the data set or else of the run; None for the first of test, val and train
            that has images with masks that were not trained on, or all of them where the data set has no splits.
        data: the data set as the user named it.

    Returns:
        The images, or windows of them where the run split scenes into blocks; and a description. Images that were
        trained on are part of them only where `split` is "train", or where there are no others.

    Raises:
        InputError: there are no such images.
    """
    own = _own_splits(opened, split, data)
    trained: list[tuple[str, list[_Piece]]] = []
    for name in own:
        pieces = _pieces(record, opened[name])
        chosen = [piece for piece in pieces if _is_wanted(piece, name, split)]
        if chosen and (split is not None or all(opened[name].samples[piece.number].mask for piece in chosen)):
            return _measured(opened, name, chosen, pieces, record)
        if split in (None, name) and (seen := [piece for piece in pieces if piece.split == "train"]):
            trained.append((name, seen))
    if trained:
        name, seen = trained[-1]
        return _measured(opened, name, seen, seen, record)
    if split is not None:
        raise InputError(f"{data} has no images of the split {split!r}; leave split out to measure on what it has")
    choose_split(dict(opened), None, data)  # says that masks are missing
    raise InputError(f"{data} holds no images to measure on")


def _is_wanted(piece: _Piece, own: str, split: str | None) -> bool:
    """Whether a piece of the data set's split `own` is of the requested one."""
    if split == "train":
        return piece.split == "train" or (own == "train" and not piece.split)
    return piece.split != "train" if split in (None, own) else piece.split == split


def _own_splits(opened: Mapping[str, Dataset], split: str | None, data: Path | str) -> Sequence[str]:
    """The data set's own splits to look for images in, the first choice first."""
    if WHOLE in opened or split is None:
        return [name for name in (WHOLE, "test", "val", "train") if name in opened]
    if split not in opened and (split != "val" or "train" not in opened):
        raise InputError(f"{data} has no split {split!r}; choose from {', '.join(opened)}")
    return [split if split in opened else "train"]  # a run may have held validation images out of them


def _pieces(record: SplitRecord, dataset: Dataset) -> list[_Piece]:
    """The images of a data set, those that a run split into blocks as windows; windows are not divided further."""
    found = _found(record, dataset)
    if isinstance(dataset, WindowDataset):
        splits = [{image.split for image in images} for images in found]
        first = [next((name for name in ("train", "val", "test") if name in own), "") for own in splits]
        return [_Piece(number, None, split) for number, split in enumerate(first)]
    return [
        _Piece(number, window, split)
        for number, images in enumerate(found)
        for split, window in _split_in_training(images)
    ]


def _split_in_training(found: Sequence[RecordedImage]) -> list[tuple[str, Window | None]]:
    """The split of an image or of its windows; what was trained on under any name is not held out."""
    if not found:
        return [("", None)]
    windows = [image for image in found if image.window is not None]
    whole = [image.split for image in found if image.window is None]
    if "train" in whole or not windows:
        return [(next(split for split in ("train", "val", "test") if split in whole), None)]
    kept: list[tuple[str, Window]] = []
    for split in ("train", "val", "test"):
        for image in windows:
            window = image.window
            if image.split != split or window is None or (split, window) in kept:
                continue
            if split == "train" or not any(overlap(window, other) for _, other in kept):
                kept.append((split, window))
    return list(kept)


def _measured(
    opened: Mapping[str, Dataset], own: str, chosen: list[_Piece], pieces: list[_Piece], record: SplitRecord
) -> tuple[Dataset, MeasuredOn]:
    """The chosen pieces of a split of the data set as a data set of their own, and their description."""
    n_trained = sum(piece.split == "train" for piece in chosen)
    n_left = len({p.number for p in pieces if p.split == "train"} - {p.number for p in chosen})
    notes = []
    if n_trained:
        notes.append("trained on" if n_trained == len(chosen) else f"{n_trained} of them trained on")
    else:
        notes.append(f"{_UNKNOWN}: {'; '.join(record.unknown)}" if record.unknown else "not trained on")
    if any(piece.split == "val" for piece in chosen):
        notes.append("the weights were chosen on the validation images")
    if n_left:
        notes.append(f"{n_left} training image{'s' if n_left > 1 else ''} left out")
    measured = MeasuredOn(
        _name(own, {piece.split for piece in chosen}),
        len(chosen),
        sum(map(len, opened.values())),
        True if n_trained else None if record.unknown else False,
        "; ".join(notes),
        isinstance(opened[own], WindowDataset) or any(piece.window is not None for piece in chosen),
        opened[own].taken,
    )
    return _subset(opened[own], chosen), measured


def _name(own: str, splits: set[str]) -> str:
    """The name of what is measured, of the data set's own split and the splits in training."""
    if own in ("test", "val") or splits == {""}:
        return own
    return "train" if "train" in splits else splits.pop() if len(splits) == 1 else "held out"


def _subset(dataset: Dataset, chosen: Sequence[_Piece]) -> Dataset:
    """Images of a data set, or windows of them."""
    if any(piece.window is not None for piece in chosen):
        whole = {p.number: Window(0, 0, *dataset.size(p.number)) for p in chosen if p.window is None}
        return WindowDataset.of(dataset, [(p.number, p.window or whole[p.number]) for p in chosen])
    numbers = [piece.number for piece in chosen]
    return dataset if numbers == list(range(len(dataset))) else dataset.subset(numbers)
