"""How good a label map is: the confusion matrix and what follows from it, boundaries, partitions."""

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

__all__ = [
    "AbsentRule",
    "BoundaryCounts",
    "BoundaryF1",
    "BoundaryScore",
    "BoundarySummary",
    "ConfusionMatrix",
    "FamilyAgreement",
    "PartitionScores",
    "PartitionSummary",
    "Summary",
    "VoidRule",
    "boundary_counts",
    "boundary_f1",
    "boundary_map",
    "covering",
    "family_agreement",
    "match_boundaries",
    "partition_scores",
    "rand_index",
    "summarize_boundaries",
    "summarize_families",
    "thin",
    "variation_of_information",
]
