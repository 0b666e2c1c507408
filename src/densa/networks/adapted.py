"""Wrap any PyTorch module as a network of densa."""

from __future__ import annotations

import copy
import importlib
import math
from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from densa.errors import InputError
from densa.networks.network import Network, at_least_float32
from densa.operators import ReceptiveField, receptive_field
from densa.operators.probing import probed_field, smallest_multiple

__all__ = ["OWN", "Adapted", "adapt", "from_factory"]

OWN = "own:"
"""Prefix of the name of a caller's network without a factory; the name of its class follows."""


class Adapted(Network):
    """A module whose logits are at the size of the image: (N, n_bands, H, W) to (N, n_classes, H, W).

    Args:
        module: gives a tensor (N, n_classes, h, w), or a mapping with such a tensor as "out", as torchvision's networks
            do; smaller scores are enlarged bilinearly.
        multiple: sides of its images must be multiples of it.
        field: receptive field of an output pixel.
        found: how the field is known: "computed" from the operations, "measured" by probing, or "declared".

    Examples:
        >>> import torch
        >>> from densa import networks
        >>> network = networks.Adapted(torch.nn.Conv2d(3, 2, 4, stride=4), multiple=4)
        >>> network(torch.zeros(1, 3, 8, 12)).shape
        torch.Size([1, 2, 8, 12])
    """

    def __init__(self, module: nn.Module, multiple: int, field: ReceptiveField | None = None, found: str = "") -> None:
        super().__init__()
        self.module = module
        self.multiple = multiple
        self.stated_field = field
        self.found = found

    def input_side(self, side: int) -> int:
        """The smallest multiple that is not less than `side`."""
        return -(-max(side, 1) // self.multiple) * self.multiple

    def forward(self, images: Tensor) -> Tensor:
        """Logits of images whose sides are multiples of `multiple`.

        Raises:
            InputError: the module does not return such scores.
        """
        scores = _scores(self.module(images))
        if scores.shape[-2:] != images.shape[-2:]:
            size = images.shape[-2:]
            scores = F.interpolate(at_least_float32(scores), size=size, mode="bilinear", align_corners=False)
        return scores


def adapt(module: nn.Module, n_bands: int, *, halo: int | None = None, stride: int | None = None) -> Network:
    """Wrap a module as a network of densa; a `Network` is returned as it is.

    Args:
        module: see `Adapted`; not copied.
        n_bands: bands of its images.
        halo, stride: in pixels, declared instead of determined: the context of an output pixel, and the number whose
            multiples origins of tiles must be. None: computed from the operations where each
            has a rule, otherwise measured by probing.

    Raises:
        InputError: a module that refuses images of these bands or returns no scores; only one of `halo` and `stride`.

    Examples:
        >>> import torch
        >>> from densa import networks
        >>> network = networks.adapt(torch.nn.Conv2d(3, 2, 5, padding=2), 3)
        >>> network.found, network.stated_field.reach
        ('computed', 2)
    """
    if isinstance(module, Network):
        return module
    if (halo is None) != (stride is None):
        raise InputError("halo and stride must be declared together")
    if torch.empty(0).is_meta or any(one.is_meta for one in module.parameters()):  # built for its parameter shapes only
        return Adapted(module, 1)
    multiple = smallest_multiple(_Scores(copy.deepcopy(module).cpu().float().eval()), n_bands)
    network = Adapted(module, multiple)
    if halo is not None and stride is not None:
        if halo < 0 or stride < 1 or halo % stride:
            raise InputError(f"halo must be a multiple of the stride, got {halo} and {stride}")
        field, found = ReceptiveField(2 * halo + 1, stride, 0.0, halo, halo), "declared"
    else:
        try:
            field, found = receptive_field(network, n_bands), "computed"
        except (InputError, RuntimeError, NotImplementedError, TypeError):
            field, found = probed_field(network, n_bands), "measured"
    network.stated_field, network.found = field, found
    # Otherwise levels would be resampled to each other at ratios that differ from tile to tile.
    network.multiple = math.lcm(multiple, field.stride)
    return network


def from_factory(name: str, n_bands: int, n_classes: int, **arguments: Any) -> Network:
    """The network that `function(n_bands, n_classes, **arguments)` returns.

    Importing the function's module runs its code: call it for names given by the user, not for names in a file.

    Args:
        name: "package.module:function".
        n_bands, n_classes, arguments: passed to the function.

    Raises:
        InputError: there is no such function, or it returns no module.

    Examples:
        >>> from densa import networks
        >>> networks.from_factory("densa.networks:UNet", 3, 2, width=1).n_classes
        2
    """
    place, _, attribute = name.partition(":")
    try:
        function = getattr(importlib.import_module(place), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise InputError(f"the network {name} cannot be imported: {error}; give package.module:function") from error
    module = function(n_bands, n_classes, **arguments)
    if not isinstance(module, nn.Module):
        raise InputError(f"{name} must make a torch.nn.Module, it makes {type(module).__name__}")
    return adapt(module, n_bands)


class _Scores(nn.Module):
    """The scores of a module, at their own size."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, images: Tensor) -> Tensor:
        return _scores(self.module(images))


def _scores(found: Any) -> Tensor:
    scores = found.get("out") if isinstance(found, Mapping) else found
    if not isinstance(scores, Tensor) or scores.ndim != 4:
        raise InputError(
            f"a network must give (n, classes, h, w) scores, or a mapping with these as 'out', got {_shape(scores)}"
        )
    return scores


def _shape(scores: Any) -> str:
    return f"a tensor of shape {tuple(scores.shape)}" if isinstance(scores, Tensor) else type(scores).__name__
