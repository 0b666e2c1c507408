"""Everything that decides a training run, in one flat level; saved beside the weights as config.yaml."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, Field, ValidationError, model_validator

from densa.errors import InputError
from densa.segmenter import Architecture
from densa.shallow import SHALLOW
from densa.training.config.recipes import recipe
from densa.training.config.shallow_options import OPTIONS, check_arguments_of, check_options, shallow_arguments
from densa.training.patch_sizes.policy import ContextPolicy
from densa.training.pieces.augmentation import Augmentation
from densa.training.pieces.initial_weights import implied_arguments

__all__ = ["TrainConfig"]

_AUGMENTATIONS = tuple(field.name for field in fields(Augmentation))
_DATA = ("data", "images", "masks", "legend", "val_fraction", "split_seed", "split_block", "strokes", "tune_crf")
_NETWORK = ("model", "width", "model_arguments", "recipe", "weights")


def _size(value: Any) -> Any:
    """256, or (360, 480), "256" and "360x480" as the command line says it."""
    parts = value.lower().split("x") if isinstance(value, str) else value
    parts = parts if isinstance(parts, (list, tuple)) else [parts]
    sides = [part if isinstance(part, int) else int(str(part)) if str(part).isdecimal() else 0 for part in parts]
    if len(sides) not in (1, 2) or min(sides) < 1:
        raise ValueError('must be a side in pixels, at least 1, or height and width such as "360x480"')
    return sides[0] if len(sides) == 1 else tuple(sides)


def _shares(value: Any) -> Any:
    """(0.6, 0.85), or "0.6,0.85" as the command line says it."""
    try:
        shares = tuple(float(part) for part in (value.split(",") if isinstance(value, str) else value))
    except (TypeError, ValueError):
        shares = (-1.0,)
    if not all(0 <= share <= 1 for share in shares):
        raise ValueError('must be shares of the run from 0 to 1, such as "0.6,0.85"')
    return shares


def _context(value: Any) -> Any:
    """ "uniform:25-85" and the like as `ContextPolicy` reads it; "none" is None."""
    if value is None or value == "none":
        return None
    try:
        return str(ContextPolicy.parse(str(value)))
    except InputError as error:
        raise ValueError(f"cannot be used: {error}") from error


def _arguments(value: Any) -> Any:
    """{"dropout": 0.5}, or ["dropout=0.5"] as the command line says it."""
    if not isinstance(value, (list, tuple)):
        return value
    pairs = [str(entry).partition("=") for entry in value]
    if wrong := [name for name, sign, _ in pairs if not sign]:
        raise ValueError(f"must be NAME=VALUE, such as dropout=0.5, got {wrong[0]!r}")
    try:
        return {name.strip(): yaml.safe_load(text) for name, _, text in pairs}
    except yaml.YAMLError as error:
        raise ValueError("must be NAME=VALUE with a number, true, false or a word as its value") from error


class TrainConfig(BaseModel, frozen=True, extra="forbid", protected_namespaces=()):
    """A training run: the data, the network and the arguments of `train`, whose meaning stands there.

    The defaults, the recipe "default", are meant for some dozens of images and a processor. `of` and `from_yaml` fill
    in what a recipe and first weights imply; what is given wins over the weights, those over the recipe.
    """

    data: Path
    """Folder of images and masks."""
    images: Path | None = None
    """Folder of the images, where it has a name of its own."""
    masks: Path | None = None
    legend: Path | None = None
    """Legend file; None takes the folder's own, or infers it from the masks."""
    val_fraction: float | None = Field(None, ge=0, lt=1)
    """Share of the scenes held out for validation; None: a fifth, where the folder has no split of its own."""
    split_seed: int = Field(0, ge=0)
    split_block: int | None = Field(None, ge=1)
    """Split the scenes themselves into blocks of this side, a buffer of patch plus receptive field between splits."""

    strokes: Path | None = None
    """File of strokes on one image, `data`, that a shallow method is to be trained from."""

    model: str = "unet"
    """A name of `densa.networks` or of `densa.shallow`, which has few of the options."""
    width: int = Field(16, ge=1)
    """Channels of the first level; the papers' networks have 64."""
    model_arguments: Annotated[dict[str, bool | int | float | str], BeforeValidator(_arguments)] = {}
    """Further arguments of the network, or those of the shallow method."""
    recipe: str = "default"
    """A name of `densa.training.config.recipes`; its settings are resolved into the other fields."""
    weights: str | None = None
    """First weights: "imagenet", a file, or the folder of a trained model; see `pieces.initial_weights`."""

    steps: int | None = Field(None, ge=1)
    minutes: float | None = Field(None, gt=0)
    patch_size: Annotated[int | tuple[int, int], BeforeValidator(_size)] = 256
    context: Annotated[str | None, BeforeValidator(_context)] = None
    """Patch size drawn for every step, in place of patch_size: "uniform:25-85"."""
    context_score: Literal["accuracy", "paper-accuracy", "loss"] = "accuracy"
    context_decay: float = Field(0.0, ge=0, lt=1)
    sampling: Literal["random", "balanced", "anchors", "single-objects", "objects"] = "random"
    anchor_crop: int = Field(25, ge=1)
    anchor_stride: int = Field(25, ge=1)
    anchor_passes: int = Field(1, ge=1)
    batch_size: int = Field(8, ge=1)
    accumulation: int = Field(1, ge=1)
    optimizer: Literal["adamw", "sgd"] = "adamw"
    learning_rate: float = Field(2e-3, gt=0)
    bias_rate: float = Field(1.0, gt=0)
    classifier_rate: float = Field(1.0, gt=0)
    weight_decay: float = Field(1e-2, ge=0)
    momentum: float = Field(0.9, ge=0, lt=1)
    schedule: Literal["cosine", "poly", "step", "constant"] = "cosine"
    poly_power: float = Field(0.9, ge=0)
    milestones: Annotated[tuple[float, ...], BeforeValidator(_shares)] = (0.6, 0.85)
    step_factor: float = Field(0.1, gt=0)
    warmup: float = Field(0.03, ge=0, lt=1)
    clip_norm: float = Field(5.0, ge=0)
    loss_scale: Literal["mean", "image", "sum"] = "mean"
    class_weights: Literal["none", "inverse", "median-frequency", "tempered"] = "none"
    border_weight: float = Field(0.0, ge=0)
    border_sigma: float = Field(5.0, gt=0)
    border_background: int = Field(0, ge=0)
    ema_decay: float = Field(0.0, ge=0, lt=1)
    recalibrate: bool | None = None
    validate_every: int | None = Field(None, ge=1)
    patience: int = Field(0, ge=0)
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    device: str = "auto"
    seed: int = Field(0, ge=0)
    tune_crf: bool = False
    """After training, choose a CRF's parameters on the validation images; see `densa.training.tune_crf`."""
    log_every: int = Field(10, ge=1)
    tensorboard: bool = False

    flip_rows: bool = True
    """Mirror top to bottom; turn it off where up is up: photographs of streets."""
    flip_columns: bool = True
    quarter_turns: bool = False
    rotation: float = Field(15.0, ge=0)
    scale: float = Field(0.25, ge=0)
    elastic: float = Field(0.0, ge=0)
    gain: float = Field(0.2, ge=0, lt=1)
    offset: float = Field(0.2, ge=0)
    gamma: float = Field(0.1, ge=0)

    @model_validator(mode="after")
    def _width_once(self) -> TrainConfig:
        if self.is_shallow:
            shallow_arguments(self.model, self.model_arguments)
        elif "width" in self.model_arguments:
            raise ValueError("width is an option of its own; take it out of model_arguments")
        return self

    @classmethod
    def of(cls, **values: Any) -> TrainConfig:
        """A configuration of named values; what is not given is what the weights and the recipe say.

        Raises:
            InputError: names every value that is unknown or out of range, in one line; an unknown recipe or network.
        """
        try:
            return cls(**_resolved(values))
        except ValidationError as error:
            wrong = [_sentence(entry) for entry in error.errors(include_url=False)]
            raise InputError(f"train: {'; '.join(wrong)}") from error

    @classmethod
    def from_yaml(cls, path: Path | str, **overrides: Any) -> TrainConfig:
        """Read a config.yaml; `overrides` win.

        Raises:
            InputError: the file is missing or no YAML, holds what `of` refuses, or has the settings of another recipe.
        """
        try:
            content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise InputError(f"config {path} cannot be read: {error}") from error
        if not isinstance(content, dict):
            raise InputError(f"config {path} must hold `option: value` lines, got {type(content).__name__}")
        wanted = overrides.get("recipe", content.get("recipe"))
        if "recipe" in content and wanted != content["recipe"]:
            raise InputError(
                f"config {path} holds all settings of the recipe {content['recipe']}; leave out --recipe {wanted}, or "
                "take that recipe without the file"
            )
        if isinstance(content.get("model_arguments"), dict) and "model_arguments" in overrides:
            overrides["model_arguments"] = content["model_arguments"] | _arguments_of(overrides)
        return cls.of(**{str(key): value for key, value in content.items()} | overrides)

    def to_yaml(self) -> str:
        """The text of config.yaml: complete, so that reading it gives an equal configuration."""
        apart = set(type(self).model_fields) - set(OPTIONS) if self.is_shallow else None
        return yaml.safe_dump(self.model_dump(mode="json", exclude=apart), sort_keys=False)

    @property
    def is_shallow(self) -> bool:
        """Whether the model is a shallow method, which has no optimiser, patches or augmentation."""
        return self.model in SHALLOW

    @property
    def architecture(self) -> Architecture:
        """The network's name and arguments, for `densa.networks.build` and `train`."""
        return Architecture(self.model, {"width": self.width, **self.model_arguments})

    @property
    def augmentation(self) -> Augmentation:
        """The augmentation options together."""
        return Augmentation(**{name: getattr(self, name) for name in _AUGMENTATIONS})

    def training_arguments(self) -> dict[str, Any]:
        """The named arguments of `train`, beside the network, the data and the output."""
        apart = {*_DATA, *_NETWORK, *_AUGMENTATIONS}
        chosen = {name: getattr(self, name) for name in type(self).model_fields if name not in apart}
        return chosen | {"architecture": self.architecture, "augmentation": self.augmentation}


