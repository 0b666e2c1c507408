"""Data sets: folder layouts, legends, splits, checks, statistics, patches."""

from typing import TYPE_CHECKING

from densa.datasets.check import check
from densa.datasets.dataset import Dataset, Sample
from densa.datasets.opening import choose_split
from densa.datasets.opening import open_dataset as open
from densa.datasets.samples import coin_labels, coins
from densa.datasets.sampling.anchors import AnchorSampler, majority_grid
from densa.datasets.sampling.balanced_patches import BalancedSampler
from densa.datasets.sampling.labelled_patches import LabelledSampler
from densa.datasets.sampling.patches import Batch, PatchSampler
from densa.datasets.splits.blocks import block_split, split_windows
from densa.datasets.splits.description import describe_split
from densa.datasets.splits.groups import SplitRule
from densa.datasets.splits.split_file import SplitEntry, SplitFile
from densa.datasets.splits.stratify import stratify
from densa.datasets.splits.windows import WindowDataset
from densa.datasets.statistics import BandStatistics, ClassFrequencies, band_statistics, class_frequencies
from densa.lazy_names import import_on_use

if TYPE_CHECKING:
    from densa.datasets.sampling.object_crops import ObjectSampler

__all__ = [
    "AnchorSampler",
    "BalancedSampler",
    "BandStatistics",
    "Batch",
    "ClassFrequencies",
    "Dataset",
    "LabelledSampler",
    "ObjectSampler",
    "PatchSampler",
    "Sample",
    "SplitEntry",
    "SplitFile",
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
    "stratify",
]

# It needs torch, which takes seconds to import.
__getattr__ = import_on_use(__name__, {"sampling.object_crops": ("ObjectSampler",)})
