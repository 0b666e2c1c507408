"""Description of a split, as written to `split.json`: the images and pixels of each part, and how many are shared."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from densa.datasets.dataset import Dataset, Sample
from densa.datasets.splits.identity import read_identity
from densa.datasets.splits.windows import WindowDataset
from densa.datasets.threads import in_threads
from densa.raster import Window

__all__ = ["describe_split"]


def describe_split(splits: Mapping[str, Dataset]) -> dict[str, Any]:
    """The pixels that each split reads, and how many of them are shared, as written to `split.json`.

    Returns:
        For each split its images with mask, page, window (row, column, height, width), height and width of the image,
        name in the data set, and what the image is recognised by in another place: path, size and time of the file and
        a digest of its pixels; `shared_pixels`, counted over all pairs of windows of different splits; `distance_px`,
        the smallest distance of such a pair on one image (None where no image is in two splits).

    Examples:
        >>> from densa import datasets
        >>> train = datasets.open(datasets.coins("coins"))["train"]
        >>> splits = datasets.block_split(train, block=64, buffer=16)
        >>> found = datasets.describe_split(splits)
        >>> found["shared_pixels"], found["distance_px"]
        (0, 16)
    """
    content: dict[str, Any] = {}
    places: dict[tuple[str, int], list[tuple[str, Window]]] = defaultdict(list)
    identities = _identities([sample for dataset in splits.values() for sample in dataset.samples])
    for name, dataset in splits.items():
        content[name] = []
        for i, sample in enumerate(dataset.samples):
            size = dataset.whole_size(i) if isinstance(dataset, WindowDataset) else dataset.size(i)
            window = dataset.windows[i] if isinstance(dataset, WindowDataset) else Window(0, 0, *size)
            entry: dict[str, Any] = {
                "image": str(sample.image),
                "mask": None if sample.mask is None else str(sample.mask),
            }
            entry |= {"name": sample.name, "page": sample.page, "window": list(window), "size": list(size)}
            content[name].append(entry | identities[sample.image, sample.page])
            places[str(sample.image.resolve()), sample.page].append((name, window))
    pairs = [
        (a, b)
        for windows in places.values()
        for k, (name, a) in enumerate(windows)
        for other, b in windows[k + 1 :]
        if other != name
    ]
    shared = sum(max(-_gap(a, b)[0], 0) * max(-_gap(a, b)[1], 0) for a, b in pairs)
    nearest = min((max(*_gap(a, b), 0) for a, b in pairs), default=None)
    return {**content, "shared_pixels": shared, "distance_px": nearest}


def _identities(samples: list[Sample]) -> dict[tuple[Path, int], dict[str, Any]]:
    """What each image is recognised by; an image that is cut into windows is read once."""
    once = list({(sample.image, sample.page): sample for sample in samples}.values())
    return {
        (sample.image, sample.page): identity.to_json()
        for sample, identity in zip(once, in_threads(read_identity, once), strict=True)
    }


def _gap(a: Window, b: Window) -> tuple[int, int]:
    """Pixels between two windows along rows and columns; negative where they overlap."""
    return (
        max(a.row, b.row) - min(a.row + a.height, b.row + b.height),
        max(a.column, b.column) - min(a.column + a.width, b.column + b.width),
    )