def _resolved(values: dict[str, Any]) -> dict[str, Any]:
    """Named values and, below them, what the first weights and the recipe say."""
    model, weights = values.get("model", "unet"), values.get("weights")
    own = _arguments_of(values)
    if not isinstance(model, str) or not isinstance(own, dict):
        return values  # refused as it stands
    if model in SHALLOW:
        check_options(values)
        return {**values, "model_arguments": own}
    check_arguments_of(model, own, values.get("strokes"))
    rows = recipe(values.get("recipe", "default"), model, values | {"model_arguments": own})
    implied = implied_arguments(weights, model) if weights is not None else {}
    width = {"width": implied.pop("width")} if "width" in implied else {}
    arguments = {**rows.settings.get("model_arguments", {}), **implied, **own}
    return {**rows.settings, **width, **values, "model_arguments": arguments}


def _arguments_of(values: dict[str, Any]) -> Any:
    """The network's arguments among named values, as a dictionary where they can be read as one."""
    try:
        return _arguments(values.get("model_arguments") or {})
    except ValueError as error:
        raise InputError(f"train: model_arguments {error}") from error


def _sentence(entry: Any) -> str:
    name = ".".join(map(str, entry["loc"]))
    if entry["type"] == "extra_forbidden":
        return f"there is no option {name}"
    if entry["type"] == "missing":
        return f"{name} is missing"
    said = entry["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
    return f"{name} {said}, got {entry['input']!r}" if name else said
