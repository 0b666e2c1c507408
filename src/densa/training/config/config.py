"""The options of a training run together, from named values or a config.yaml."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import yaml

from densa.datasets import Dataset
from densa.errors import InputError, one_line
from densa.options import options_of
from densa.segmenter import Architecture
from densa.shallow import SHALLOW, ShallowSettings, own_options
from densa.training.config.recipes import recipe
from densa.training.pieces.initial_weights import IMAGENET, NONE, implied_arguments
from densa.training.settings import Training, TrainOptions, named_arguments

__all__ = ["OF_NETWORKS", "Complete", "TrainConfig", "read_config"]

OF_NETWORKS = {"width", "encoder", "weights", "recipe", "split_block", *options_of(Training)} - {"seed"}
"""Options that shallow methods do not have."""

_RENAMED = {"regions": "region_size", "learning_rate": "boosting_rate"}  # arguments of shallow methods in 0.1


@dataclass(frozen=True, kw_only=True)
class TrainConfig(TrainOptions):
    """A training run: data, model and all settings.

    The defaults, the recipe "default", suit some dozens of images and a CPU. `of` and `from_yaml` fill in the
    values that a recipe and first weights imply: given values override the weights, the weights the recipe.

    Examples:
        >>> from densa import datasets, training
        >>> data = datasets.coins("coins")
        >>> config = training.TrainConfig.of(data=data, model="unet", width=1, steps=1, patch_size=32)
        >>> config.architecture
        Architecture(name='unet', arguments={'width': 1})
        >>> [line for line in config.to_yaml().splitlines() if line.startswith("data")]
        ['data: coins']
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.is_shallow and ":" not in self.model and "width" in self.model_arguments:
            raise InputError("width is an option of its own; take it out of model_arguments")

    @classmethod
    def of(cls, **values: Any) -> Self:
        """A configuration of named values; the first weights and the recipe fill in the others.

        Raises:
            InputError: names every value that is unknown or out of range, in one line; an unknown recipe or network.
        """
        try:
            return super().of(**_resolved(values))
        except InputError as error:
            raise InputError(f"train: {error}") from error

    @classmethod
    def from_yaml(cls, path: Path | str, **overrides: Any) -> Self:
        """Read a config.yaml; values in `overrides` replace those of the file.

        Raises:
            InputError: the file is missing or not YAML, holds invalid values, or has the settings of another recipe.
        """
        content = read_config(path)
        wanted = overrides.get("recipe", content.get("recipe"))
        if "recipe" in content and wanted != content["recipe"]:
            raise InputError(
                f"config {path} holds all settings of recipe={content['recipe']}; leave out recipe={wanted}, or take "
                "that recipe without the file"
            )
        if isinstance(content.get("model_arguments"), dict) and "model_arguments" in overrides:
            overrides["model_arguments"] = content["model_arguments"] | _arguments_of(overrides)
        return cls.of(**content | overrides)

    def to_yaml(self) -> str:
        """The text of config.yaml: complete, so that reading it gives an equal configuration."""
        apart = OF_NETWORKS | {"model_arguments"} if self.is_shallow else set(options_of(ShallowSettings))
        apart |= set(options_of(ShallowSettings)) - own_options(self.model) if self.is_shallow else set()
        content = {name: _plain(value) for name, value in self.flat().items() if name not in apart}
        return yaml.safe_dump(content, sort_keys=False)

    @property
    def is_shallow(self) -> bool:
        """Whether the model is a shallow method, which has no optimiser, patches or augmentation."""
        return self.model in SHALLOW

    @property
    def architecture(self) -> Architecture:
        """The network's name and arguments, for `densa.networks.build` and `train`."""
        width = {} if ":" in self.model else {"width": self.width}  # the caller's own network
        encoder = {} if self.encoder is None else {"encoder": self.encoder}
        return Architecture(self.model, {**width, **encoder, **self.model_arguments})


