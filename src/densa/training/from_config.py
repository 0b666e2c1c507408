"""A whole run from a configuration: open the data, check it, build the network, train."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from densa import datasets, networks
from densa.datasets.sampling.object_crops import check_background
from densa.datasets.splits.groups import DEFAULT_VAL_FRACTION
from densa.datasets.splits.record import note_of_copies, split_text
from densa.errors import InputError
from densa.operators import receptive_field
from densa.training.config.config import Complete, TrainConfig
from densa.training.config.data import checked_splits, open_data
from densa.training.config.recipes import recipe
from densa.training.loop.preparation import border_note, check_objects, input_size
from densa.training.loop.run_folder import begins_again, check_run_folder
from densa.training.loop.train import TrainResult, train
from densa.training.patch_sizes.in_progress import check_context, rounded_sizes
from densa.training.patch_sizes.policy import PatchSizePolicy
from densa.training.pieces.initial_weights import NONE, load_initial_weights
from densa.training.shallow import plan_shallow, train_shallow_from_config
from densa.training.tune_crf import tune_and_say

Build = Callable[..., networks.Network]

__all__ = ["open_splits", "plan_from_config", "train_from_config"]


def train_from_config(
    config: TrainConfig,
    output: Path | str,
    *,
    resume: bool = False,
    overwrite: bool = False,
    progress: bool = True,
    build: Build = networks.build,
    complete: Complete | None = None,
) -> TrainResult:
    """Train by a configuration; training by its config.yaml again repeats the run.

    Args:
        config: the run.
        output: the run folder; config.yaml is written there.
        resume: continue from the checkpoint in `output`.
        overwrite: replace a run in `output`.
        progress: show a progress bar and the origin of the first weights on stderr.
        build: makes the network from its name, see `densa.networks.builder`.
        complete: the configuration for the training split, once it is open; called with a function that tells a line.

    Raises:
        InputError: invalid data, or arguments that `train` refuses.
        Interrupted: see `train`.

    Examples:
        >>> from densa import datasets, training
        >>> data = datasets.coins("coins")
        >>> config = training.TrainConfig.of(data=data, model="unet", width=1, steps=1, patch_size=32)
        >>> result = training.train_from_config(config, "run", progress=False)
        >>> sorted(path.name for path in result.folder.iterdir())
        ['checkpoints', 'config.yaml', 'metrics.csv', 'model.json', 'model.safetensors', 'split.json']
    """
    if config.is_shallow:
        if resume:
            raise InputError(
                f"a {config.model} writes no checkpoint and cannot be resumed; train without resume=True, and with "
                "overwrite=True where the folder holds a run"
            )
        return train_shallow_from_config(config, output, overwrite=overwrite, progress=progress, complete=complete)
    if resume and begins_again(Path(output), say=os.environ.get("RANK", "0") == "0"):
        resume, overwrite = False, True
    if not resume and os.environ.get("RANK", "0") == "0":
        check_run_folder(Path(output), overwrite=overwrite)
    opened = open_splits(config, build)
    told: list[str] = []
    splits, n_bands = checked_splits(opened, config, told.append)
    if complete is not None and not resume:
        config = complete(config, splits["train"], told.append)
        if config.split_block is not None:  # the buffer between blocks follows from the network
            opened = open_splits(config, build)
            splits, n_bands = checked_splits(opened, config)
    if config.border_weight or config.sampling.endswith("objects"):
        check_background(config.border_background, splits["train"].legend.n_classes)
    torch.manual_seed(config.seed)  # first weights
    architecture, network = config.architecture, _build(config, n_bands, splits["train"].legend.n_classes, build)
    if config.context is not None:
        check_context(PatchSizePolicy.parse(config.context), network, splits["train"])
    notes = told + _notes(config, network, splits["train"])
    if resume:
        _same_start(config, Path(output))
    elif config.weights not in {None, NONE}:
        n_classes = splits["train"].legend.n_classes
        loaded = load_initial_weights(network, architecture, config.weights, n_bands=n_bands, n_classes=n_classes)
        notes = [loaded, *notes]
    files = {} if resume or os.environ.get("RANK", "0") != "0" else _files(config, opened)
    if files and (copies := note_of_copies(files["split.json"])):
        notes.append(copies)
    network.freezes_statistics = config.freeze_statistics
    result = train(
        network,
        splits["train"],
        splits.get("val"),
        output,
        architecture=architecture,
        settings=config,
        resume=resume,
        overwrite=overwrite,
        progress=progress,
        record={"recipe": config.recipe, "initial_weights": config.weights, "notes": notes},
        files=files,
    )
    if config.tune_crf and os.environ.get("RANK", "0") == "0":
        tune_and_say(result.folder, splits["val"], seed=config.seed, progress=progress)
    return result


def _files(config: TrainConfig, splits: dict[str, datasets.Dataset]) -> dict[str, str]:
    return {"config.yaml": config.to_yaml(), "split.json": split_text(splits, config.weights)}


def plan_from_config(config: TrainConfig, complete: Complete | None = None) -> dict[str, Any]:
    """The data and settings that a run would use; the data is checked, nothing is written.

    Args:
        config: the run.
        complete: see `train_from_config`.

    Raises:
        InputError: as `train_from_config` before it starts.

    Examples:
        >>> from densa import datasets, training
        >>> data = datasets.coins("coins")
        >>> config = training.TrainConfig.of(data=data, model="unet", width=1, steps=1, patch_size=32)
        >>> found = training.plan_from_config(config)
        >>> found["images"], found["bands"], found["classes"]
        ({'train': 1}, 1, ['background', 'coin'])
    """
    if config.is_shallow:
        return plan_shallow(config, complete)
    told: list[str] = []
    splits, n_bands = checked_splits(open_splits(config), config, told.append)
    if complete is not None:
        config = complete(config, splits["train"], told.append)
    legend, architecture = splits["train"].legend, config.architecture
    with torch.device("meta"):
        network = _build(config, n_bands, legend.n_classes)
    if config.context is not None:
        check_context(PatchSizePolicy.parse(config.context), network, splits["train"])
    return {
        "images": {name: len(split) for name, split in splits.items()},
        "bands": n_bands,
        "classes": list(legend.class_names),
        "layout": splits["train"].layout,
        "legend": splits["train"].legend_source,
        "model": architecture.name,
        "parameters": sum(p.numel() for p in network.parameters()),
        "recipe": config.recipe,
        "recipe_source": recipe(config.recipe, config.model, config.flat()).source,
        "weights": config.weights,
        "notes": told + _notes(config, network, splits["train"]),
        "sampling": config.sampling,
        "patch_size": config.patch_size if config.context is None else config.context,
        "input_size": list(input_size(network, _largest_patch(config))),
        "patches_per_step": config.batch_size * config.accumulation,
        "steps": config.steps,
        "minutes": config.minutes,
    }


def _build(config: TrainConfig, n_bands: int, n_classes: int, build: Build = networks.build) -> networks.Network:
    """The network with random weights."""
    name, arguments = config.architecture.name, config.architecture.arguments
    try:
        return build(name, n_bands, n_classes, **arguments)
    except TypeError as error:
        raise InputError(f"network {name} cannot be built of {arguments}: {error}") from error


def _notes(config: TrainConfig, network: nn.Module, dataset: datasets.Dataset) -> list[str]:
    """Notes for people: differences from the paper, rounded patch sizes, the objects of border weights."""
    row = recipe(config.recipe, config.model, config.flat())
    missing = row.start and config.weights is None
    check_objects(dataset.legend, config)
    notes = [*dataset.taken, *dataset.remarks]
    notes += (
        [f"the paper starts from {row.start}, this run from random ones; weights=FILE gives others"] if missing else []
    )
    if config.context is not None:
        policy = PatchSizePolicy.parse(config.context)
        sizes = rounded_sizes(policy, network)
        if not set(sizes) <= set(policy.probabilities) or len(sizes) < len(policy.probabilities):
            listed = ", ".join(map(str, sizes[:12])) + (", ..." if len(sizes) > 12 else "")
            notes.append(f"patch sizes are rounded up to what the network takes: {listed}")
    borders = border_note(dataset, config)
    notes += [] if borders is None else [borders]
    return notes + ([f"differences from the paper: {row.remains}"] if row.remains else [])


def _largest_patch(config: TrainConfig) -> int | tuple[int, int]:
    return config.patch_size if config.context is None else PatchSizePolicy.parse(config.context).values[-1]


def _same_start(config: TrainConfig, output: Path) -> None:
    """Refuse to resume a run with other first weights, which its checkpoint replaces, or with other bands."""
    then = TrainConfig.from_yaml(output / "config.yaml") if (output / "config.yaml").is_file() else None
    weights, bands = (None, config.bands) if then is None else (then.weights, then.bands)
    if config.weights != weights:
        raise InputError(
            f"the run in {output} began with the weights {weights}, not {config.weights}; leave `weights` out"
        )
    if config.bands != bands:
        raise InputError(f"the run in {output} reads the bands {bands or 'all'}; leave `bands` out")


def open_splits(config: TrainConfig, build: Build = networks.build) -> dict[str, datasets.Dataset]:
    """The splits of a configuration, unchecked: by split file, folder, list or scene, or by block with `split_block`.

    Raises:
        InputError: invalid data, or blocks that are too small for the patches and the network's receptive field.

    Examples:
        >>> from densa import datasets, training
        >>> data = datasets.coins("coins")
        >>> config = training.TrainConfig.of(data=data, model="unet", width=1, steps=1, patch_size=32)
        >>> sorted(training.open_splits(config))
        ['test', 'train']
    """
    by_block = config.split_block is not None
    if by_block and config.split_file is not None:
        raise InputError("split_file decides the splits, so split_block has no effect; leave one of them out")
    splits = open_data(config, val_fraction=0.0 if by_block else config.val_fraction)
    if config.split_block is None or "train" not in splits:
        return splits
    if "val" in splits:
        raise InputError("the data set brings its own val split; leave split_block out")
    scenes = splits["train"]
    with torch.device("meta"):
        network = _build(config, scenes.n_bands, scenes.legend.n_classes, build)
    field, patch = receptive_field(network, scenes.n_bands), input_size(network, _largest_patch(config))
    blocks = datasets.block_split(
        scenes,
        block=config.split_block,
        buffer=max(patch) + field.size,
        val_fraction=DEFAULT_VAL_FRACTION if config.val_fraction is None else config.val_fraction,
        seed=config.split_seed,
        smallest=max(patch),
    )
    return {**blocks, **({"test": splits["test"]} if "test" in splits else {})}
