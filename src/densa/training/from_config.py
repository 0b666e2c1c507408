"""A whole run from a configuration: open the data, check it, build the network, train."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from densa import datasets, networks
from densa.errors import InputError
from densa.training.config import TrainConfig
from densa.training.loop import TrainResult, train

__all__ = ["plan_from_config", "train_from_config"]


def train_from_config(
    config: TrainConfig, output: Path | str, *, resume: bool = False, overwrite: bool = False, progress: bool = True
) -> TrainResult:
    """Train as a configuration says; running its config.yaml again gives the same run.

    Args:
        config: the run.
        output: the run folder; config.yaml is written there.
        resume: go on from the checkpoint in `output`.
        overwrite: replace a run in `output`.
        progress: show a progress bar on stderr.

    Raises:
        InputError: data that is wrong, and what `train` refuses.
        Interrupted: see `train`.
    """
    splits, n_bands = _open(config)
    torch.manual_seed(config.seed)  # first weights
    architecture = config.architecture
    network = networks.build(architecture.name, n_bands, splits["train"].legend.n_classes, **architecture.arguments)
    return train(
        network,
        splits["train"],
        splits.get("val"),
        output,
        **config.training_arguments(),
        resume=resume,
        overwrite=overwrite,
        progress=progress,
        config=config.to_yaml(),
    )


def plan_from_config(config: TrainConfig) -> dict[str, Any]:
    """What a run would train on, and with what; the data is checked, nothing is written.

    Raises:
        InputError: as `train_from_config` before it starts.
    """
    splits, n_bands = _open(config)
    legend, architecture = splits["train"].legend, config.architecture
    with torch.device("meta"):
        network = networks.build(architecture.name, n_bands, legend.n_classes, **architecture.arguments)
    return {
        "images": {name: len(split) for name, split in splits.items()},
        "bands": n_bands,
        "classes": list(legend.class_names),
        "legend": splits["train"].legend_source,
        "model": architecture.name,
        "parameters": sum(p.numel() for p in network.parameters()),
        "patch_size": config.patch_size,
        "patches_per_step": config.batch_size * config.accumulation,
        "steps": config.steps,
        "minutes": config.minutes,
    }


def _open(config: TrainConfig) -> tuple[dict[str, datasets.Dataset], int]:
    """The training split and, where there is one, the validation split, both checked; and the number of bands."""
    splits = datasets.open(
        config.data,
        legend=config.legend,
        split=datasets.SplitRule(val_fraction=config.val_fraction, seed=config.split_seed),
        images=config.images,
        masks=config.masks,
    )
    if "train" not in splits:
        raise InputError(f"{config.data} has no training images, only {', '.join(splits) or 'none at all'}")
    used: dict[str, datasets.Dataset] = {name: splits[name] for name in ("train", "val") if name in splits}
    return used, datasets.check(*used.values())
