"""Quality of label maps and partitions: confusion matrix and its scores, boundaries, partitions, superpixels."""

from densa.metrics.boundaries import BoundaryF1, boundary_f1
from densa.metrics.boundary_matching import (
    BoundaryCounts,
    BoundaryScore,
    BoundarySummary,
    boundary_counts,
    boundary_map,
    match_boundaries,
    summarize_boundaries,
    thin,
)
from densa.metrics.calibration.counts import LEAST_PROBABILITY, CalibrationCounts
from densa.metrics.calibration.summary import CalibrationSummary, ConfidenceBin
from densa.metrics.confusion import AbsentRule, ConfusionMatrix, Summary, VoidRule
from densa.metrics.partitions import (
    FamilyAgreement,
    PartitionScores,
    PartitionSummary,
    covering,
    family_agreement,
    partition_scores,
    rand_index,
    summarize_families,
    variation_of_information,
)
from densa.metrics.superpixels import Overlap, boundary_recall, compactness, explained_variation, superpixel_overlap

__all__ = [
    "LEAST_PROBABILITY",
    "AbsentRule",
    "BoundaryCounts",
    "BoundaryF1",
    "BoundaryScore",
    "BoundarySummary",
    "CalibrationCounts",
    "CalibrationSummary",
    "ConfidenceBin",
    "ConfusionMatrix",
    "FamilyAgreement",
    "Overlap",
    "PartitionScores",
    "PartitionSummary",
    "Summary",
    "VoidRule",
    "boundary_counts",
    "boundary_f1",
    "boundary_map",
    "boundary_recall",
    "compactness",
    "covering",
    "explained_variation",
    "family_agreement",
    "match_boundaries",
    "partition_scores",
    "rand_index",
    "summarize_boundaries",
    "summarize_families",
    "superpixel_overlap",
    "thin",
    "variation_of_information",
]
