"""Shallow methods: hand-made features of pixels or regions, labelled by trees."""

from typing import TYPE_CHECKING

from densa.lazy_names import import_on_use

if TYPE_CHECKING:
    from densa.datasets.strokes import Stroke, Strokes, draw_strokes, read_strokes
    from densa.shallow.classifiers import CLASSIFIERS, fit_trees
    from densa.shallow.features import PixelFeatures, default_features
    from densa.shallow.model import ShallowModel
    from densa.shallow.region_features import RegionFeatures
    from densa.shallow.samples import tissue, tissue_strokes
    from densa.shallow.sampling import LabelledImages, PixelSamples, RegionSamples, sample_pixels, sample_regions
    from densa.shallow.settings import (
        FEATURES,
        SHALLOW,
        FeatureSettings,
        SampleSettings,
        ShallowSettings,
        SuperpixelSettings,
        TreeSettings,
        own_options,
    )
    from densa.shallow.structured import fit_structured_forest, patches_at, vote
    from densa.shallow.superpixels import anchored_superpixels
    from densa.shallow.training import class_factors, train_shallow
    from densa.shallow.trees import Trees

__all__ = [
    "CLASSIFIERS",
    "FEATURES",
    "SHALLOW",
    "FeatureSettings",
    "LabelledImages",
    "PixelFeatures",
    "PixelSamples",
    "RegionFeatures",
    "RegionSamples",
    "SampleSettings",
    "ShallowModel",
    "ShallowSettings",
    "Stroke",
    "Strokes",
    "SuperpixelSettings",
    "TreeSettings",
    "Trees",
    "anchored_superpixels",
    "class_factors",
    "default_features",
    "draw_strokes",
    "fit_structured_forest",
    "fit_trees",
    "own_options",
    "patches_at",
    "read_strokes",
    "sample_pixels",
    "sample_regions",
    "tissue",
    "tissue_strokes",
    "train_shallow",
    "vote",
]

# No module may have the name of a function here: once imported, it would take the function's place.
_MODULES = {
    "densa.datasets.strokes": ("Stroke", "Strokes", "draw_strokes", "read_strokes"),
    "classifiers": ("CLASSIFIERS", "fit_trees"),
    "features": ("PixelFeatures", "default_features"),
    "model": ("ShallowModel",),
    "region_features": ("RegionFeatures",),
    "samples": ("tissue", "tissue_strokes"),
    "sampling": ("LabelledImages", "PixelSamples", "RegionSamples", "sample_pixels", "sample_regions"),
    "settings": (
        "FEATURES",
        "SHALLOW",
        "FeatureSettings",
        "SampleSettings",
        "ShallowSettings",
        "SuperpixelSettings",
        "TreeSettings",
        "own_options",
    ),
    "structured": ("fit_structured_forest", "patches_at", "vote"),
    "superpixels": ("anchored_superpixels",),
    "training": ("class_factors", "train_shallow"),
    "trees": ("Trees",),
}

# The settings need neither numpy nor numba.
__getattr__ = import_on_use(__name__, _MODULES)
