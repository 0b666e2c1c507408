"""The data of a run: opened by its configuration, its splits checked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from densa import datasets
from densa.datasets import Dataset
from densa.datasets.class_table import ClassedPieces
from densa.datasets.splits.shares import share_of
from densa.datasets.strokes import open_strokes
from densa.datasets.strokes.holding_out import held_out_strokes
from densa.datasets.strokes.opening import width_of_strokes
from densa.datasets.strokes.reading import is_strokes
from densa.errors import InputError
from densa.settings import ClassSet, LabelReading, VectorLabels

if TYPE_CHECKING:
    from densa.training.config.config import TrainConfig

__all__ = ["checked_splits", "open_data"]


def open_data(config: TrainConfig, *, val_fraction: float | None) -> dict[str, Dataset]:
    """The splits by split file, folder, list or scene, or by strokes, unchecked; of training images `train_fraction`.

    `val_fraction`: where the data has no val split. Of one image, strokes or features are held out, where pixels that
    nothing covers have no label.

    Raises:
        InputError: invalid data, or options that strokes do not have.
    """
    splits = _open_all(config, val_fraction)
    if config.train_fraction is None or "train" not in splits:
        return splits
    return {**splits, "train": share_of(splits["train"], config.train_fraction, config.split_seed)}


def _open_all(config: TrainConfig, val_fraction: float | None) -> dict[str, Dataset]:
    vectors = config.part(VectorLabels)
    if config.strokes is not None:
        if config.labels is not None:
            raise InputError("strokes and labels are one thing, read by what the file is; leave out one of them")
        vectors = replace(vectors, labels=config.strokes)
    is_image = config.data.is_file()
    if vectors.labels is not None and is_strokes(vectors.labels, unclear=config.strokes is not None):
        return _open_strokes(config, vectors, val_fraction)
    if config.page is not None:
        raise InputError("page has no effect without strokes: every page of a stack is an image; leave it out")
    if is_image and not vectors.is_given:
        raise InputError(
            f"{config.data} is a file; give a folder of images and masks, or for one image strokes=FILE or labels=FILE"
        )
    fraction = 0.0 if is_image and config.split_file is None else val_fraction
    rule = datasets.SplitRule(val_fraction=fraction, seed=config.split_seed, file=config.split_file, fold=config.fold)
    reading = {**config.part(LabelReading).flat(), **config.part(ClassSet).flat()}
    opened = datasets.open(
        config.data,
        legend=config.legend,
        split=rule,
        images=config.images,
        masks=config.masks,
        align=config.align,
        bands=config.bands,
        labels=vectors,
        **reading,
    )
    if not is_image or config.split_file is not None:
        return opened
    return _with_held_out(opened, 0.2 if val_fraction is None else val_fraction, config)


def _with_held_out(opened: dict[str, Dataset], fraction: float, config: TrainConfig) -> dict[str, Dataset]:
    """Features held out to validate, of one image whose other pixels have no label."""
    train = opened["train"]
    if not fraction or not all(isinstance(s.drawn, ClassedPieces) and s.drawn.is_partial for s in train.samples):
        return opened
    splits, line = held_out_strokes(train, fraction, config.split_seed)
    return {name: replace(split, remarks=(*split.remarks, line)) for name, split in splits.items()}


def _open_strokes(config: TrainConfig, vectors: VectorLabels, val_fraction: float | None) -> dict[str, Dataset]:
    for name in ("images", "masks", "split_file", "fold"):
        if getattr(config, name) is not None:
            raise InputError(f"{name} has no effect with strokes, which are the labels; leave it out")
    if config.page is not None and config.data.is_dir():
        raise InputError(f"page is for strokes on one image, {config.data} is a folder; leave it out")
    return open_strokes(
        config.data,
        vectors.labels or "",
        legend=config.legend,
        bands=config.bands,
        page=config.page or 1,
        width=width_of_strokes(vectors),
        val_fraction=val_fraction,
        seed=config.split_seed,
    )


def checked_splits(
    splits: dict[str, Dataset], config: TrainConfig, tell: Callable[[str], None] = lambda line: None
) -> tuple[dict[str, Dataset], int]:
    """The training split and, where there is one, the validation split, both checked; and the number of bands.

    `tell` is called with a line for each decision in reading them.

    Raises:
        InputError: no training split, no validation split for `tune_crf`, or invalid images or masks.
    """
    if "train" not in splits:
        raise InputError(f"{config.data} has no training images; its splits: {', '.join(splits) or 'none'}")
    used: dict[str, Dataset] = {name: splits[name] for name in ("train", "val") if name in splits}
    if config.tune_crf and "val" not in used:
        raise InputError(f"a CRF is tuned on validation images, {config.data} has none; leave out tune_crf")
    if config.train_fraction is not None:
        tell(f"train_fraction {config.train_fraction:g}: trained on {len(used['train'])} images")
    return used, datasets.check(*used.values(), tell=tell, training=True)
