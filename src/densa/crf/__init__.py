"""Conditional random fields on top of class probabilities: fully connected, on the grid, and with regions."""

from densa.crf.dense import dense_crf
from densa.crf.grid import contrast_weights, grid_crf, grid_energy
from densa.crf.parameters import DECONVNET, DEEPLAB_PYTORCH, KRAHENBUHL_KOLTUN, PUBLISHED, PYDENSECRF, DenseCrf
from densa.crf.permutohedral import permutohedral_filter
from densa.crf.regions import RegionPotential, region_weights, robust_pn
from densa.crf.tuning import Sample, TunedCrf, tune_dense_crf
from densa.crf.unary import unary_from_labels, unary_from_probabilities

__all__ = [
    "DECONVNET",
    "DEEPLAB_PYTORCH",
    "KRAHENBUHL_KOLTUN",
    "PUBLISHED",
    "PYDENSECRF",
    "DenseCrf",
    "RegionPotential",
    "Sample",
    "TunedCrf",
    "contrast_weights",
    "dense_crf",
    "grid_crf",
    "grid_energy",
    "permutohedral_filter",
    "region_weights",
    "robust_pn",
    "tune_dense_crf",
    "unary_from_labels",
    "unary_from_probabilities",
]
