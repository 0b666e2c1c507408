"""The options of training, declared once: data, model, patches, optimiser, loss, augmentation, validation.

This module is imported for `densa train --help`: imports that need torch are inside functions.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from annotated_types import Ge, Gt, Le, Lt

from densa.errors import InputError
from densa.options import Group, Option, options_of
from densa.settings import (
    Alignment,
    Bands,
    ClassSet,
    Computation,
    Folders,
    LabelReading,
    LegendFile,
    Page,
    SplitBy,
    VectorLabels,
)
from densa.shallow.settings import ShallowSettings

__all__ = [
    "Augmentation",
    "Data",
    "Length",
    "Log",
    "Loss",
    "Model",
    "Optimisation",
    "Patches",
    "TrainOptions",
    "Training",
    "Validation",
    "named_arguments",
]


def _size(value: Any) -> Any:
    """256, (360, 480), "256" or "360x480"."""
    parts = value.lower().split("x") if isinstance(value, str) else value
    parts = parts if isinstance(parts, (list, tuple)) else [parts]
    sides = [part if isinstance(part, int) else int(str(part)) if str(part).isdecimal() else 0 for part in parts]
    if len(sides) not in (1, 2) or min(sides) < 1:
        raise ValueError(f'must be a side in pixels, at least 1, or height and width such as "360x480", got {value!r}')
    return sides[0] if len(sides) == 1 else tuple(sides)


def _shares(value: Any) -> Any:
    """(0.6, 0.85), or "0.6,0.85"."""
    try:
        shares = tuple(float(part) for part in (value.split(",") if isinstance(value, str) else value))
    except (TypeError, ValueError):
        shares = (-1.0,)
    if not all(0 <= share <= 1 for share in shares):
        raise ValueError(f'must be shares of the run from 0 to 1, such as "0.6,0.85", got {value!r}')
    return shares


def _distribution(value: Any) -> Any:
    """A distribution of patch sizes as `PatchSizePolicy` writes it; "none" is None."""
    from densa.training.patch_sizes.policy import PatchSizePolicy

    if value is None or value == "none":
        return None
    try:
        return str(PatchSizePolicy.parse(str(value)))
    except InputError as error:
        raise ValueError(f"cannot be used: {error}") from error


def named_arguments(value: Any) -> Any:
    """{"dropout": 0.5}, or ["dropout=0.5"].

    Raises:
        ValueError: an entry without a name or of no YAML value.
    """
    if not isinstance(value, (list, tuple)):
        return value
    import yaml

    pairs = [str(entry).partition("=") for entry in value]
    if wrong := [name for name, sign, _ in pairs if not sign]:
        raise ValueError(f"must be NAME=VALUE, such as dropout=0.5, got {wrong[0]!r}")
    try:
        return {name.strip(): yaml.safe_load(text) for name, _, text in pairs}
    except yaml.YAMLError as error:
        raise ValueError("must be NAME=VALUE with a number, true, false or a word as its value") from error


@dataclass(frozen=True, kw_only=True)
class Data(Folders, LabelReading, ClassSet, VectorLabels, LegendFile, Bands, Page, Alignment, SplitBy, title="Data"):
    """The images and masks, and how they are split.

    Examples:
        >>> from densa.training import Data
        >>> Data(data="roads", val_fraction=0.25).data.name
        'roads'
        >>> Data(data="roads", val_fraction=2)
        Traceback (most recent call last):
            ...
        densa.errors.InputError: val_fraction must be less than 1, got 2
    """

    data: Annotated[
        Path,
        Option(
            "Folder of images and masks; with strokes or vector labels, the image or a folder of images.",
            metavar="DATA",
            exists=True,
        ),
    ]
    val_fraction: Annotated[
        float | None,
        Ge(0),
        Lt(1),
        Option("Share of the scenes held out to validate.", default="a fifth, where the data has no split of its own"),
    ] = None
    split_seed: Annotated[int, Ge(0), Option("Another seed, another split.")] = 0
    train_fraction: Annotated[
        float | None,
        Gt(0),
        Le(1),
        Option("Share of the training images that are trained on, scene by scene by split_seed.", default="all"),
    ] = None
    split_block: Annotated[
        int | None,
        Ge(1),
        Option(
            "Split scenes into blocks of this side, with a buffer of patch plus receptive field between the splits.",
            "px",
            default="whole scenes",
        ),
    ] = None
    strokes: Annotated[
        Path | None,
        Option(
            "Strokes in place of masks: .json, ImageJ's .roi or .zip, napari's .csv, a painted image, or a folder.",
            metavar="FILE",
            exists=True,
        ),
    ] = None


@dataclass(frozen=True, kw_only=True)
class Model(Group, title="Model"):
    """The network or shallow method, its first weights, and the CRF after it.

    Examples:
        >>> from densa.training import Model
        >>> Model(model="segnet", width=32).model_arguments
        {}
    """

    model: Annotated[
        str,
        Option(
            "Name of the network or shallow method, see `densa models`.",
            metavar="NAME",
            default="unet; pixel-forest of strokes alone",
        ),
    ] = "unet"
    width: Annotated[int, Ge(1), Option("Channels of the first level; the papers' networks have 64.")] = 16
    encoder: Annotated[
        str | None,
        Option(
            "Encoder of unet, with ImageNet weights: efficientnet-lite0, -lite1, -lite2 (of densa[pretrained]), "
            "resnet50, resnet101 or vgg16 (downloaded).",
            metavar="NAME",
            default="the network's own",
        ),
    ] = None
    model_arguments: Annotated[
        dict[str, bool | int | float | str],
        Option(
            "Another argument of the network, repeatable: dropout=0.5.",
            metavar="NAME=VALUE",
            read=named_arguments,
            flag="--model-argument",
        ),
    ] = field(default_factory=dict)
    weights: Annotated[
        str | None,
        Option(
            "First weights: imagenet, a file of torchvision's, the folder of a trained model, or none.",
            metavar="FILE|RUN|imagenet|none",
            default="imagenet with an encoder, else none",
        ),
    ] = None
    recipe: Annotated[
        Literal["auto", "default", "paper"],
        Option(
            "Settings to start from; auto: chosen from data, machine and minutes, with the reasons said; paper: the "
            "paper's. Given options win.",
            default="auto where no model, width or first weights are given, else default",
        ),
    ] = "default"
    tune_crf: Annotated[
        bool, Option("After training, choose a CRF's parameters on the validation images.", negatable=True)
    ] = False


@dataclass(frozen=True, kw_only=True)
class Length(Group, title="Run"):
    """When a run ends, and its random numbers.

    Examples:
        >>> from densa.training import Length
        >>> Length(minutes=20)
        Length(steps=None, minutes=20.0, seed=0)
    """

    steps: Annotated[int | None, Ge(1), Option("Optimiser steps.", default="2000 without minutes")] = None
    minutes: Annotated[float | None, Gt(0), Option("Wall-clock bound of the run.", "min")] = None
    seed: Annotated[int, Ge(0), Option("The same seed gives the same weights.")] = 0


@dataclass(frozen=True, kw_only=True)
class Validation(Group, title="Validation"):
    """When a run is validated, and when validation ends it.

    Examples:
        >>> from densa.training import Validation
        >>> Validation(validate_every=200, patience=5).patience
        5
    """

    validate_every: Annotated[int | None, Ge(1), Option("Steps between validations.", default="a tenth of the run")] = (
        None
    )
    patience: Annotated[int, Ge(0), Option("Stop after this many validations without a better mean IoU; 0: never.")] = 0


@dataclass(frozen=True, kw_only=True)
class Patches(Group, title="Patches"):
    """The patches that a step is computed from.

    Examples:
        >>> from densa.training import Patches
        >>> Patches(patch_size="360x480").patch_size
        (360, 480)
    """

    patch_size: Annotated[
        int | tuple[int, int],
        Option("Side of the training patches, or height and width such as 360x480.", "px", "SIZE", read=_size),
    ] = 256
    context: Annotated[
        str | None,
        Option(
            "Patch size drawn for every step: uniform:25-85, multi-fixed:45,55,65, multinomial:25,50 or fixed:65.",
            "px",
            "DISTRIBUTION",
            default="that of patch_size",
            read=_distribution,
        ),
    ] = None
    context_score: Annotated[Literal["accuracy", "paper-accuracy", "loss"], Option("Score of drawn patch sizes.")] = (
        "accuracy"
    )
    context_decay: Annotated[
        float, Ge(0), Lt(1), Option("Share of the past in the averaged score of a patch size; 0: the mean.")
    ] = 0.0
    batch_size: Annotated[int, Ge(1), Option("Patches of a batch.")] = 8
    accumulation: Annotated[int, Ge(1), Option("Batches of one optimiser step.")] = 1
    sampling: Annotated[
        Literal["random", "balanced", "anchors", "single-objects", "objects", "labelled"],
        Option(
            "How patches are chosen: labelled: around labelled pixels, of every class as often (with strokes the "
            "default); balanced: every class as often in the centre; anchors: of a grid, as many of each class; "
            "single-objects, objects: DeconvNet's stages."
        ),
    ] = "random"
    anchor_crop: Annotated[int, Ge(1), Option("Side of the patch whose most frequent class an anchor has.", "px")] = 25
    anchor_stride: Annotated[int, Ge(1), Option("Distance between anchors.", "px")] = 25
    anchor_passes: Annotated[int, Ge(1), Option("Passes through 100 batches of anchors before others are drawn.")] = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.context is not None and self.sampling.endswith("objects"):
            raise InputError(
                f"a context draws patch sizes, sampling={self.sampling} crops objects of any size; use "
                "sampling=random, sampling=balanced or sampling=anchors"
            )


@dataclass(frozen=True, kw_only=True)
class Optimisation(Group, title="Optimiser"):
    """How weights follow from gradients.

    Examples:
        >>> from densa.training import Optimisation
        >>> Optimisation(optimizer="sgd", learning_rate=0.01).optimizer
        'sgd'
        >>> Optimisation(learning_rate=0)
        Traceback (most recent call last):
            ...
        densa.errors.InputError: learning_rate must be greater than 0, got 0
    """

    optimizer: Annotated[Literal["adamw", "sgd"], Option("The optimiser.")] = "adamw"
    learning_rate: Annotated[float, Gt(0), Option("Base learning rate.")] = 2e-3
    bias_rate: Annotated[float, Gt(0), Option("Factor of the rate of biases.")] = 1.0
    classifier_rate: Annotated[
        float, Gt(0), Option("Factor of the rate of the layers whose size follows from the number of classes.")
    ] = 1.0
    encoder_rate: Annotated[
        float,
        Gt(0),
        Option("Factor of the rate of the encoder.", default="0.5 with its ImageNet weights, else 1"),
    ] = 1.0
    freeze_statistics: Annotated[
        bool, Option("Keep the statistics of batch normalisation that an encoder's weights came with.", negatable=True)
    ] = False
    weight_decay: Annotated[float, Ge(0), Option("Weight decay of convolution kernels.")] = 1e-2
    momentum: Annotated[float, Ge(0), Lt(1), Option("Momentum of sgd; first beta of adamw.")] = 0.9
    schedule: Annotated[
        Literal["cosine", "poly", "step", "constant"], Option("Course of the learning rate over the run.")
    ] = "cosine"
    poly_power: Annotated[float, Ge(0), Option("Exponent of poly.")] = 0.9
    milestones: Annotated[
        tuple[float, ...], Option("Shares of the run where step falls.", metavar="SHARE,SHARE", read=_shares)
    ] = (0.6, 0.85)
    step_factor: Annotated[float, Gt(0), Option("Factor of each fall of step.")] = 0.1
    warmup: Annotated[float, Ge(0), Lt(1), Option("Share of the run in which the rate rises.")] = 0.03
    clip_norm: Annotated[float, Ge(0), Option("Largest norm of the gradient; 0 does not clip.")] = 5.0
    ema_decay: Annotated[
        float, Ge(0), Lt(1), Option("Decay of averaged weights, which are then validated and kept; 0: none.")
    ] = 0.0
    recalibrate: Annotated[
        bool | None,
        Option(
            "Measure batch normalisation's statistics again before validation.", default="where batches are below 8"
        ),
    ] = None


@dataclass(frozen=True, kw_only=True)
class Loss(Group, title="Loss"):
    """How pixels count in the loss.

    Examples:
        >>> from densa.training import Loss
        >>> Loss(class_weights="median-frequency").class_weights
        'median-frequency'
        >>> Loss(class_weights="median")
        Traceback (most recent call last):
            ...
        densa.errors.InputError: class_weights must be 'none', 'inverse', 'median-frequency' or 'tempered', got 'median'
    """

    loss_scale: Annotated[
        Literal["mean", "image", "sum"],
        Option("Divide the summed loss by labelled pixels (mean), patches (image) or nothing (sum)."),
    ] = "mean"
    class_weights: Annotated[
        Literal["none", "inverse", "median-frequency", "tempered"], Option("Weights of the classes.")
    ] = "none"
    border_weight: Annotated[float, Ge(0), Option("U-Net's border weight w0, 10 in the paper; 0: none.")] = 0.0
    border_sigma: Annotated[float, Gt(0), Option("Width of U-Net's borders.", "px")] = 5.0
    border_background: Annotated[
        int, Ge(0), Option("Class between the objects, for border weights and crops of objects.")
    ] = 0


@dataclass(frozen=True, kw_only=True)
class Augmentation(Group, title="Augmentation"):
    """Strength of each kind of random change of a patch; 0 or False turns it off.

    Examples:
        >>> from densa.training import Augmentation
        >>> Augmentation.none().flip_rows
        False
        >>> Augmentation.flips(rotation=15).rotation
        15.0
    """

    flip_rows: Annotated[
        bool, Option("Mirror top to bottom in half of the cases; turn it off for upright images, such as photographs.")
    ] = True
    flip_columns: Annotated[bool, Option("Mirror left to right in half of the cases.")] = True
    quarter_turns: Annotated[bool, Option("Rotate by 0, 90, 180 or 270 degrees (square patches).", negatable=True)] = (
        False
    )
    rotation: Annotated[float, Ge(0), Option("Rotate freely, up to this angle either way.", "degrees")] = 15.0
    scale: Annotated[float, Ge(0), Option("Magnify by a factor from 1 / (1 + scale) to 1 + scale.")] = 0.25
    elastic: Annotated[
        float, Ge(0), Option("Standard deviation of U-Net's elastic deformation; 10 in the paper.", "px")
    ] = 0.0
    gain: Annotated[float, Ge(0), Lt(1), Option("Change the contrast of each band by up to this share.")] = 0.2
    offset: Annotated[
        float, Ge(0), Option("Change the brightness of each band by up to this.", "standard deviations")
    ] = 0.2
    gamma: Annotated[
        float, Ge(0), Option("Apply gamma to each band: an exponent from 1 / (1 + gamma) to 1 + gamma.")
    ] = 0.1

    @classmethod
    def none(cls, **but: Any) -> Self:
        """These changes and no others.

        Raises:
            InputError: an unknown change, or an amount out of range.
        """
        nothing = {name: type(value)(0) for name, value in cls().flat().items()}
        return cls.of(**nothing | but)

    @classmethod
    def flips(cls, **more: Any) -> Self:
        """Flips, and these changes.

        Raises:
            InputError: an unknown change, or an amount out of range.
        """
        return cls.none(**{"flip_rows": True, "flip_columns": True} | more)

    @property
    def resamples(self) -> bool:
        """Whether pixels are interpolated."""
        return bool(self.rotation or self.scale or self.elastic)


@dataclass(frozen=True, kw_only=True)
class Log(Group, title="Log"):
    """What is logged; the weights do not depend on it.

    Examples:
        >>> from densa.training import Log
        >>> Log(log_every=50)
        Log(log_every=50, tensorboard=False)
    """

    log_every: Annotated[int, Ge(1), Option("Steps between rows of metrics.csv.")] = 10
    tensorboard: Annotated[bool, Option("Write TensorBoard's event files too.", negatable=True)] = False


@dataclass(frozen=True, kw_only=True)
class Training(Length, Validation, Patches, Optimisation, Loss, Augmentation, Computation, Log):
    """All options of the training loop.

    Examples:
        >>> from densa.training import Training
        >>> Training(steps=100, patch_size=64).minutes is None
        True
    """

    def decisive(self) -> dict[str, Any]:
        """Options that determine the weights, all but the device and `Log`; a resumed run must have the same."""
        return {name: value for name, value in self.flat().items() if name not in {"device", *options_of(Log)}}


@dataclass(frozen=True, kw_only=True)
class TrainOptions(Data, Model, ShallowSettings, Training):
    """All options of `densa train`."""
