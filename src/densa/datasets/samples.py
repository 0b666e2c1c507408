"""Data set of the demo: the coins that scikit-image ships, with outlines drawn for densa."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densa import raster
from densa.errors import InputError
from densa.legend import Legend

__all__ = ["COINS", "coin_labels", "coins"]

COINS = Legend(("background", "coin"), ((40, 44, 52), (240, 180, 40)))
"""Legend of the coins."""


def coins(folder: Path | str, *, overwrite: bool = False) -> Path:
    """Write the coins as a data set: the left half of the image for training, the right half for testing.

    Args:
        folder: folder of `train/`, `test/` and `legend.json`, created where it does not exist.
        overwrite: replace files that exist.

    Returns:
        The folder.

    Raises:
        InputError: the files exist, or cannot be written.

    Examples:
        >>> from densa import datasets
        >>> folder = datasets.coins("coins")
        >>> sorted(path.name for path in folder.iterdir())
        ['legend.json', 'test', 'train']
        >>> sorted(datasets.open(folder))
        ['test', 'train']
    """
    from skimage import data

    folder = Path(folder)
    image, labels = data.coins(), coin_labels()
    if image.shape != labels.shape:
        raise InputError(f"skimage.data.coins() is {image.shape}, the outlines are for {labels.shape}; update densa")
    middle = image.shape[1] // 2
    for split, name, half in (("train", "left", np.s_[:, :middle]), ("test", "right", np.s_[:, middle:])):
        for kind in ("images", "masks"):
            _make_folder(folder / split / kind)
        raster.write_bands(folder / split / "images" / f"{name}.tif", image[half][None], overwrite=overwrite)
        raster.write_label_map(folder / split / "masks" / f"{name}.png", labels[half], COINS, overwrite=overwrite)
    with raster.atomic_output(folder / "legend.json", overwrite) as temporary:
        Path(temporary).write_text(json.dumps(COINS.to_dict(), indent=1) + "\n", encoding="utf-8")
    return folder


def coin_labels() -> NDArray[np.uint8]:
    """(303, 384) uint8 label map of `skimage.data.coins()`: 0 background, 1 coin.

    Examples:
        >>> from densa import datasets
        >>> labels = datasets.coin_labels()
        >>> labels.shape, int(labels.max())
        ((303, 384), 1)
    """
    from skimage.draw import polygon2mask

    outlines: dict[str, Any] = json.loads(files("densa.datasets").joinpath("coins.json").read_text(encoding="utf-8"))
    shape = outlines["height"], outlines["width"]
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    coin = np.zeros(shape, bool)
    for row, column, first, second, angle in outlines["ellipses"]:
        down, right = rows - row, columns - column
        along = (down * np.cos(angle) + right * np.sin(angle)) / first
        across = (right * np.cos(angle) - down * np.sin(angle)) / second
        coin |= along**2 + across**2 <= 1
    for corners in outlines["polygons"]:
        coin |= polygon2mask(shape, corners)
    return coin.astype(np.uint8)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"folder {folder} cannot be created: {error.strerror or error}") from error
