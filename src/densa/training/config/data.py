"""The data of a run: opened by its configuration, its splits checked."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from densa import datasets
from densa.datasets import Dataset
from densa.datasets.strokes import open_strokes
from densa.errors import InputError
from densa.settings import ClassSet, LabelReading, VectorLabels

if TYPE_CHECKING:
    from densa.training.config.config import TrainConfig

__all__ = ["checked_splits", "open_data"]


def open_data(config: TrainConfig, *, val_fraction: float | None) -> dict[str, Dataset]:
    """The splits by split file, folder, list or scene, or by strokes, unchecked.

    `val_fraction`: where the data has no val split.

    Raises:
        InputError: invalid data, or options that strokes do not have.
    """
    if config.strokes is not None:
        if config.part(VectorLabels) != VectorLabels():
            raise InputError(
                "strokes and vector labels exclude each other; leave out strokes, or labels and its options"
            )
        return _open_strokes(config, val_fraction)
    if config.stroke_width is not None:
        raise InputError("stroke_width has no effect without strokes; leave it out (labels have line_width)")
    if config.page is not None:
        raise InputError("page has no effect without strokes: every page of a stack is an image; leave it out")
    vectors = config.part(VectorLabels)
    if config.data.is_file() and not vectors.is_given:
        raise InputError(
            f"{config.data} is a file; give a folder of images and masks, or for one image strokes=FILE or labels=FILE"
        )
    rule = datasets.SplitRule(
        val_fraction=val_fraction, seed=config.split_seed, file=config.split_file, fold=config.fold
    )
    reading = {**config.part(LabelReading).flat(), **config.part(ClassSet).flat()}
    return datasets.open(
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


def _open_strokes(config: TrainConfig, val_fraction: float | None) -> dict[str, Dataset]:
    for name in ("images", "masks"):
        if getattr(config, name) is not None:
            raise InputError(f"{name} has no effect with strokes, which are the labels; leave it out")
    if config.page is not None and config.data.is_dir():
        raise InputError(f"page is for strokes on one image, {config.data} is a folder; leave it out")
    return open_strokes(
        config.data,
        config.strokes or "",
        legend=config.legend,
        bands=config.bands,
        page=config.page or 1,
        width=config.stroke_width,
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
    return used, datasets.check(*used.values(), tell=tell)
