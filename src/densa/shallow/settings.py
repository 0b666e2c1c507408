"""The shallow methods by their names, and their settings: features, superpixels, samples and trees.

This module imports neither numpy nor numba, so that `densa train --help` stays quick.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple

from annotated_types import Ge, Gt, Le

from densa.options import Group, Option, options_of

__all__ = [
    "FEATURES",
    "SHALLOW",
    "FeatureSettings",
    "SampleSettings",
    "ShallowMethod",
    "ShallowSettings",
    "SuperpixelSettings",
    "TreeSettings",
    "own_options",
]


class ShallowMethod(NamedTuple):
    """A shallow method: whether it labels regions or pixels, by which classifier, and its usual trees or rounds."""

    regions: bool
    classifier: str
    n_trees: int


SHALLOW = {
    "pixel-forest": ShallowMethod(False, "random-forest", 100),
    "pixel-boosting": ShallowMethod(False, "boosting", 100),
    "region-forest": ShallowMethod(True, "random-forest", 100),
    "region-boosting": ShallowMethod(True, "boosting", 100),
    "structured-forest": ShallowMethod(False, "structured", 12),
}
"""The shallow methods by their names."""

FEATURES = ("bands", "colours", "multi-scale", "textons", "patterns", "surroundings", "position")
"""Sets of features of a pixel: the bands; CIE Lab and HSV; the multi-scale set; TextonBoost's filters; local binary
patterns; smoothed bands in eight directions; row and column."""


def _words(value: Any) -> Any:
    """("bands", "position") of "bands, position"."""
    return tuple(part.strip() for part in value.split(",")) if isinstance(value, str) else value


def _numbers(value: Any) -> Any:
    """(1.0, 2.5) of "1,2.5"; a number alone is a list of one."""
    if isinstance(value, int | float):
        return (value,)
    try:
        return tuple(float(part) for part in value.split(",")) if isinstance(value, str) else value
    except ValueError as error:
        raise ValueError(f"must be numbers such as 1,2.5,4, got {value!r}") from error


def _odd(value: Any) -> Any:
    if isinstance(value, int) and (value % 2 == 0 or not 3 <= value <= 63):
        raise ValueError(f"must be an odd number of pixels from 3 to 63, got {value}")
    return value


@dataclass(frozen=True, kw_only=True)
class FeatureSettings(Group, title="Features"):
    """Features of the pixels, see `PixelFeatures`.

    Examples:
        >>> from densa.shallow import FeatureSettings
        >>> FeatureSettings(features=("bands",)).features
        ('bands',)
        >>> FeatureSettings(features="bands,multi-scale", scales="1,3.5").flat()["scales"]
        (1.0, 3.5)
    """

    features: Annotated[
        tuple[str, ...] | None,
        Option(
            f"Sets of features: {', '.join(FEATURES)}.",
            default="colours (of 3 bands; else bands) and multi-scale",
            read=_words,
        ),
    ] = None
    scales: Annotated[
        tuple[float, ...], Option("Standard deviations of the multi-scale set, ascending.", "px", read=_numbers)
    ] = (0.7, 1.0, 1.6, 3.5, 5.0, 10.0)
    distances: Annotated[tuple[int, ...], Option("Distances of the surroundings.", "px", read=_numbers)] = (8, 24)


@dataclass(frozen=True, kw_only=True)
class SuperpixelSettings(Group, title="Superpixels"):
    """Superpixels of the methods that label regions, see `RegionFeatures`.

    Examples:
        >>> from densa.shallow import SuperpixelSettings
        >>> SuperpixelSettings(region_size=8).purity
        0.75
    """

    region_size: Annotated[int, Ge(4), Le(128), Option("Side of the grid of superpixels.", "px")] = 16
    compactness: Annotated[
        float, Gt(0), Le(1e6), Option("Colour distance worth a step of the grid, in units of CIE Lab.")
    ] = 10.0
    purity: Annotated[
        float,
        Gt(0),
        Le(1),
        Option("Share of a region's labelled pixels that must have one class for the region to be trained on."),
    ] = 0.75


@dataclass(frozen=True, kw_only=True)
class SampleSettings(Group, title="Samples"):
    """What is trained on, and how the frequencies of the classes count.

    Examples:
        >>> from densa.shallow import SampleSettings
        >>> SampleSettings(samples=5000).patch
        11
        >>> SampleSettings(patch=10)
        Traceback (most recent call last):
            ...
        densa.errors.InputError: patch must be an odd number of pixels from 3 to 63, got 10
    """

    samples: Annotated[
        int, Ge(1), Le(100_000_000), Option("Pixels or regions in total, an equal share of every class.")
    ] = 100_000
    patch: Annotated[int, Option("Side of the label patches of a structured forest; odd.", "px", read=_odd)] = 11
    prior: Annotated[
        float | None,
        Ge(0),
        Le(1),
        Option(
            "From 0, all classes equally probable a priori, to 1, as probable as they are frequent in the labels.",
            default="0.5 where most pixels are labelled, else 0; 0 for label patches",
        ),
    ] = None


@dataclass(frozen=True, kw_only=True)
class TreeSettings(Group, title="Trees"):
    """Training of the trees, see `fit_trees` and `fit_structured_forest`.

    Examples:
        >>> from densa.shallow import TreeSettings
        >>> TreeSettings(trees=20, extra=True).min_leaf
        2
    """

    trees: Annotated[
        int | None,
        Ge(1),
        Le(10_000),
        Option("Trees of a forest, or rounds of boosting.", default="100; 12 for label patches"),
    ] = None
    min_leaf: Annotated[int, Ge(1), Option("Fewest samples of a leaf.")] = 2
    boosting_rate: Annotated[float, Gt(0), Option("Learning rate of boosting.")] = 0.1
    extra: Annotated[
        bool, Option("Thresholds of a forest are drawn at random (extremely randomised trees), not searched.")
    ] = False


@dataclass(frozen=True, kw_only=True)
class ShallowSettings(FeatureSettings, SuperpixelSettings, SampleSettings, TreeSettings):
    """Settings of `train_shallow`; a method reads those that concern it.

    A prior of 0 is best for the average over the classes; 1 overdoes it where trees are unsure. By default it is 0
    where few pixels are labelled, since a few strokes do not show how frequent the classes are, and for label patches,
    whose votes are not probabilities.

    Raises:
        InputError: names every value that is out of range.

    Examples:
        >>> from densa.shallow import ShallowSettings
        >>> settings = ShallowSettings(trees=20, samples=5000, scales=(1.0, 3.5))
        >>> settings.trees, settings.region_size
        (20, 16)
    """


def own_options(method: str) -> set[str]:
    """Names of the settings that have an effect on a method of `SHALLOW`.

    Examples:
        >>> from densa.shallow import own_options
        >>> sorted(own_options("structured-forest") - own_options("pixel-forest"))
        ['patch']
    """
    kind = SHALLOW[method]
    names = {*options_of(FeatureSettings), "samples", "prior", "trees", "min_leaf"}
    names |= set(options_of(SuperpixelSettings)) if kind.regions else set()
    return names | {"random-forest": {"extra"}, "boosting": {"boosting_rate"}, "structured": {"patch"}}[kind.classifier]
