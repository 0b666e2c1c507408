"""Apply a segmenter or a region method to a raster of any size, tile by tile, with the result of the whole image."""

from __future__ import annotations

from typing import TYPE_CHECKING

from densa.lazy_names import import_on_use

if TYPE_CHECKING:
    from densa.engine.prediction.blend import BLENDS, Blended
    from densa.engine.prediction.budget import default_tile_size
    from densa.engine.prediction.estimate import estimate_prediction
    from densa.engine.prediction.naming import PlannedImage, plan_outputs
    from densa.engine.prediction.patches import (
        patch_starts,
        predict_patches,
        predict_patches_array,
        predict_patches_to_file,
    )
    from densa.engine.prediction.predict import predict, predict_array, predict_to_file
    from densa.engine.prediction.settings import PolygonShape
    from densa.engine.prediction.task import PredictionFiles
    from densa.engine.prediction.tile import TilePrediction
    from densa.engine.resources.estimate import Estimate
    from densa.engine.resources.memory import parse_bytes
    from densa.engine.work.crew import Crew
    from densa.engine.work.settings import Work

__all__ = [
    "BLENDS",
    "Blended",
    "Crew",
    "Estimate",
    "PlannedImage",
    "PolygonShape",
    "PredictionFiles",
    "TilePrediction",
    "Work",
    "default_tile_size",
    "estimate_prediction",
    "parse_bytes",
    "patch_starts",
    "plan_outputs",
    "predict",
    "predict_array",
    "predict_patches",
    "predict_patches_array",
    "predict_patches_to_file",
    "predict_to_file",
]

_MODULES = {
    "prediction.blend": ("BLENDS", "Blended"),
    "prediction.budget": ("default_tile_size",),
    "prediction.estimate": ("estimate_prediction",),
    "prediction.naming": ("PlannedImage", "plan_outputs"),
    "prediction.patches": ("patch_starts", "predict_patches", "predict_patches_array", "predict_patches_to_file"),
    "prediction.predict": ("predict", "predict_array", "predict_to_file"),
    "prediction.settings": ("PolygonShape",),
    "prediction.tile": ("TilePrediction",),
    "prediction.task": ("PredictionFiles",),
    "resources.estimate": ("Estimate",),
    "resources.memory": ("parse_bytes",),
    "work.crew": ("Crew",),
    "work.settings": ("Work",),
}

# Region methods do without torch, which takes seconds and 200 MB to import.
__getattr__ = import_on_use(__name__, _MODULES)
