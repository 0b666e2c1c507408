"""Apply a segmenter or a region method to a whole raster, tile by tile, with the same result as in one piece."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from densa.engine.blend import BLENDS, Blended
    from densa.engine.budget import default_tile_size
    from densa.engine.compute import TilePrediction
    from densa.engine.crew import Crew
    from densa.engine.estimate import Estimate
    from densa.engine.memory import parse_bytes
    from densa.engine.multi_context import patch_starts, predict_patches, predict_patches_array, predict_patches_to_file
    from densa.engine.outputs import Job, plan_outputs
    from densa.engine.prediction import predict, predict_array, predict_to_file
    from densa.engine.prediction_estimate import estimate_prediction

__all__ = [
    "BLENDS",
    "Blended",
    "Crew",
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

_MODULES = {
    "blend": ("BLENDS", "Blended"),
    "budget": ("default_tile_size",),
    "compute": ("TilePrediction",),
    "crew": ("Crew",),
    "estimate": ("Estimate",),
    "memory": ("parse_bytes",),
    "multi_context": ("patch_starts", "predict_patches", "predict_patches_array", "predict_patches_to_file"),
    "outputs": ("Job", "plan_outputs"),
    "prediction": ("predict", "predict_array", "predict_to_file"),
    "prediction_estimate": ("estimate_prediction",),
}
_WHERE = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Import what is asked for only: region methods do without torch, which takes seconds and 200 MB."""
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
