"""Label maps in a folder: which of them is the prediction of which mask, and how each is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densa import raster
from densa.datasets.image_files import image_files
from densa.datasets.masks import Encoding, read_labels
from densa.errors import InputError
from densa.legend import IGNORE, Legend
from densa.reports.calibration import class_bands

__all__ = [
    "first_of",
    "label_maps",
    "match",
    "probabilities_beside",
    "probability_reader",
    "read_prediction",
    "relative_stem",
]

_PROBABILITIES = ".probabilities"  # `densa predict --probabilities` writes NAME.probabilities.tif beside NAME.png
_LISTED = 10


def label_maps(folder: Path) -> Iterator[Path]:
    """The label maps in a folder and below, without the probabilities beside them."""
    return (path for path in image_files(folder) if not path.stem.endswith(_PROBABILITIES))


def match(predictions: Path, wanted: Sequence[Sequence[str]]) -> list[Path]:
    """The label map of each list of possible names.

    Raises:
        InputError: there is no such folder, a name has no label map or several, or two names have the same.
    """
    if not predictions.is_dir():
        raise InputError(f"{predictions} must be a folder of label maps, but there is no such folder")
    found: dict[str, Path] = {}
    for path in label_maps(predictions):
        name = relative_stem(path, predictions)
        if name in found:
            raise InputError(f"{found[name]} and {path} have the same stem; keep one of them")
        found[name] = path
    files = [next((found[name] for name in names if name in found), None) for names in wanted]
    if missing := [names[0] for names, file in zip(wanted, files, strict=True) if file is None]:
        raise InputError(
            f"{len(missing)} of {len(wanted)} masks have no prediction of the same stem in {predictions}: "
            f"{first_of(missing)}; predict these images too, or choose the data set that was predicted"
        )
    matched = [file for file in files if file is not None]
    owner: dict[Path, str] = {}
    for names, file in zip(wanted, matched, strict=True):
        if file in owner:
            raise InputError(f"{file} is the prediction of both {owner[file]} and {names[0]}; use subfolders")
        owner[file] = names[0]
    return matched


def relative_stem(path: Path, folder: Path) -> str:
    """The name of a file in a folder, with subfolders and without suffix."""
    return path.relative_to(folder).with_name(path.stem).as_posix()


def first_of(names: Sequence[str]) -> str:
    """The first ten names, for messages."""
    return ", ".join(names[:_LISTED]) + (", ..." if len(names) > _LISTED else "")


def read_prediction(path: Path, legend: Legend, encoding: Encoding) -> NDArray[np.uint8]:
    """(H, W) uint8 classes of the legend; 255 for no class, even if 255 has another meaning in the masks."""
    own = raster.carried_legend(path)
    if own is None:
        return read_labels(path, replace(legend, ignored_codes=(*legend.ignored_codes, IGNORE)), encoding)
    try:
        return _class_table(own, legend, str(path))[read_labels(path, own, "values")]
    except InputError as error:
        raise InputError(str(error) if str(path) in str(error) else f"{path}: {error}") from error


def _class_table(own: Legend, legend: Legend, what: str) -> NDArray[np.uint8]:
    """(256,) class in `legend` of each class in `own`, by name."""
    if set(own.class_names) != set(legend.class_names):
        raise InputError(
            f"{what} has the classes {', '.join(own.class_names)}, but the masks have {', '.join(legend.class_names)}; "
            "both must have the same classes: pass the legend of the masks"
        )
    table = np.full(256, IGNORE, np.uint8)
    table[: own.n_classes] = [legend.class_names.index(name) for name in own.class_names]
    return table


def probabilities_beside(label_map: Path) -> Path | None:
    """The raster of probabilities beside a label map; None where there is none."""
    path = label_map.with_name(f"{label_map.stem}{_PROBABILITIES}.tif")
    return path if path.is_file() else None


def probability_reader(label_map: Path, legend: Legend) -> Callable[[], NDArray[Any]] | None:
    """Reads the probabilities beside a label map, in the order of the legend; None where there are none."""
    path = probabilities_beside(label_map)
    if path is None:
        return None

    def read() -> NDArray[Any]:
        with raster.open(path) as image:
            return image.read(bands=class_bands(image, legend))[0]

    return read
