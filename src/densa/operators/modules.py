"""Properties of any network: the sizes of its inputs, the border that it loses, and a copy without data."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["NetworkRules", "network_rules", "without_data"]


@dataclass(frozen=True)
class NetworkRules:
    """Attributes and methods of a network in addition to `forward`; see `network_rules`.

    Attributes:
        input_side: returns the smallest height (or width) of an input whose output has at least the given one.
        stated_margin: pixels that the output lacks on each side; None if the network does not state it.
        needs_float32: whether bfloat16 would change too many labels.
        freeze_context: fixes an image-wide pooling at its value for the given images; None if there is none.
        stated_field: receptive field that the network states; None: it is computed from the operations.
        monte_carlo: samples the class probabilities with dropout; None if the network cannot.
    """

    input_side: Callable[[int], int]
    stated_margin: int | None
    needs_float32: bool
    freeze_context: Callable[[Tensor], None] | None
    monte_carlo: Callable[..., Any] | None
    stated_field: Any = None

    @property
    def margin(self) -> int:
        """Pixels that the output lacks on each side; 0 by default."""
        return self.stated_margin or 0


def network_rules(network: nn.Module) -> NetworkRules:
    """The rules of any network, with defaults for missing attributes.

    Args:
        network: a `densa.networks.Network`, or any module with some, all or none of the attributes `margin` and
            `needs_float32` and the methods `input_side(side)`, `freeze_context(images)` and
            `monte_carlo(images, n_samples)`. By default a network takes images of any size and loses no border.
    """
    margin = getattr(network, "margin", None)
    return NetworkRules(
        input_side=getattr(network, "input_side", lambda side: side + 2 * (margin or 0)),
        stated_margin=margin,
        needs_float32=getattr(network, "needs_float32", False),
        freeze_context=getattr(network, "freeze_context", None),
        monte_carlo=getattr(network, "monte_carlo", None),
        stated_field=getattr(network, "stated_field", None),
    )


def without_data(network: nn.Module) -> nn.Module:
    """A copy of the network in evaluation mode whose weights have shapes but no values (meta tensors)."""
    known: dict[int, Any] = {}
    for tensor in [*network.parameters(), *network.buffers()]:
        empty = torch.empty_like(tensor, device="meta")
        known[id(tensor)] = nn.Parameter(empty, tensor.requires_grad) if isinstance(tensor, nn.Parameter) else empty
    return copy.deepcopy(network, known).eval()
