"""Training recipes by name: a table of the papers' settings, and the defaults of densa.

A recipe is settings of `TrainConfig`; options given explicitly override it. `auto` has none of its own: they follow
from the data, see `densa.training.config.auto`. `paper` follows the networks' papers and
released code as far as the settings allow. Differences that remain, for every network:

* Batches: a batch too large for the memory is divided: `batch_size=2, accumulation=10` for 20. Gradients are then
  those of the whole batch, statistics of batch normalisation those of its parts.
* Input: bands are normalised by the mean and deviation of the training images, also with published weights. The
  papers subtract ImageNet's mean and do not divide by the deviation.
* Images: a patch as large as the paper's images holds each whole image, mirrored beyond its border; the loss ignores
  mirrored pixels.
* Decay: biases and normalisation have none; Caffe's networks decay the scale of batch normalisation.
* Model: the weights with the best mean IoU on the validation images are kept.
* First weights: `start` names those of the paper; `weights` loads them, a recipe alone downloads nothing.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from densa.errors import InputError
from densa.networks import NETWORKS

__all__ = ["PAPER", "RECIPES", "Recipe", "recipe"]

RECIPES = ("auto", "default", "paper")
"""Names of the recipes."""


@dataclass(frozen=True)
class Recipe:
    """Settings of one network.

    Attributes:
        model: name of the network.
        settings: options of `TrainConfig`.
        source: publication and code that the settings are from.
        start: the paper's first weights, as text for messages.
        remains: differences from the paper that remain, beside those in this module's docstring.
        when: explicit options that choose this recipe before the network's others.

    Examples:
        >>> from densa import training
        >>> found = training.recipe("paper", "segnet")
        >>> found.model, found.settings["optimizer"]
        ('segnet', 'sgd')
    """

    model: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    source: str = "settings of densa for some dozens of images"
    start: str = ""
    remains: str = ""
    when: Mapping[str, Any] = field(default_factory=dict)


_VGG = "VGG-16's ImageNet weights"
_PLAIN = {
    "flip_rows": False, "flip_columns": False, "quarter_turns": False, "rotation": 0.0, "scale": 0.0, "elastic": 0.0,
    "gain": 0.0, "offset": 0.0, "gamma": 0.0,
}  # fmt: skip
_SGD = {
    "optimizer": "sgd", "momentum": 0.9, "weight_decay": 5e-4, "warmup": 0.0, "clip_norm": 0.0, "width": 64, **_PLAIN,
}  # fmt: skip
# Caffe's VGG networks: biases of convolutions learn at twice the rate, without decay.
_CAFFE = {**_SGD, "bias_rate": 2.0, "model_arguments": {"normalisation": "none"}}
_POLY = {"schedule": "poly", "poly_power": 0.9}

_FCN_SOURCE = "Shelhamer, Long, Darrell 2017 and the released solvers (voc-fcn32s, 16s, 8s, 8s-atonce)"
_FCN_REMAINS = "the rate of the score layers is that of all others, as released"
_FCN = {
    **_CAFFE, "momentum": 0.99, "schedule": "constant", "batch_size": 1, "patch_size": 500, "loss_scale": "sum",
    "steps": 100_000,
}  # fmt: skip
_DECONVNET = {
    **_SGD, "bias_rate": 2.0, "learning_rate": 0.01, "schedule": "step", "step_factor": 0.1, "batch_size": 8,
    "accumulation": 8, "patch_size": 224, "flip_columns": True, "recalibrate": True,
}  # fmt: skip
_DECONVNET_SOURCE = "Noh, Hong, Han 2015, section 5, and the released solvers"
_DECONVNET_REMAINS = (
    "boxes are enlarged by 1.2 and overlap by half (both unconfirmed) and are the objects' own, moved at random, not "
    "Edge Boxes' proposals; 16 batches, not 500, set the statistics of batch normalisation"
)
# The released networks leave `normalize` of Caffe's loss at its default, the mean over labelled pixels. With the
# sum that the paper describes (`loss_scale="image"`) and a rate of 0.1, the loss is not finite after some steps.
_SEGNET = {
    **_SGD, "bias_rate": 2.0, "schedule": "constant", "learning_rate": 1e-3, "loss_scale": "mean",
    "patch_size": (360, 480), "recalibrate": True,
}  # fmt: skip
_SEGNET_REMAINS = "16 batches, not the whole training set, set the statistics of batch normalisation"
_TUTORIAL_REMAINS = _SEGNET_REMAINS + "; class weights are measured, the tutorial's are a list"
_UNET = {
    **_SGD, "momentum": 0.99, "schedule": "constant", "learning_rate": 1e-4, "batch_size": 1, "rotation": 180.0,
    "elastic": 10.0, "gain": 0.2, "offset": 0.2, "border_weight": 10.0, "border_sigma": 5.0, "flip_rows": True,
    "flip_columns": True, "class_weights": "inverse",
}  # fmt: skip
_UNET_SOURCE = "Ronneberger, Fischer, Brox 2015, section 3"
_UNET_REMAINS = (
    "the paper prints no learning rate, decay, number of iterations, nor the ranges of rotation and brightness; border "
    "weights are in the background between objects"
)

# L2 on all weights of convolutions, 0.01, 0.9; the rate falls stepwise every 50 000 steps.
_DYNAMIC = {
    **_SGD, "schedule": "step", "learning_rate": 0.01, "weight_decay": 1e-3, "sampling": "anchors", "batch_size": 128,
    "anchor_crop": 25, "anchor_stride": 5, "anchor_passes": 20, "context": "uniform:25-50", "recalibrate": True,
    "steps": 150_000, "step_factor": 0.1, "milestones": (1 / 3, 2 / 3), "flip_rows": True, "flip_columns": True,
    "model_arguments": {"norm_momentum": 0.001},
}  # fmt: skip
_DYNAMIC_SOURCE = "Nogueira et al. 2019 and the repository's commands (keillernogueira/dynamic-rs-segmentation)"
_DYNAMIC_REMAINS = (
    "16 batches, not a running mean of 0.999, set the statistics of batch normalisation; sizes are scored over the "
    "classes in a batch (context_score=paper-accuracy: over all); each axis is mirrored with probability 1/2"
)

_ROWS = (
    Recipe(
        "patch-cnn",
        {"sampling": "balanced", "patch_size": 1, "batch_size": 256, "width": 48, "quarter_turns": True,
         "flip_rows": True, "flip_columns": True, "rotation": 0.0, "scale": 0.0, "gain": 0.0, "offset": 0.0,
         "gamma": 0.0},
        "Ciresan et al. 2012, section 2: as many patches of every class, mirrored and rotated by quarter turns",
        remains="optimiser, rate and batch are those of the default; the paper trains patch by patch",
    ),
    Recipe("fcn32s", {**_FCN, "learning_rate": 1e-10}, _FCN_SOURCE, _VGG, _FCN_REMAINS),
    Recipe("fcn16s", {**_FCN, "learning_rate": 1e-12}, _FCN_SOURCE, "a trained fcn32s", _FCN_REMAINS),
    Recipe("fcn8s", {**_FCN, "learning_rate": 1e-14}, _FCN_SOURCE, "a trained fcn16s", _FCN_REMAINS),
    Recipe(
        "fcn8s",
        {**_FCN, "learning_rate": 1e-10, "steps": 300_000,
         "model_arguments": {"normalisation": "none", "at_once": True}},
        _FCN_SOURCE, _VGG, _FCN_REMAINS, when={"model_arguments": {"at_once": True}},
    ),
    Recipe(
        "deconvnet",
        {**_DECONVNET, "sampling": "single-objects", "steps": 20_000, "milestones": (0.45, 0.9)},  # every 9000
        _DECONVNET_SOURCE, _VGG, _DECONVNET_REMAINS,
    ),
    Recipe(
        "deconvnet",
        {**_DECONVNET, "sampling": "objects", "steps": 40_000, "milestones": (0.25, 0.5, 0.75)},  # every 10 000
        _DECONVNET_SOURCE, "the deconvnet of the first stage", _DECONVNET_REMAINS, when={"sampling": "objects"},
    ),
    Recipe(
        "segnet", {**_SEGNET, "batch_size": 5, "steps": 40_000, "model_arguments": {"dropout": 0.5}},
        "Badrinarayanan, Kendall, Cipolla 2017, section 4 (table 3: no class balance), and SegNet-Tutorial's solver",
        _VGG, _SEGNET_REMAINS + "; the paper has dropout in the deeper layers, here it is where Bayesian SegNet has it",
    ),
    Recipe(
        "segnet-basic",
        {**_SEGNET, "learning_rate": 0.1, "batch_size": 12, "steps": 10_000, "class_weights": "median-frequency"},
        "Badrinarayanan, Kendall, Cipolla 2017, section 3.3 (tables 1 and 2), and SegNet-Tutorial's solver",
        remains=_TUTORIAL_REMAINS + "; images have no local contrast normalisation",
    ),
    Recipe(
        "bayesian-segnet",
        {**_SEGNET, "batch_size": 4, "steps": 60_000, "class_weights": "median-frequency"},
        "SegNet-Tutorial's solver (Kendall, Badrinarayanan, Cipolla 2017)", _VGG, _TUTORIAL_REMAINS,
    ),
    Recipe(
        "deeplab-largefov",
        {**_CAFFE, "learning_rate": 1e-3, "classifier_rate": 10.0, "schedule": "step", "step_factor": 0.1,
         "milestones": (1 / 3, 2 / 3), "steps": 6_000, "batch_size": 20, "patch_size": 321, "flip_columns": True},
        "Chen et al. 2015 (arXiv:1412.7062), section 4: rate divided by 10 every 2000 iterations",
        _VGG, "scores are enlarged to the labels, where the paper samples the labels at an eighth",
    ),
    Recipe(
        "deeplabv2-aspp",
        {**_SGD, **_POLY, "bias_rate": 2.0, "classifier_rate": 10.0, "learning_rate": 2.5e-4, "steps": 20_000,
         "batch_size": 10, "patch_size": 321, "flip_columns": True, "scale": 0.5},
        "Chen et al. 2018 (arXiv:1606.00915), section 4.1, and deeplab-pytorch", "ResNet-101's ImageNet weights",
        "batch normalisation is trained, where the paper's is fixed; one scale in training; scales from 2/3 to 1.5",
    ),
    Recipe(
        "deeplabv3",
        {**_SGD, **_POLY, "learning_rate": 0.007, "weight_decay": 1e-4, "steps": 30_000, "batch_size": 16,
         "patch_size": 513, "flip_columns": True, "scale": 1.0},
        "Chen et al. 2017 (arXiv:1706.05587), section 4", "ResNet-101's ImageNet weights",
        "the paper prints no decay; statistics of batch normalisation follow faster than at 0.9997; the second stage, "
        "output stride 8 with fixed statistics at a rate of 0.001, has no recipe",
    ),
    Recipe(
        "deeplabv3plus",
        {**_SGD, **_POLY, "learning_rate": 0.007, "weight_decay": 1e-4, "steps": 30_000, "batch_size": 16,
         "patch_size": 513, "flip_columns": True, "scale": 1.0},
        "Chen, Zhu et al. 2018, section 4, which takes the protocol of DeepLabv3", "ResNet-101's ImageNet weights",
        "the paper prints no decay; statistics of batch normalisation follow faster than at 0.9997; the second stage, "
        "output stride 8 with fixed statistics at a rate of 0.001, has no recipe",
    ),
    Recipe(
        "dilated-context",
        {**_SGD, "model_arguments": {"normalisation": "none"}, "schedule": "constant", "learning_rate": 1e-5,
         "batch_size": 1, "patch_size": 480, "steps": 20_000},
        "the repository's CamVid training (fyu/dilation): front end and context together, crops of 852 pixels",
        "the dilated-context with context=none of the first stage", "iterations of this stage are not printed",
    ),
    Recipe(
        "dilated-context",
        {**_SGD, "model_arguments": {"normalisation": "none", "context": "none"}, "schedule": "constant",
         "learning_rate": 1e-3, "batch_size": 14, "patch_size": 500, "steps": 60_000},
        "Yu and Koltun 2016, section 4: the front end on PASCAL VOC", _VGG,
        when={"model_arguments": {"context": "none"}},
    ),
    Recipe(
        "unet", {**_UNET, "patch_size": 512, "model_arguments": {"normalisation": "none", "dropout": 0.5}},
        _UNET_SOURCE, remains=_UNET_REMAINS + "; convolutions are padded",
    ),
    Recipe("unet-valid", {**_UNET, "patch_size": 388}, _UNET_SOURCE, remains=_UNET_REMAINS),
    Recipe("dilated6", _DYNAMIC, _DYNAMIC_SOURCE, remains=_DYNAMIC_REMAINS),
    Recipe("dilated6-rate6", _DYNAMIC, _DYNAMIC_SOURCE, remains=_DYNAMIC_REMAINS),
    Recipe("dense-dilated6", {**_DYNAMIC, "width": 32}, _DYNAMIC_SOURCE, remains=_DYNAMIC_REMAINS),
    Recipe("dilated6-pooling", _DYNAMIC, _DYNAMIC_SOURCE, remains=_DYNAMIC_REMAINS),
    Recipe(
        "dilated8-pooling",
        {**_DYNAMIC, "weight_decay": 5e-3, "batch_size": 25, "context": "multi-fixed:45,55,65,75,85", "steps": 500_000,
         "anchor_crop": 50, "anchor_stride": 25, "step_factor": 0.5, "rotation": 180.0,
         "milestones": tuple(k / 10 for k in range(1, 10))},
        _DYNAMIC_SOURCE + ", the final model of Vaihingen",
        remains=_DYNAMIC_REMAINS + "; patches are always rotated, no noise is added",
    ),
)  # fmt: skip

PAPER: dict[str, tuple[Recipe, ...]] = {
    name: tuple(row for row in _ROWS if row.model == name) for name in dict.fromkeys(row.model for row in _ROWS)
}
"""The papers' recipes of each network; of several, the one whose `when` is given, else the first without `when`."""