Complete = Callable[[TrainConfig, Dataset, Callable[[str], None]], TrainConfig]
"""Gives the configuration for an open training split, and tells each decision by a line."""


def read_config(path: Path | str) -> dict[str, Any]:
    """The named values of a config.yaml, unchecked.

    Raises:
        InputError: the file is missing or holds no named values.
    """
    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, RecursionError, yaml.YAMLError) as error:
        raise InputError(f"config {path} cannot be read: {one_line(error)}") from error
    if not isinstance(content, dict):
        raise InputError(f"config {path} must hold `option: value` lines, got {type(content).__name__}")
    return {str(key): value for key, value in content.items()}


def _resolved(values: Mapping[str, Any]) -> dict[str, Any]:
    """Named values, completed by those that the first weights and the recipe imply."""
    model, weights = values.get("model", "unet"), values.get("weights")
    own = _arguments_of(values)
    if not isinstance(model, str) or not isinstance(own, dict):
        return dict(values)  # refused by the check of types
    if model in SHALLOW:
        return _of_shallow(model, values, own)
    _refuse_shallow_options(model, values, own)
    if values.get("strokes") is not None or values.get("labels") is not None:  # patches without a label teach nothing
        values = {"sampling": "labelled", **values}
    rows = recipe(values.get("recipe", "default"), model, {**values, "model_arguments": own})
    if values.get("encoder") is not None:
        return {**rows.settings, **_of_encoder(values), **values, "model_arguments": own}
    if values.get("freeze_statistics") or values.get("encoder_rate", 1) != 1:
        raise InputError("freeze_statistics and encoder_rate need an encoder, such as encoder=efficientnet-lite0")
    implied = implied_arguments(weights, model) if weights is not None else {}
    width = {"width": implied.pop("width")} if "width" in implied else {}
    arguments = {**rows.settings.get("model_arguments", {}), **implied, **own}
    return {**rows.settings, **width, **values, "model_arguments": arguments}


def _of_encoder(values: Mapping[str, Any]) -> dict[str, Any]:
    """What an encoder implies: its ImageNet weights, a lower rate for them, a decoder of usual width."""
    weights = values.get("weights") or IMAGENET
    rates = {"encoder_rate": 0.5, "learning_rate": 1e-3} if weights == IMAGENET else {}
    if values.get("freeze_statistics") and weights == NONE:
        raise InputError("freeze_statistics keeps the statistics of trained weights; with weights=none there are none")
    return {"width": 32, **rates, "weights": weights}


def _of_shallow(model: str, values: Mapping[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """The values of a shallow method; its arguments are options, and may also be given in `model_arguments`."""
    own = {_RENAMED.get(name, name): value for name, value in own.items()}
    known = own_options(model)
    if unknown := [name for name in own if name not in known]:
        raise InputError(f"{model} has no argument {unknown[0]}; it has {', '.join(sorted(known))}")
    given = [name for name, value in values.items() if value is not None]
    idle = [name for name in given if name in OF_NETWORKS or name in set(options_of(ShallowSettings)) - known]
    if idle:
        raise InputError(
            f"{', '.join(sorted(idle))} has no effect on {model}; it has {', '.join(sorted(known))}, and seed"
        )
    return {**own, **values, "model_arguments": {}}


def _refuse_shallow_options(model: str, values: Mapping[str, Any], own: Mapping[str, Any]) -> None:
    """Refuse options of shallow methods for a network."""
    names = {name for name, value in values.items() if value is not None} | set(own) - {"learning_rate"}
    if idle := sorted(names & {*options_of(ShallowSettings), "regions"}):
        raise InputError(f"{', '.join(idle)} has no effect on {model}; shallow methods: {', '.join(SHALLOW)}")


def _arguments_of(values: Mapping[str, Any]) -> Any:
    """The network's arguments among named values, as a dictionary where they can be read as one."""
    try:
        return named_arguments(values.get("model_arguments") or {})
    except ValueError as error:
        raise InputError(f"model_arguments {error}") from error


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else str(value) if isinstance(value, Path) else value
