"""Hand-made features of pixels and of regions, the input of shallow classifiers."""

from densa.descriptors.config import PIXEL_DESCRIPTORS, from_config, to_config
from densa.descriptors.dictionary import Dictionary, build_dictionary
from densa.descriptors.pixels.colour import ColourSpaces
from densa.descriptors.pixels.descriptor import PixelDescriptor
from densa.descriptors.pixels.local_binary_patterns import LocalBinaryPatterns
from densa.descriptors.pixels.multi_scale import MultiScale
from densa.descriptors.pixels.place import Place
from densa.descriptors.pixels.position import Position
from densa.descriptors.pixels.raw import Raw
from densa.descriptors.pixels.stack import Stack
from densa.descriptors.pixels.texton_context import TextonContext
from densa.descriptors.pixels.textons import TextonBank
from densa.descriptors.regions.descriptor import RegionDescriptor
from densa.descriptors.regions.histograms import FeatureHistogram, WordHistogram
from densa.descriptors.regions.neighbours import NeighbourMean
from densa.descriptors.regions.shape import RegionPosition, RegionShape
from densa.descriptors.regions.stack import RegionStack
from densa.descriptors.regions.statistics import FeatureStatistics

__all__ = [
    "PIXEL_DESCRIPTORS",
    "ColourSpaces",
    "Dictionary",
    "FeatureHistogram",
    "FeatureStatistics",
    "LocalBinaryPatterns",
    "MultiScale",
    "NeighbourMean",
    "PixelDescriptor",
    "Place",
    "Position",
    "Raw",
    "RegionDescriptor",
    "RegionPosition",
    "RegionShape",
    "RegionStack",
    "Stack",
    "TextonBank",
    "TextonContext",
    "WordHistogram",
    "build_dictionary",
    "from_config",
    "to_config",
]
