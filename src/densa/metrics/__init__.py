"""How good a label map is: the confusion matrix and what follows from it, boundaries."""

from densa.metrics.boundaries import BoundaryF1, boundary_f1
from densa.metrics.confusion import AbsentRule, ConfusionMatrix, Summary, VoidRule

__all__ = ["AbsentRule", "BoundaryF1", "ConfusionMatrix", "Summary", "VoidRule", "boundary_f1"]
