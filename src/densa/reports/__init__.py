"""What an evaluation found, for people and programs: numbers, error maps, one page."""

from typing import TYPE_CHECKING, Any

from densa.reports.evaluation import Evaluation, ImageScore, Pair, View, evaluate_pairs
from densa.reports.outlines import outlined
from densa.reports.page import check_output, write_report
from densa.reports.pairs import pairs_of_files, pairs_of_folders, pairs_of_masks

if TYPE_CHECKING:
    from densa.reports.predicted import pairs_of_predictions

__all__ = [
    "Evaluation",
    "ImageScore",
    "Pair",
    "View",
    "check_output",
    "evaluate_pairs",
    "outlined",
    "pairs_of_files",
    "pairs_of_folders",
    "pairs_of_masks",
    "pairs_of_predictions",
    "write_report",
]


def __getattr__(name: str) -> Any:
    if name == "pairs_of_predictions":  # it needs a network; label maps are compared without one
        from densa.reports.predicted import pairs_of_predictions

        return pairs_of_predictions
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
