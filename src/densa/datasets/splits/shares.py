"""A share of the training images: smaller shares are parts of larger ones."""

from __future__ import annotations

import hashlib

from densa.datasets.dataset import Dataset
from densa.errors import InputError

__all__ = ["share_of"]


def share_of(dataset: Dataset, fraction: float, seed: int) -> Dataset:
    """A share of the images, scene by scene in a random order.

    Scenes, and the images of each, are ordered by a hash of the seed and their name, so that of two shares of one seed
    the smaller one is part of the larger one. The last scene may be taken in part.

    Args:
        dataset: the images.
        fraction: share, above 0 to 1.
        seed: decides the order.

    Returns:
        The images nearest to the share in number, one or more, in the order of the data set.

    Raises:
        InputError: there is one image only, of which there are no shares.
    """
    if fraction >= 1:
        return dataset
    if len(dataset) < 2:
        raise InputError(f"train_fraction {fraction:g} needs two training images or more, the data has {len(dataset)}")

    def key(i: int) -> tuple[bytes, bytes]:
        sample = dataset.samples[i]
        scene, image = (
            hashlib.sha256(f"{seed}:{name}".encode(errors="surrogateescape")).digest()
            for name in (sample.group, f"{sample.group}:{sample.name}")
        )
        return scene, image

    order = sorted(range(len(dataset)), key=key)
    return dataset.subset(sorted(order[: max(1, round(fraction * len(order)))]))
