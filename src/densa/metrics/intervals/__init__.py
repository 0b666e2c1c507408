"""Uncertainty of scores: intervals over independent units, differences of runs, ranks, learning curves."""

from densa.metrics.intervals.bootstrap import Interval, Resampled, intervals_of, resample
from densa.metrics.intervals.calibrated import calibration_intervals
from densa.metrics.intervals.correlation import ErrorCorrelation
from densa.metrics.intervals.learning_curve import LearningCurve, fit_learning_curve
from densa.metrics.intervals.measured import BY_DEFAULT, IntervalRule, ScoreIntervals, score_intervals
from densa.metrics.intervals.paired import Difference, PairedComparison, compare_runs, holm, permutation_test
from densa.metrics.intervals.units import UnitRule, UnitSums, UnitTable

__all__ = [
    "BY_DEFAULT",
    "Difference",
    "ErrorCorrelation",
    "Interval",
    "IntervalRule",
    "LearningCurve",
    "PairedComparison",
    "Resampled",
    "ScoreIntervals",
    "UnitRule",
    "UnitSums",
    "UnitTable",
    "calibration_intervals",
    "compare_runs",
    "fit_learning_curve",
    "holm",
    "intervals_of",
    "permutation_test",
    "resample",
    "score_intervals",
]