def recipe(name: str, model: str, given: Mapping[str, Any] | None = None) -> Recipe:
    """The recipe of a network.

    Args:
        name: "auto", "default" or "paper".
        model: name of the network.
        given: options that were given explicitly; some choose between the stages of a paper.

    Raises:
        InputError: an unknown recipe, or a network without one; the nearest names are offered.

    Examples:
        >>> from densa import training
        >>> print(training.recipe("paper", "unet-valid").source)
        Ronneberger, Fischer, Brox 2015, section 3
    """
    if name not in RECIPES:
        raise InputError(f"unknown recipe {name!r}; {_nearest(name, RECIPES)}")
    if ":" in model:  # the caller's own network
        if name == "paper":
            raise InputError(f"recipe={name} is for the networks of densa, {model} is another; leave it out")
        return Recipe(model)
    if model not in NETWORKS:
        raise InputError(f"unknown network {model!r}; {_nearest(model, NETWORKS)}")
    if name == "auto":
        return Recipe(model, source="chosen from the data, the machine and the time, see densa.training.config.auto")
    if name == "default":
        return Recipe(model)
    rows = PAPER[model]
    chosen = [row for row in rows if row.when and _holds(row.when, given or {})]
    return chosen[0] if chosen else next(row for row in rows if not row.when)


def _holds(when: Mapping[str, Any], given: Mapping[str, Any]) -> bool:
    """Whether every option of `when` is given with that value."""
    for name, value in when.items():
        own = given.get(name)
        if isinstance(value, Mapping):
            if not isinstance(own, Mapping) or not _holds(value, own):
                return False
        elif own != value:
            return False
    return True


def _nearest(name: str, known: Mapping[str, Any] | tuple[str, ...]) -> str:
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.4)
    return f"did you mean {' or '.join(near)}?" if near else f"choose from {', '.join(known)}"
