"""Data sets: folder layouts, legends, splits, checks, statistics, patches."""

from densa.datasets.anchors import AnchorSampler, majority_grid
from densa.datasets.balanced_patches import BalancedSampler
from densa.datasets.block_split import WindowDataset, block_split, describe_split, split_windows
from densa.datasets.check import check
from densa.datasets.dataset import Dataset, choose_split
from densa.datasets.dataset import open_dataset as open
from densa.datasets.object_crops import ObjectSampler
from densa.datasets.patches import Batch, PatchSampler
from densa.datasets.sample import Sample
from densa.datasets.samples import coin_labels, coins
from densa.datasets.splits import SplitRule
from densa.datasets.statistics import BandStatistics, ClassFrequencies, band_statistics, class_frequencies

__all__ = [
    "AnchorSampler",
    "BalancedSampler",
    "BandStatistics",
    "Batch",
    "ClassFrequencies",
    "Dataset",
    "ObjectSampler",
    "PatchSampler",
    "Sample",
    "SplitRule",
    "WindowDataset",
    "band_statistics",
    "block_split",
    "check",
    "choose_split",
    "class_frequencies",
    "coin_labels",
    "coins",
    "describe_split",
    "majority_grid",
    "open",
    "split_windows",
]
