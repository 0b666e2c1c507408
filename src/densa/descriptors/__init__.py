"""Features of pixels and of regions, made by hand: what shallow classifiers see of an image."""

from densa.descriptors.colour import ColourSpaces
from densa.descriptors.local_binary_patterns import LocalBinaryPatterns
from densa.descriptors.multi_scale import MultiScale
from densa.descriptors.pixel import PixelDescriptor
from densa.descriptors.simple import Position, Raw, Stack
from densa.descriptors.texton_context import TextonContext
from densa.descriptors.textons import TextonBank

__all__ = [
    "ColourSpaces",
    "LocalBinaryPatterns",
    "MultiScale",
    "PixelDescriptor",
    "Position",
    "Raw",
    "Stack",
    "TextonBank",
    "TextonContext",
]
