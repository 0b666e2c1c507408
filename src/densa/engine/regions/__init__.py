"""Region methods on rasters of any size: the same regions for any tile size, workers and memory budget."""

from __future__ import annotations

from typing import TYPE_CHECKING

from densa.lazy_names import import_on_use

if TYPE_CHECKING:
    from densa.engine.regions.by_name import parse_predicate, reach_of, region_method
    from densa.engine.regions.check.axioms import Violations, check_regions
    from densa.engine.regions.components import Components, Relabel
    from densa.engine.regions.cuts_of_pixels import PixelCuts
    from densa.engine.regions.cuts_of_regions import NormalizedCuts
    from densa.engine.regions.estimate import estimate_segmentation
    from densa.engine.regions.graph.merge_small import MergeSmall
    from densa.engine.regions.mean_shift import MeanShift
    from densa.engine.regions.products.files import RegionFiles
    from densa.engine.regions.run import segment_array, segment_to_file
    from densa.engine.regions.settings import RegionSettings
    from densa.engine.regions.slic.method import Slic
    from densa.engine.regions.stages.stage import RegionMethod, Stage, Tile
    from densa.engine.regions.watershed.method import Watershed

__all__ = [
    "Components",
    "MeanShift",
    "MergeSmall",
    "NormalizedCuts",
    "PixelCuts",
    "RegionFiles",
    "RegionMethod",
    "RegionSettings",
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

# No module may have the name of a function here: once imported, it would take the function's place.
_MODULES = {
    "by_name": ("parse_predicate", "reach_of", "region_method"),
    "check.axioms": ("Violations", "check_regions"),
    "components": ("Components", "Relabel"),
    "cuts_of_pixels": ("PixelCuts",),
    "cuts_of_regions": ("NormalizedCuts",),
    "estimate": ("estimate_segmentation",),
    "graph.merge_small": ("MergeSmall",),
    "mean_shift": ("MeanShift",),
    "products.files": ("RegionFiles",),
    "run": ("segment_array", "segment_to_file"),
    "settings": ("RegionSettings",),
    "slic.method": ("Slic",),
    "stages.stage": ("RegionMethod", "Stage", "Tile"),
    "watershed.method": ("Watershed",),
}

# The help of the command line needs the settings only.
__getattr__ = import_on_use(__name__, _MODULES)
