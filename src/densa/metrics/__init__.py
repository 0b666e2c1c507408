"""How good a label map is: the confusion matrix and what follows from it, boundaries."""

from densa.metrics.confusion import AbsentRule, ConfusionMatrix, Summary, VoidRule

__all__ = ["AbsentRule", "ConfusionMatrix", "Summary", "VoidRule"]
