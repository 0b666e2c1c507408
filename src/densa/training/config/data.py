"""The data of a run: opened by its configuration, its splits checked."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from densa import datasets
from densa.datasets import Dataset
from densa.errors import InputError
from densa.settings import ClassSet, LabelReading

if TYPE_CHECKING:
    from densa.training.config.config import TrainConfig

__all__ = ["checked_splits", "open_data"]


def open_data(config: TrainConfig, *, val_fraction: float | None) -> dict[str, Dataset]:
    """The splits by folder, list or scene, unchecked; `val_fraction`: where the data has no val split."""
    rule = datasets.SplitRule(val_fraction=val_fraction, seed=config.split_seed)
    reading = {**config.part(LabelReading).flat(), **config.part(ClassSet).flat()}
    return datasets.open(
        config.data,
        legend=config.legend,
        split=rule,
        images=config.images,
        masks=config.masks,
        align=config.align,
        bands=config.bands,
        **reading,
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
