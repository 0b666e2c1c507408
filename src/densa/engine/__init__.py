"""Apply a Segmenter to a whole raster, tile by tile, with the same result as in one piece."""

from densa.engine.blend import BLENDS, Blended
from densa.engine.budget import default_tile_size
from densa.engine.compute import TilePrediction
from densa.engine.estimate import Estimate, estimate_prediction
from densa.engine.memory import parse_bytes
from densa.engine.multi_context import patch_starts, predict_patches, predict_patches_array, predict_patches_to_file
from densa.engine.outputs import Job, plan_outputs
from densa.engine.predict import predict, predict_array, predict_to_file

__all__ = [
    "BLENDS",
    "Blended",
    "Estimate",
    "Job",
    "TilePrediction",
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
