"""Segmenter: anything trained that turns a block of bands into class probabilities, and how it is kept on disk."""

from densa.segmenter.contract import BandContract, Segmenter
from densa.segmenter.loading import load_segmenter
from densa.segmenter.model_folder import Architecture, ModelDescription, load_network_segmenter, read_model, save_model
from densa.segmenter.network import NetworkSegmenter
from densa.segmenter.source import ModelSource

__all__ = [
    "Architecture",
    "BandContract",
    "ModelDescription",
    "ModelSource",
    "NetworkSegmenter",
    "Segmenter",
    "load_network_segmenter",
    "load_segmenter",
    "read_model",
    "save_model",
]
