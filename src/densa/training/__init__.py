"""Training: recipes, first weights, losses, class balance, augmentation, schedules, the loop, checkpoints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from densa.lazy_names import import_on_use

if TYPE_CHECKING:
    from densa.training.config.auto import Machine, auto_settings
    from densa.training.config.config import TrainConfig
    from densa.training.config.fingerprint import Fingerprint, fingerprint
    from densa.training.config.recipes import PAPER, RECIPES, Recipe, recipe
    from densa.training.from_config import open_splits, plan_from_config, train_from_config
    from densa.training.loop.interruption import Interrupted
    from densa.training.loop.train import TrainResult, train
    from densa.training.patch_sizes.policy import PatchSizePolicy, PatchSizeScores, recorded_sizes
    from densa.training.pieces.augmentation import augment, draw
    from densa.training.pieces.batch_norm import recalibrate_batch_norm
    from densa.training.pieces.border_weights import border_weights
    from densa.training.pieces.class_weights import class_weights
    from densa.training.pieces.initial_weights import load_initial_weights
    from densa.training.pieces.losses import cross_entropy
    from densa.training.pieces.schedules import learning_rate_factor
    from densa.training.settings import (
        Augmentation,
        Data,
        Length,
        Log,
        Loss,
        Model,
        Optimisation,
        Patches,
        Training,
        Validation,
    )

_MODULES = {
    "config.config": ("TrainConfig",),
    "config.auto": ("Machine", "auto_settings"),
    "config.fingerprint": ("Fingerprint", "fingerprint"),
    "config.recipes": ("PAPER", "RECIPES", "Recipe", "recipe"),
    "from_config": ("open_splits", "plan_from_config", "train_from_config"),
    "loop.interruption": ("Interrupted",),
    "loop.train": ("TrainResult", "train"),
    "patch_sizes.policy": ("PatchSizePolicy", "PatchSizeScores", "recorded_sizes"),
    "pieces.augmentation": ("augment", "draw"),
    "pieces.batch_norm": ("recalibrate_batch_norm",),
    "pieces.border_weights": ("border_weights",),
    "pieces.class_weights": ("class_weights",),
    "pieces.initial_weights": ("load_initial_weights",),
    "pieces.losses": ("cross_entropy",),
    "pieces.schedules": ("learning_rate_factor",),
    "settings": (
        "Augmentation", "Data", "Length", "Log", "Loss", "Model", "Optimisation", "Patches", "Training",
        "Validation",
    ),
}  # fmt: skip

__all__ = [
    "PAPER",
    "RECIPES",
    "Augmentation",
    "Data",
    "Fingerprint",
    "Interrupted",
    "Length",
    "Log",
    "Loss",
    "Machine",
    "Model",
    "Optimisation",
    "PatchSizePolicy",
    "PatchSizeScores",
    "Patches",
    "Recipe",
    "TrainConfig",
    "TrainResult",
    "Training",
    "Validation",
    "augment",
    "auto_settings",
    "border_weights",
    "class_weights",
    "cross_entropy",
    "draw",
    "fingerprint",
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

# The options can be read without torch.
__getattr__ = import_on_use(__name__, _MODULES)
