"""Region methods on rasters of any size: the same regions for any tiling, any workers and any memory budget."""

from densa.engine.regions.by_name import parse_predicate, reach_of, region_method
from densa.engine.regions.check.axioms import Violations, check_regions
from densa.engine.regions.components import Components, Relabel
from densa.engine.regions.cuts_of_pixels import PixelCuts
from densa.engine.regions.cuts_of_regions import NormalizedCuts
from densa.engine.regions.estimate import estimate_segmentation
from densa.engine.regions.graph.merge_small import MergeSmall
from densa.engine.regions.mean_shift import MeanShift
from densa.engine.regions.products.files import RegionOutputs
from densa.engine.regions.run import segment_array, segment_to_file
from densa.engine.regions.slic.method import Slic
from densa.engine.regions.stages.stage import RegionMethod, Stage, Tile
from densa.engine.regions.watershed.method import Watershed

__all__ = [
    "Components",
    "MeanShift",
    "MergeSmall",
    "NormalizedCuts",
    "PixelCuts",
    "RegionMethod",
    "RegionOutputs",
    "Relabel",
    "Slic",
    "Stage",
    "Tile",
    "Violations",
    "Watershed",
    "check_regions",
    "estimate_segmentation",
    "parse_predicate",
    "reach_of",
    "region_method",
    "segment_array",
    "segment_to_file",
]
