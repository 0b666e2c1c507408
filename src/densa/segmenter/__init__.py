"""Segmenter: anything trained that turns a block of bands into class probabilities, and how it is kept on disk."""

from densa.segmenter.augmented import Augmented
from densa.segmenter.calibration.calibrated import Calibrated, uncalibrated, within_calibration
from densa.segmenter.calibration.fitting import fit_scaling
from densa.segmenter.calibration.scaling import Scaling
from densa.segmenter.calibration.stored import StoredCalibration, read_calibration, store_calibration
from densa.segmenter.contract import BandContract, Segmenter
from densa.segmenter.crf_parameters import store_crf, stored_crf
from densa.segmenter.ensemble import Ensemble
from densa.segmenter.ensemble_folder import EnsembleDescription, load_ensemble, read_ensemble, save_ensemble
from densa.segmenter.fitting import Fitted, fit_header, fit_raster
from densa.segmenter.forest import ForestSegmenter
from densa.segmenter.forest_folder import ForestDescription, load_forest, read_forest, save_forest
from densa.segmenter.loading import load_segmenter, model_format
from densa.segmenter.model_folder import Architecture, ModelDescription, load_network_segmenter, read_model, save_model
from densa.segmenter.monte_carlo import MonteCarlo, Sampled
from densa.segmenter.network import NetworkSegmenter
from densa.segmenter.refined import Refined
from densa.segmenter.source import ModelSource

__all__ = [
    "Architecture",
    "Augmented",
    "BandContract",
    "Calibrated",
    "Ensemble",
    "EnsembleDescription",
    "Fitted",
    "ForestDescription",
    "ForestSegmenter",
    "ModelDescription",
    "ModelSource",
    "MonteCarlo",
    "NetworkSegmenter",
    "Refined",
    "Sampled",
    "Scaling",
    "Segmenter",
    "StoredCalibration",
    "fit_header",
    "fit_raster",
    "fit_scaling",
    "load_ensemble",
    "load_forest",
    "load_network_segmenter",
    "load_segmenter",
    "model_format",
    "read_calibration",
    "read_ensemble",
    "read_forest",
    "read_model",
    "save_ensemble",
    "save_forest",
    "save_model",
    "store_calibration",
    "store_crf",
    "stored_crf",
    "uncalibrated",
    "within_calibration",
]
