"""Training a shallow method from a configuration: the run folder is a model folder, as a network's is."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densa.datasets import Dataset, class_frequencies
from densa.datasets.splits.record import note_of_copies, split_text
from densa.datasets.wording import listed
from densa.legend import IGNORE
from densa.progress import progress_bar
from densa.raster import Window, atomic_output
from densa.segmenter import ForestSegmenter, save_forest
from densa.shallow import (
    SHALLOW,
    ShallowSettings,
    own_options,
    train_shallow,
)
from densa.shallow.training import check_method
from densa.training.config.config import Complete, TrainConfig
from densa.training.config.data import checked_splits, open_data
from densa.training.loop.preparation import band_contract
from densa.training.loop.run_folder import begun, check_run_folder, forget_replaced
from densa.training.loop.run_log import RunLog
from densa.training.loop.train import TrainResult
from densa.training.loop.validation import say_unmeasured, validate
from densa.training.tune_crf import tune_and_say

__all__ = ["Windows", "plan_shallow", "train_shallow_from_config"]


class Windows:
    """A data set as `densa.shallow` reads it: label maps and images by windows, whatever their size."""

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset

    def __len__(self) -> int:
        return len(self.dataset)

    def size(self, i: int) -> tuple[int, int]:
        """Height and width of image `i`."""
        return self.dataset.size(i)

    def labels(self, i: int, window: Window | None = None) -> NDArray[np.uint8]:
        """(h, w) label map of a window of image `i`; 255 where not labelled and where the image is invalid."""
        labels = self.dataset.mask_labels(i, window)
        labels[~self.image(i, window)[1]] = IGNORE
        return labels

    def image(self, i: int, window: Window | None = None) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """(bands, h, w) values of a window of image `i`, and (h, w) true where there is data."""
        return self.dataset.image(i, window)


def train_shallow_from_config(
    config: TrainConfig,
    output: Path | str,
    *,
    overwrite: bool = False,
    progress: bool = True,
    complete: Complete | None = None,
) -> TrainResult:
    """Train a shallow method by a configuration.

    Args:
        config: the run.
        output: the run folder; config.yaml is written there.
        overwrite: replace a run in `output`.
        progress: show a progress bar on stderr.
        complete: see `train_from_config`.

    Returns:
        A summary of the run; its steps are the trees of a forest, or the rounds of boosting.

    Raises:
        InputError: invalid data, arguments out of range, an output that exists.
    """
    told: list[str] = []
    config, opened, splits, n_bands = _open(config, complete, told.append)
    train, folder = splits["train"], Path(output)
    check_method(config.model, n_bands, train.legend.n_classes, config.part(ShallowSettings))
    for line in [*train.taken, *told, *train.remarks] if progress else ():
        print(f"densa: {line}", file=sys.stderr)
    check_run_folder(folder, overwrite=overwrite, resumable=False)
    start = time.perf_counter()
    bands = band_contract(train)
    with progress_bar("training: features", shown=progress, then="training: trees") as show:
        model = train_shallow(
            Windows(train),
            config.model,
            n_bands,
            train.legend.class_names,
            config.part(ShallowSettings),
            mean=bands.mean,
            std=bands.std,
            seed=config.seed,
            absent=train.has_published_classes,
            progress=show,
        )
    seconds = time.perf_counter() - start
    n_trees = _rounds(config) if config.model.endswith("boosting") else model.trees.n_trees
    record = {
        "arguments": _own_arguments(config),
        "seed": config.seed,
        "seconds": round(seconds, 3),
        "images": len(train),
        "scores": {},
    }
    split = split_text(opened)
    if progress and (copies := note_of_copies(split)):
        print(f"densa: {copies}", file=sys.stderr)
    # What was trained is kept first, whatever fails in measuring it.
    with begun(folder):
        save_forest(folder, model, config.model, train.legend, bands, training=record)
        for name, text in (("config.yaml", config.to_yaml()), ("split.json", split)):
            with atomic_output(folder / name, overwrite=True) as path:
                path.write_text(text, encoding="utf-8")
        forget_replaced(folder)
    val = splits.get("val")
    row = {} if val is None else _scores(ForestSegmenter(model, train.legend, bands), val)
    if row and val is not None:
        save_forest(
            folder,
            model,
            config.model,
            train.legend,
            bands,
            training=record | {"scores": row | {"validation_images": len(val)}},
        )
    with RunLog(folder, progress=False) as log:
        log.row(step=n_trees, seconds=seconds, **row)
    if config.tune_crf and val is not None:
        tune_and_say(folder, val, seed=config.seed, progress=progress)
    mean_iou, n_val = row.get("mean_iou", float("nan")), 0 if val is None else len(val)
    validation = {"validated": n_val if row else 0, "validation_images": n_val}
    return TrainResult(folder, n_trees, seconds, n_trees, mean_iou, False, "trees", **validation, taken=train.taken)


def _scores(segmenter: ForestSegmenter, dataset: Dataset) -> dict[str, float]:
    """Scores on the validation images; none where nothing could be measured."""
    try:
        scores = validate(segmenter, dataset).summary()
    except Exception as error:
        say_unmeasured(error)
        return {}
    names = ("global_accuracy", "class_average", "mean_iou")
    return {name: value for name in names if not math.isnan(value := getattr(scores, name))}


def plan_shallow(config: TrainConfig, complete: Complete | None = None) -> dict[str, Any]:
    """The data and settings that a run would use; the data is checked, nothing is written.

    Raises:
        InputError: as `train_shallow_from_config` before it starts.
    """
    told: list[str] = []
    config, _, splits, n_bands = _open(config, complete, told.append)
    legend = splits["train"].legend
    return {
        "images": {name: len(split) for name, split in splits.items()},
        "bands": n_bands,
        "classes": list(legend.class_names),
        "legend": splits["train"].legend_source,
        "layout": splits["train"].layout,
        "notes": [*splits["train"].taken, *told, *splits["train"].remarks],
        "model": config.model,
        **_own_arguments(config),
        "strokes": None if config.strokes is None else str(config.strokes),
        "tune_crf": config.tune_crf,
    }


def _own_arguments(config: TrainConfig) -> dict[str, Any]:
    """The options of the method, as JSON."""
    own = own_options(config.model)
    content = {name: list(v) if isinstance(v, tuple) else v for name, v in config.flat().items() if name in own}
    return content | {"trees": _rounds(config)}


def _rounds(config: TrainConfig) -> int:
    return SHALLOW[config.model].n_trees if config.trees is None else config.trees


def _open(
    config: TrainConfig, complete: Complete | None, tell: Callable[[str], None]
) -> tuple[TrainConfig, dict[str, Dataset], dict[str, Dataset], int]:
    """The complete configuration; all splits; those for training and validation, checked; the number of bands."""
    # A few strokes are too few to hold some out unless that is asked for.
    drawn = config.strokes is not None or config.data.is_file()
    fraction = (config.val_fraction or 0.0) if drawn else config.val_fraction
    opened = open_data(config, val_fraction=fraction)
    splits, n_bands = checked_splits(opened, config, tell)
    _say_absent(splits["train"], tell)
    return config if complete is None else complete(config, splits["train"], tell), opened, splits, n_bands


def _say_absent(train: Dataset, tell: Callable[[str], None]) -> None:
    """Say which classes of a published table no training image has: trees never predict them."""
    if not train.has_published_classes:
        return
    counts = class_frequencies(train).pixels
    absent = [name for name, n in zip(train.legend.class_names, counts, strict=True) if n == 0]
    if absent:
        tell(
            f"{len(absent)} of {len(counts)} classes have no labelled pixel in the training images, and will not be "
            f"predicted: {listed(absent)}"
        )
