"""Training of a shallow method, chosen by its name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densa.errors import InputError
from densa.progress import Progress
from densa.shallow.classifiers import MOST_CLASSES, check_counts, check_samples, fit_trees
from densa.shallow.features import PixelFeatures, default_features
from densa.shallow.model import ShallowModel
from densa.shallow.region_features import RegionFeatures
from densa.shallow.sampling import LabelledImages, PixelSamples, RegionSamples, sample_pixels, sample_regions
from densa.shallow.settings import SHALLOW, ShallowMethod, ShallowSettings
from densa.shallow.structured import fit_structured_forest
from densa.shallow.trees import Trees, with_classes

__all__ = ["check_method", "class_factors", "train_shallow"]


def train_shallow(
    images: LabelledImages,
    method: str,
    n_bands: int,
    class_names: tuple[str, ...],
    settings: ShallowSettings | None = None,
    *,
    mean: Sequence[float] = (),
    std: Sequence[float] = (),
    seed: int = 0,
    absent: bool = False,
    progress: Progress | None = None,
) -> ShallowModel:
    """Train a shallow method on dense or sparse label maps.

    Args:
        images: with label maps, 255 where not labelled.
        method: a name of `SHALLOW`.
        n_bands: number of bands of the images.
        class_names: names of the classes; every class must be labelled somewhere, unless `absent`.
        settings: features, superpixels, samples and trees; None: the defaults.
        mean, std: of the bands, by which superpixels weigh them; not needed for three bands of 8 bits.
        seed: the same seed gives the same model.
        absent: classes may have no labelled pixel; they are never predicted.
        progress: called with (images read, images in total); pixels are read twice, which counts as twice the images.

    Raises:
        InputError: an unknown method, settings out of range, or labels from which nothing can be learnt.

    Examples:
        >>> import numpy as np
        >>> from densa import raster, shallow
        >>> class Photo:
        ...     image_of = raster.from_array(np.tile(np.arange(48, dtype=np.uint8), (32, 1)))
        ...     def __len__(self):
        ...         return 1
        ...     def size(self, i):
        ...         return 32, 48
        ...     def image(self, i, window=None):
        ...         return self.image_of.read(window)
        ...     def labels(self, i, window=None):
        ...         return (self.image(i, window)[0][0] >= 24).astype(np.uint8)
        ...
        >>> settings = shallow.ShallowSettings(features=("bands",), trees=3)
        >>> model = shallow.train_shallow(Photo(), "pixel-forest", 1, ("left", "right"), settings)
        >>> model.probabilities(np.array([[[5, 15, 30, 45]]], np.uint8)).argmax(axis=0)
        array([[0, 0, 1, 1]])
    """
    n_classes, settings = len(class_names), settings or ShallowSettings()
    kind = check_method(method, n_bands, n_classes, settings)
    features = _features(kind, n_bands, settings, mean, std)
    found = _sampled(images, kind, features, n_classes, settings, seed, progress)
    occurs = found.counts > 0
    if absent and 2 <= occurs.sum() < n_classes:
        trees = _fitted_to_some(kind, found, np.flatnonzero(occurs), n_classes, settings, seed)
    else:
        check_counts(found.counts, class_names)
        check_samples(found.features, found.labels, n_classes, class_names)
        trees = _fitted(kind, found, n_classes, settings, seed)
    prior = settings.prior
    if prior is None:
        dense = 2 * found.counts.sum() > found.n_pixels
        prior = 0.5 if dense and kind.classifier != "structured" else 0.0
    factors = np.where(occurs, class_factors(found.counts, prior), 1.0)
    return ShallowModel(features, trees, factors, n_bands)


def check_method(method: str, n_bands: int, n_classes: int, settings: ShallowSettings) -> ShallowMethod:
    """The method of a name, checked to fit bands, classes and settings before anything is read.

    Raises:
        InputError: see `train_shallow`.
    """
    if method not in SHALLOW:
        raise InputError(f"unknown shallow method {method!r}; choose from {', '.join(SHALLOW)}")
    if not 2 <= n_classes <= MOST_CLASSES:
        raise InputError(f"a shallow method needs 2 to {MOST_CLASSES} classes, the legend has {n_classes}")
    if settings.samples < n_classes:
        raise InputError(f"samples must be at least the number of classes {n_classes}, got {settings.samples}")
    _pixel_features(n_bands, settings)
    return SHALLOW[method]


def _features(
    kind: ShallowMethod,
    n_bands: int,
    settings: ShallowSettings,
    mean: Sequence[float],
    std: Sequence[float],
) -> PixelFeatures | RegionFeatures:
    pixels = _pixel_features(n_bands, settings)
    if not kind.regions:
        return pixels
    return RegionFeatures(pixels, settings.region_size, settings.compactness, mean=tuple(mean), std=tuple(std))


def _pixel_features(n_bands: int, settings: ShallowSettings) -> PixelFeatures:
    sets = settings.features if settings.features is not None else default_features(n_bands)
    pixels = PixelFeatures(sets, settings.scales, distances=settings.distances)
    pixels.names(n_bands)  # raises for sets that need other bands
    return pixels


def _sampled(
    images: LabelledImages,
    kind: ShallowMethod,
    features: PixelFeatures | RegionFeatures,
    n_classes: int,
    settings: ShallowSettings,
    seed: int,
    progress: Progress | None,
) -> PixelSamples | RegionSamples:
    drawn: dict[str, Any] = {"n_samples": settings.samples, "seed": seed, "progress": progress}
    if isinstance(features, RegionFeatures):
        return sample_regions(images, features, n_classes, purity=settings.purity, **drawn)
    side = settings.patch if kind.classifier == "structured" else 0
    return sample_pixels(images, features, n_classes, patch_side=side, **drawn)


def _fitted(
    kind: ShallowMethod, found: PixelSamples | RegionSamples, n_classes: int, settings: ShallowSettings, seed: int
) -> Trees:
    n_trees = kind.n_trees if settings.trees is None else settings.trees
    options: dict[str, Any] = {"n_trees": n_trees, "min_leaf": settings.min_leaf, "seed": seed}
    if isinstance(found, PixelSamples) and kind.classifier == "structured":
        return fit_structured_forest(found.features, found.patches, n_classes, **options)
    classifier = "extra-trees" if settings.extra and kind.classifier == "random-forest" else kind.classifier
    rate = settings.boosting_rate
    return fit_trees(found.features, found.labels, n_classes, classifier, learning_rate=rate, **options)


def _fitted_to_some(
    kind: ShallowMethod,
    found: PixelSamples | RegionSamples,
    present: NDArray[np.intp],
    n_classes: int,
    settings: ShallowSettings,
    seed: int,
) -> Trees:
    """Trees of `n_classes` classes, of which some, `present`, have samples."""
    if isinstance(found, PixelSamples) and kind.classifier == "structured":
        return _fitted(kind, found, n_classes, settings, seed)  # its leaves hold labels as they are
    labels = np.searchsorted(present, found.labels).astype(np.uint8)
    check_samples(found.features, labels, len(present))
    return with_classes(_fitted(kind, found._replace(labels=labels), len(present), settings, seed), present, n_classes)


def class_factors(counts: NDArray[Any], prior: float) -> NDArray[np.float64]:
    """(C,) factors of the probabilities of equally frequent classes: frequencies to the power of `prior`.

    Examples:
        >>> import numpy as np
        >>> from densa.shallow import class_factors
        >>> class_factors(np.array([300, 100]), 1)
        array([1.5, 0.5])
        >>> class_factors(np.array([300, 100]), 0)
        array([1., 1.])
    """
    shares = np.asarray(counts, np.float64) / np.sum(counts)
    return np.asarray((shares * len(shares)) ** prior)
