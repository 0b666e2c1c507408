"""Reports of evaluations and comparisons: numbers, error maps, self-contained HTML pages."""

from typing import TYPE_CHECKING

from densa.lazy_names import import_on_use
from densa.reports.evaluation import Evaluation, ImageScore, Pair, View, evaluate_pairs
from densa.reports.measured_on import MeasuredOn
from densa.reports.page import check_output, write_report
from densa.reports.pairs import pairs_of_files, pairs_of_folders, pairs_of_masks

if TYPE_CHECKING:
    from densa.reports.comparison import Accuracy, Comparison, MethodRow, SideBySide
    from densa.reports.comparison_page import check_comparison, write_comparison
    from densa.reports.cost import Cost, CostSettings, Measured, measure_cost
    from densa.reports.predicted import pairs_of_predictions
    from densa.reports.seams import Seams, find_seams, seams_picture
    from densa.reports.uncertainty.learning_curve import MethodCurve

__all__ = [
    "Accuracy",
    "Comparison",
    "Cost",
    "CostSettings",
    "Evaluation",
    "ImageScore",
    "Measured",
    "MeasuredOn",
    "MethodCurve",
    "MethodRow",
    "Pair",
    "Seams",
    "SideBySide",
    "View",
    "check_comparison",
    "check_output",
    "evaluate_pairs",
    "find_seams",
    "measure_cost",
    "pairs_of_files",
    "pairs_of_folders",
    "pairs_of_masks",
    "pairs_of_predictions",
    "seams_picture",
    "write_comparison",
    "write_report",
]

# Modules that need torch are imported when first used: comparing label maps does not need it.
__getattr__ = import_on_use(
    __name__,
    {
        "seams": ("Seams", "find_seams", "seams_picture"),
        "predicted": ("pairs_of_predictions",),
        "cost": ("Cost", "CostSettings", "Measured", "measure_cost"),
        "comparison": ("Accuracy", "Comparison", "MethodRow", "SideBySide"),
        "uncertainty.learning_curve": ("MethodCurve",),
        "comparison_page": ("check_comparison", "write_comparison"),
    },
)
