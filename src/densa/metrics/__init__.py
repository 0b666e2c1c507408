"""Quality of label maps and partitions: confusion matrix and its scores, boundaries, partitions, superpixels."""

from densa.metrics.boundaries import BoundaryF1, boundary_f1
from densa.metrics.boundary_iou import BoundaryIou, mask_bands
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
from densa.metrics.breakdown import Breakdown, GroupScores
from densa.metrics.calibration.counts import LEAST_PROBABILITY, CalibrationCounts
from densa.metrics.calibration.summary import CalibrationSummary, ConfidenceBin
from densa.metrics.confusion import AbsentRule, ConfusionMatrix, Summary, VoidRule
from densa.metrics.dice import DicePerImage
from densa.metrics.disagreement import Disagreement, disagreement
from densa.metrics.error_blocks import BlockErrors, ErrorBlock, ErrorBlocks
from densa.metrics.further import MEASURES, FurtherMeasures, Measure
from densa.metrics.hausdorff import Hausdorff, hausdorff
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
from densa.metrics.size_recall import SizeRecall, SizeRow
from densa.metrics.superpixels import Overlap, boundary_recall, compactness, explained_variation, superpixel_overlap
from densa.metrics.trimap import Trimap, trimap
from densa.metrics.weighted_kappa import weighted_kappa

__all__ = [
    "LEAST_PROBABILITY",
    "MEASURES",
    "AbsentRule",
    "BlockErrors",
    "BoundaryCounts",
    "BoundaryF1",
    "BoundaryIou",
    "BoundaryScore",
    "BoundarySummary",
    "Breakdown",
    "CalibrationCounts",
    "CalibrationSummary",
    "ConfidenceBin",
    "ConfusionMatrix",
    "DicePerImage",
    "Disagreement",
    "ErrorBlock",
    "ErrorBlocks",
    "FamilyAgreement",
    "FurtherMeasures",
    "GroupScores",
    "Hausdorff",
    "Measure",
    "Overlap",
    "PartitionScores",
    "PartitionSummary",
    "SizeRecall",
    "SizeRow",
    "Summary",
    "Trimap",
    "VoidRule",
    "boundary_counts",
    "boundary_f1",
    "boundary_map",
    "boundary_recall",
    "compactness",
    "covering",
    "disagreement",
    "explained_variation",
    "family_agreement",
    "hausdorff",
    "mask_bands",
    "match_boundaries",
    "partition_scores",
    "rand_index",
    "summarize_boundaries",
    "summarize_families",
    "superpixel_overlap",
    "thin",
    "trimap",
    "variation_of_information",
    "weighted_kappa",
]
