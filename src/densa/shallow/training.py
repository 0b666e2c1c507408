"""Training of the shallow methods by their names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from densa.errors import InputError
from densa.shallow.classifiers import MOST_CLASSES, check_counts, check_samples, fit_trees
from densa.shallow.features import SCALES, PixelFeatures, default_features
from densa.shallow.model import ShallowModel
from densa.shallow.region_features import RegionFeatures
from densa.shallow.sampling import LabelledImages, Progress, sample_pixels, sample_regions
from densa.shallow.structured import fit_structured_forest

__all__ = ["SHALLOW", "class_factors", "train_shallow"]


class _Method(NamedTuple):
    """Whether regions are labelled or pixels, by what, and how many trees or rounds are usual."""

    regions: bool
    classifier: str
    n_trees: int


SHALLOW = {
    "pixel-forest": _Method(False, "random-forest", 100),
    "pixel-boosting": _Method(False, "boosting", 100),
    "region-forest": _Method(True, "random-forest", 100),
    "region-boosting": _Method(True, "boosting", 100),
    "structured-forest": _Method(False, "structured", 12),
}
"""The shallow methods by their names."""


def train_shallow(
    images: LabelledImages,
    method: str,
    n_bands: int,
    class_names: tuple[str, ...],
    *,
    trees: int | None = None,
    samples: int = 100_000,
    features: Sequence[str] | None = None,
    scales: Sequence[float] = SCALES,
    distances: Sequence[int] = (8, 24),
    region_size: int = 16,
    compactness: float = 10.0,
    purity: float = 0.75,
    patch: int = 11,
    min_leaf: int = 2,
    learning_rate: float = 0.1,
    extra: bool = False,
    prior: float | None = None,
    mean: Sequence[float] = (),
    std: Sequence[float] = (),
    seed: int = 0,
    progress: Progress | None = None,
) -> ShallowModel:
    """Train a shallow method on dense or sparse label maps.

    Args:
        images: with label maps, 255 where not labelled.
        method: a name of `SHALLOW`.
        n_bands: of the images.
        class_names: of the legend; every class must be labelled somewhere.
        trees: of a forest, or rounds of boosting; None: 100, of label patches 12.
        samples: pixels or regions in all, an equal share of every class.
        features: sets of `densa.shallow.FEATURES`; None: colours (or the bands) and the multi-scale set.
        scales: of the multi-scale set, in pixels.
        distances: of the surroundings, in pixels.
        region_size: step of the superpixels in pixels.
        compactness: of the superpixels.
        purity: share of a region's labelled pixels that must be of one class for it to be trained on.
        patch: side of the label patches in pixels, odd.
        min_leaf: samples of a leaf at least.
        learning_rate: of boosting.
        extra: thresholds of a forest are drawn, not searched (extremely randomised trees).
        prior: from 0, all classes equally probable before anything is seen (best for the average over the classes), to
            1, as probable as they are frequent in the labels, which overdoes it where trees are unsure. None: 0.5 where
            most pixels are labelled, else 0, since what a few strokes cover says nothing of the classes' frequency;
            votes of label patches are no probabilities, there None is 0.
        mean, std: of the bands, by which superpixels weigh them, unless they are three of 8 bits.
        seed: the same gives the same model.
        progress: called with (images done, images in all).

    Raises:
        InputError: an unknown method, numbers out of range, labels that nothing can be learnt of.
    """
    if method not in SHALLOW:
        raise InputError(f"unknown shallow method {method!r}; choose from {', '.join(SHALLOW)}")
    n_classes = len(class_names)
    _check(n_classes, samples, purity, patch, prior)
    kind = SHALLOW[method]
    n_trees = kind.n_trees if trees is None else trees
    sets = tuple(features) if features is not None else default_features(n_bands)
    pixels = PixelFeatures(sets, tuple(scales), distances=tuple(distances))
    pixels.names(n_bands)  # refuses sets that the bands cannot have, before anything is read
    described: PixelFeatures | RegionFeatures = pixels
    found: Any
    if kind.regions:
        described = RegionFeatures(pixels, region_size, compactness, mean=tuple(mean), std=tuple(std))
        arguments: dict[str, Any] = {"n_samples": samples, "purity": purity, "seed": seed, "progress": progress}
        found = sample_regions(images, described, n_classes, **arguments)
    else:
        side = patch if kind.classifier == "structured" else 0
        found = sample_pixels(
            images, pixels, n_classes, n_samples=samples, patch_side=side, seed=seed, progress=progress
        )
    check_counts(found.counts, class_names)
    check_samples(found.features, found.labels, n_classes, class_names)
    if kind.classifier == "structured":
        fitted = fit_structured_forest(
            found.features, found.patches, n_classes, n_trees=n_trees, min_leaf=min_leaf, seed=seed
        )
    else:
        classifier = "extra-trees" if extra and kind.classifier == "random-forest" else kind.classifier
        fitted = fit_trees(
            found.features, found.labels, n_classes, classifier,
            n_trees=n_trees, min_leaf=min_leaf, learning_rate=learning_rate, seed=seed,
        )  # fmt: skip
    if prior is None:
        dense = 2 * found.counts.sum() > found.n_pixels
        prior = 0.5 if dense and kind.classifier != "structured" else 0.0
    return ShallowModel(described, fitted, class_factors(found.counts, prior), n_bands)


def class_factors(counts: NDArray[Any], prior: float) -> NDArray[np.float64]:
    """What probabilities of equally frequent classes are multiplied by: frequencies to the power of `prior`."""
    shares = np.asarray(counts, np.float64) / np.sum(counts)
    return np.asarray((shares * len(shares)) ** prior)


def _check(n_classes: int, samples: int, purity: float, patch: int, prior: float | None) -> None:
    if not 2 <= n_classes <= MOST_CLASSES:
        raise InputError(f"a shallow method needs 2 to {MOST_CLASSES} classes, the legend has {n_classes}")
    if not n_classes <= samples <= 100_000_000:
        raise InputError(f"samples must be from the number of classes {n_classes} to 100 000 000, got {samples}")
    if not 0 < purity <= 1:
        raise InputError(f"purity must be above 0 and at most 1, got {purity}")
    if patch % 2 == 0 or not 3 <= patch <= 63:
        raise InputError(f"patch must be an odd number of pixels from 3 to 63, got {patch}")
    if prior is not None and not 0 <= prior <= 1:
        raise InputError(f"prior must be from 0 (all classes alike) to 1 (as frequent as labelled), got {prior}")
