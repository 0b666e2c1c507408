"""Training: losses, class balance, augmentation, schedules, the loop, checkpoints."""

from densa.training.augmentation import Augmentation
from densa.training.border_weights import border_weights
from densa.training.class_weights import class_weights
from densa.training.interruption import Interrupted
from densa.training.loop import TrainResult, train
from densa.training.losses import cross_entropy

__all__ = [
    "Augmentation",
    "Interrupted",
    "TrainResult",
    "border_weights",
    "class_weights",
    "cross_entropy",
    "train",
]
