"""Apply a Segmenter to a whole raster, tile by tile, with the same result as in one piece."""

from densa.engine.outputs import Job, plan_outputs
from densa.engine.predict import TilePrediction, default_tile_size, predict, predict_array, predict_to_file

__all__ = [
    "Job",
    "TilePrediction",
    "default_tile_size",
    "plan_outputs",
    "predict",
    "predict_array",
    "predict_to_file",
]
