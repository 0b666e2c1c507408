"""Training a shallow method from a configuration: the run folder is a model folder, as a network's is."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densa.datasets import Dataset, Sample
from densa.datasets.splits.record import note_of_copies, split_text
from densa.errors import InputError
from densa.legend import IGNORE
from densa.progress import progress_bar
from densa.raster import Window, atomic_output
from densa.segmenter import ForestSegmenter, save_forest
from densa.shallow import (
    SHALLOW,
    ShallowSettings,
    Strokes,
    draw_strokes,
    own_options,
    read_strokes,
    train_shallow,
)
from densa.shallow.training import check_method
from densa.training.config.config import TrainConfig
from densa.training.config.data import checked_splits, open_data
from densa.training.loop.preparation import band_contract
from densa.training.loop.run_folder import begun, check_run_folder, forget_replaced
from densa.training.loop.run_log import RunLog
from densa.training.loop.train import TrainResult
from densa.training.loop.validation import say_unmeasured, validate
from densa.training.tune_crf import tune_and_say

__all__ = ["StrokedImage", "Windows", "plan_shallow", "train_shallow_from_config"]


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


@dataclass(frozen=True)
class StrokedImage(Dataset):
    """One image whose label map is drawn by strokes."""

    strokes: Strokes | None = None

    def mask_labels(self, i: int, window: Window | None = None) -> NDArray[np.uint8]:
        """(h, w) label map of the image or a window of it, from the strokes alone; 255 where there is none."""
        assert self.strokes is not None
        labels = draw_strokes(self.strokes, *self.size(i))
        if window is None:
            return labels
        return labels[window.row : window.row + window.height, window.column : window.column + window.width]


def train_shallow_from_config(
    config: TrainConfig, output: Path | str, *, overwrite: bool = False, progress: bool = True
) -> TrainResult:
    """Train a shallow method by a configuration.

    Args:
        config: the run.
        output: the run folder; config.yaml is written there.
        overwrite: replace a run in `output`.
        progress: show a progress bar on stderr.

    Returns:
        A summary of the run; its steps are the trees of a forest, or the rounds of boosting.

    Raises:
        InputError: invalid data, arguments out of range, an output that exists.
    """
    told: list[str] = []
    opened, splits, n_bands = _open(config, told.append)
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
    validated = n_val if row else 0
    return TrainResult(
        folder, n_trees, seconds, n_trees, mean_iou, False, "trees", validated=validated, validation_images=n_val
    )


def _scores(segmenter: ForestSegmenter, dataset: Dataset) -> dict[str, float]:
    """Scores on the validation images; none where nothing could be measured."""
    try:
        scores = validate(segmenter, dataset).summary()
    except Exception as error:
        say_unmeasured(error)
        return {}
    names = ("global_accuracy", "class_average", "mean_iou")
    return {name: value for name in names if not math.isnan(value := getattr(scores, name))}


def plan_shallow(config: TrainConfig) -> dict[str, Any]:
    """The data and settings that a run would use; the data is checked, nothing is written.

    Raises:
        InputError: as `train_shallow_from_config` before it starts.
    """
    told: list[str] = []
    _, splits, n_bands = _open(config, told.append)
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


def _open(config: TrainConfig, tell: Callable[[str], None]) -> tuple[dict[str, Dataset], dict[str, Dataset], int]:
    """All splits; the training split and, where there is one, the validation split, checked; the number of bands."""
    if config.strokes is not None:
        splits, n_bands = _open_strokes(config)
        return splits, splits, n_bands
    if config.page is not None:
        raise InputError("page has no effect without strokes: every page of a stack is an image; leave it out")
    if config.data.is_file():
        raise InputError(f"{config.data} is a file; give a folder of images and masks, or strokes=FILE for one image")
    opened = open_data(config, val_fraction=config.val_fraction)
    return (opened, *checked_splits(opened, config, tell))


def _open_strokes(config: TrainConfig) -> tuple[dict[str, Dataset], int]:
    if not config.data.is_file():
        raise InputError(f"strokes are drawn on one image, {config.data} is no image file; give the image as DATA")
    for name in ("images", "masks", "legend", "val_fraction"):
        if getattr(config, name) is not None:
            raise InputError(f"{name} has no effect with strokes, which are the labels; leave it out")
    if config.tune_crf:
        raise InputError("a CRF is tuned on validation images, strokes have none; leave out tune_crf")
    strokes = read_strokes(config.strokes or "")
    name = config.data.stem
    sample = Sample(name, config.data, None, name, page=(config.page or 1) - 1)
    source = str(config.strokes)
    drawn = StrokedImage((sample,), strokes.legend, legend_source=source, bands=config.bands, strokes=strokes)
    return {"train": drawn}, drawn.n_bands
