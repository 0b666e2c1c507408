"""Shallow methods: hand-made features of pixels or regions, labelled by trees."""

from densa.shallow.classifiers import CLASSIFIERS, fit_trees
from densa.shallow.features import FEATURES, PixelFeatures, default_features
from densa.shallow.model import ShallowModel
from densa.shallow.region_features import RegionFeatures
from densa.shallow.samples import tissue, tissue_strokes
from densa.shallow.sampling import LabelledImages, PixelSamples, RegionSamples, sample_pixels, sample_regions
from densa.shallow.scribbles import Stroke, Strokes, draw_strokes, read_strokes
from densa.shallow.structured import fit_structured_forest, patches_at, vote
from densa.shallow.superpixels import anchored_superpixels
from densa.shallow.training import SHALLOW, class_factors, train_shallow
from densa.shallow.trees import Trees

__all__ = [
    "CLASSIFIERS",
    "FEATURES",
    "SHALLOW",
    "LabelledImages",
    "PixelFeatures",
    "PixelSamples",
    "RegionFeatures",
    "RegionSamples",
    "ShallowModel",
    "Stroke",
    "Strokes",
    "Trees",
    "anchored_superpixels",
    "class_factors",
    "default_features",
    "draw_strokes",
    "fit_structured_forest",
    "fit_trees",
    "patches_at",
    "read_strokes",
    "sample_pixels",
    "sample_regions",
    "tissue",
    "tissue_strokes",
    "train_shallow",
    "vote",
]
