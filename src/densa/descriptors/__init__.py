"""Features of pixels and of regions, made by hand: what shallow classifiers see of an image."""

from densa.descriptors.colour import ColourSpaces
from densa.descriptors.config import PIXEL_DESCRIPTORS, from_config, to_config
from densa.descriptors.dictionary import Dictionary, build_dictionary
from densa.descriptors.local_binary_patterns import LocalBinaryPatterns
from densa.descriptors.multi_scale import MultiScale
from densa.descriptors.pixel import PixelDescriptor
from densa.descriptors.region import RegionDescriptor
from densa.descriptors.region_histograms import FeatureHistogram, WordHistogram
from densa.descriptors.region_neighbours import NeighbourMean, RegionStack
from densa.descriptors.region_shape import RegionPosition, RegionShape
from densa.descriptors.region_statistics import FeatureStatistics
from densa.descriptors.simple import Position, Raw, Stack
from densa.descriptors.texton_context import TextonContext
from densa.descriptors.textons import TextonBank

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
