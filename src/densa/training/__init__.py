"""Training: recipes, first weights, losses, class balance, augmentation, schedules, the loop, checkpoints."""

from densa.training.config.config import TrainConfig
from densa.training.config.recipes import PAPER, RECIPES, Recipe, recipe
from densa.training.from_config import open_splits, plan_from_config, train_from_config
from densa.training.loop.interruption import Interrupted
from densa.training.loop.train import TrainResult, train
from densa.training.patch_sizes.policy import ContextPolicy, ContextScores, recorded_sizes
from densa.training.pieces.augmentation import Augmentation, augment, draw
from densa.training.pieces.batch_norm import recalibrate_batch_norm
from densa.training.pieces.border_weights import border_weights
from densa.training.pieces.class_weights import class_weights
from densa.training.pieces.initial_weights import load_initial_weights
from densa.training.pieces.losses import cross_entropy
from densa.training.pieces.schedules import learning_rate_factor

__all__ = [
    "PAPER",
    "RECIPES",
    "Augmentation",
    "ContextPolicy",
    "ContextScores",
    "Interrupted",
    "Recipe",
    "TrainConfig",
    "TrainResult",
    "augment",
    "border_weights",
    "class_weights",
    "cross_entropy",
    "draw",
    "learning_rate_factor",
    "load_initial_weights",
    "open_splits",
    "plan_from_config",
    "recalibrate_batch_norm",
    "recipe",
    "recorded_sizes",
    "train",
    "train_from_config",
]
