"""Unsupervised regions: partitions of an image, their graph, and how to merge them."""

from densa.regions.mean_shift.segmentation import mean_shift, mean_shift_filter, mean_shift_trajectory
from densa.regions.normalized_cuts.graph import (
    WeightedGraph,
    normalized_cuts_of_graph,
    recursive_cuts_of_graph,
    weighted_graph,
)
from densa.regions.normalized_cuts.pixel_affinity import PixelGraph, pixel_affinities
from densa.regions.normalized_cuts.pixels import (
    ncut_eigenvectors,
    ncut_value,
    normalized_cuts,
    recursive_normalized_cuts,
)
from densa.regions.normalized_cuts.regions import normalized_cuts_of_regions, region_affinities
from densa.regions.partition.axioms import Violation, boundaries, check, connected_components, relabel
from densa.regions.partition.graph import RegionGraph, region_graph
from densa.regions.partition.merging import (
    MergeTree,
    absorb_small_regions,
    felzenszwalb_cut,
    merge_by_predicate,
    merge_tree,
    threshold_cut,
)
from densa.regions.partition.statistics import (
    Predicate,
    RegionStatistics,
    deviation_at_most,
    range_at_most,
    region_statistics,
    spread_at_most,
)
from densa.regions.slic.superpixels import slic
from densa.regions.watershed.flooding import watershed
from densa.regions.watershed.gradient import gradient_magnitude
from densa.regions.watershed.minima import area_closing, fill_minima, h_minima, label_minima, regional_minima
from densa.regions.watershed.spanning_forest import watershed_forest

__all__ = [
    "MergeTree",
    "PixelGraph",
    "Predicate",
    "RegionGraph",
    "RegionStatistics",
    "Violation",
    "WeightedGraph",
    "absorb_small_regions",
    "area_closing",
    "boundaries",
    "check",
    "connected_components",
    "deviation_at_most",
    "felzenszwalb_cut",
    "fill_minima",
    "gradient_magnitude",
    "h_minima",
    "label_minima",
    "mean_shift",
    "mean_shift_filter",
    "mean_shift_trajectory",
    "merge_by_predicate",
    "merge_tree",
    "ncut_eigenvectors",
    "ncut_value",
    "normalized_cuts",
    "normalized_cuts_of_graph",
    "normalized_cuts_of_regions",
    "pixel_affinities",
    "range_at_most",
    "recursive_cuts_of_graph",
    "recursive_normalized_cuts",
    "region_affinities",
    "region_graph",
    "region_statistics",
    "regional_minima",
    "relabel",
    "slic",
    "spread_at_most",
    "threshold_cut",
    "watershed",
    "watershed_forest",
    "weighted_graph",
]
