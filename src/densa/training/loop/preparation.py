"""Preparation of `train`: the sampler, weights of the loss."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from densa.datasets import (
    AnchorSampler,
    BalancedSampler,
    Dataset,
    LabelledSampler,
    ObjectSampler,
    PatchSampler,
    band_statistics,
    class_frequencies,
)
from densa.errors import InputError
from densa.legend import Legend
from densa.networks import NETWORKS, build
from densa.operators.modules import network_rules
from densa.raster.choice.chosen import choice_of, whole_of
from densa.segmenter import Architecture, BandContract
from densa.training.pieces.border_weights import border_weights, border_weights_of_labels
from densa.training.pieces.class_weights import class_weights as weigh_classes
from densa.training.settings import Loss, Training

__all__ = [
    "band_contract",
    "border_note",
    "check_architecture",
    "check_objects",
    "class_weights_of",
    "input_size",
    "make_sampler",
]


def check_architecture(network: nn.Module, architecture: Architecture, n_bands: int, n_classes: int) -> None:
    """Refuse, before training, a name and arguments that would not rebuild this network when it is loaded.

    Raises:
        InputError: names the parameter that would differ.
    """
    if architecture.name not in NETWORKS:  # the caller's own network, which is not built by name
        return
    try:
        with torch.device("meta"):
            again = build(architecture.name, n_bands, n_classes, **architecture.arguments).state_dict()
    except TypeError as error:
        raise InputError(f"architecture {architecture.name} cannot be built of {architecture.arguments}") from error
    shapes, wanted = ({name: t.shape for name, t in state.items()} for state in (again, network.state_dict()))
    if shapes != wanted:
        name = next(name for name in {**wanted, **shapes} if shapes.get(name) != wanted.get(name))
        raise InputError(
            f"architecture {architecture.name} with {architecture.arguments} is not this network: parameter {name} "
            f"would be {shapes.get(name)}, it is {wanted.get(name)}"
        )


def make_sampler(
    dataset: Dataset,
    settings: Training,
    size: tuple[int, int],
    *,
    batch: int,
    sizes: Callable[[int], tuple[int, int]] | None = None,
) -> PatchSampler:
    """The sampler that the settings name, with U-Net's border weights where there are any.

    Args:
        dataset: where patches are taken from.
        settings: of patches, border weights and random numbers.
        size: height and width of the patches.
        batch: patches of a step, for anchors.
        sizes: of the patches, where they change; see `PatchSampler`.

    Raises:
        InputError: settings that the sampler refuses.
    """
    sampling, background = settings.sampling, settings.border_background
    shared: dict[str, Any] = {"seed": settings.seed, "extra": _pixel_weights(dataset, settings)}
    if sampling == "balanced":
        return BalancedSampler(dataset, size, sizes=sizes, **shared)
    if sampling == "labelled":
        return LabelledSampler(dataset, size, sizes=sizes, **shared)
    if sampling == "anchors":
        return AnchorSampler(
            dataset,
            size,
            sizes=sizes,
            crop=settings.anchor_crop,
            stride=settings.anchor_stride,
            passes=settings.anchor_passes,
            batch=batch,
            **shared,
        )
    if sampling == "random":
        return PatchSampler(dataset, size, sizes=sizes, **shared)
    return ObjectSampler(dataset, size, single=sampling == "single-objects", background=background, **shared)


def input_size(network: nn.Module, patch_size: int | tuple[int, int]) -> tuple[int, int]:
    """Height and width of the patches that the network takes for an output of `patch_size`."""
    height, width = (network_rules(network).input_side(side) for side in _sides(patch_size))
    return height, width


def band_contract(dataset: Dataset) -> BandContract:
    """Bands of the images, with mean and deviation over the data set."""
    mean, std = band_statistics(dataset)
    with dataset.open_image(0) as image:
        choice = choice_of(image)
        return BandContract(
            n_bands=image.n_bands,
            names=tuple(image.band_names),
            mean=tuple(map(float, mean)),
            std=tuple(map(float, std)),
            dtype=image.dtype.name,
            colors=tuple(band.own_color for band in image.bands),
            wavelengths=tuple(band.wavelength_nm for band in image.bands),
            scales=tuple(band.scale or 1.0 for band in image.bands),
            offsets=tuple(band.offset or 0.0 for band in image.bands),
            chosen=() if choice is None else choice.numbers,
            n_in_file=whole_of(image).n_bands,
        )


def class_weights_of(dataset: Dataset, rule: str, device: torch.device) -> Tensor | None:
    """Class weights of the loss, see `densa.training.class_weights`; None where all are 1."""
    if rule == "none":
        return None
    found = class_frequencies(dataset)
    weights = weigh_classes(found.pixels, rule, pixels_of_images=found.pixels_of_images)
    return torch.tensor(weights, dtype=torch.float32, device=device)


def _sides(patch_size: int | tuple[int, int]) -> tuple[int, int]:
    return (patch_size, patch_size) if isinstance(patch_size, int) else patch_size


def check_objects(legend: Legend, settings: Training) -> None:
    """Refuse a legend that nothing can be learnt of, and a background that is none of its classes.

    Raises:
        InputError: there is one class; the class between objects is none.
    """
    if legend.n_classes < 2:
        raise InputError(
            f"there is one class, {legend.class_names[0]!r}; training needs two or more: give the other pixels a class"
        )
    uses_objects = settings.border_weight or settings.sampling in ("single-objects", "objects")
    if uses_objects and settings.border_background >= legend.n_classes:
        raise InputError(
            f"the background must be a class, from 0 to {legend.n_classes - 1}, got {settings.border_background}"
        )


def border_note(dataset: Dataset, settings: Loss) -> str | None:
    """A line for people on the objects that border weights separate; None without border weights."""
    if not settings.border_weight:
        return None
    n_numbered, n = sum(map(dataset.numbers_objects, range(len(dataset)))), len(dataset)
    if n_numbered == n:
        return "border weights are of the objects that the data set numbers"
    if n_numbered:
        return (
            f"border weights are of numbered objects in {n_numbered} of {n} images, in the others of the label masks' "
            "connected components, so that objects that touch get no border"
        )
    return (
        "border weights are of the label masks' connected components, for no objects are numbered: objects that touch "
        "get no border"
    )


def _pixel_weights(dataset: Dataset, settings: Loss) -> Callable[[int], NDArray[np.float32]] | None:
    """U-Net's border weight, added to the class weight; of whole images, so that no patch edge cuts an object."""
    w0, sigma, background = settings.border_weight, settings.border_sigma, settings.border_background
    if not w0:
        return None

    def weights(i: int) -> NDArray[np.float32]:
        if dataset.numbers_objects(i):
            return border_weights(dataset.instances(i), w0=w0, sigma=sigma)
        return border_weights_of_labels(dataset.labels(i), background=background, w0=w0, sigma=sigma)

    return weights
