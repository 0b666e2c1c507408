"""Receptive field of a network by probing: for networks with operations that `receptive_field` does not know.

A NaN in an input row makes every output row that depends on it NaN, for any weights: rows that stay finite do not
depend on it. The period of the pattern is the smallest shift of the input that only shifts the output.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from densa.errors import InputError
from densa.operators.modules import network_rules
from densa.operators.receptive_field import ReceptiveField

__all__ = ["probed_field", "smallest_multiple"]

_MULTIPLES = (1, 2, 4, 8, 16, 32, 64, 128)
_PERIODS = 8  # periods are the smallest multiple times 1, 2, 4, ...
_SIDES = (256, 512, 1024, 2048)
_CHUNK = 8  # probes in one batch
_EQUAL = 1e-9  # of the largest score, in float64


def smallest_multiple(network: nn.Module, n_bands: int) -> int:
    """The smallest power of two such that the network accepts images whose sides are multiples of it.

    Its output must have the size of the image, or a whole fraction of it.

    Raises:
        InputError: it accepts no image of these bands, for any multiple from 1 to 128.
    """
    last: Exception | None = None
    for multiple in _MULTIPLES:
        n = max(1, 160 // multiple) | 1  # an odd factor, so that sides are not multiples of the next power of two
        try:
            with torch.no_grad():
                height, width = n * multiple, (n + 2) * multiple
                rows, columns = network(torch.zeros(1, n_bands, height, width)).shape[-2:]
            if height % rows == width % columns == 0 and height // rows == width // columns:
                return multiple
        except (RuntimeError, ValueError, AssertionError, ZeroDivisionError) as error:
            last = error
    raise InputError(f"the network takes no image of {n_bands} bands: {last}") from last


def probed_field(network: nn.Module, n_bands: int) -> ReceptiveField:
    """Receptive field of a network by probing it, in float64 on the CPU.

    Args:
        network: maps (1, n_bands, H, W) to (1, C, H, W); `network_rules` determines the sizes that it accepts.
        n_bands: bands of the images.

    Returns:
        The field; `whole_image` if an output pixel depends on pixels at any distance, or if every shift of the image
        changes the output beyond a shift, as with embeddings of absolute positions.
    """
    twin = _with_random_weights(network)
    multiple = network_rules(network).input_side(1)
    with torch.no_grad():
        found = [_axis(twin, n_bands, multiple, dimension) for dimension in (2, 3)]
    period = max(period for period, _ in found)
    reaches = [reach for _, reach in found if reach is not None]
    if len(reaches) < 2 or not period:
        return ReceptiveField(0, max(period, multiple), 0.0, float("inf"), 0, True)
    reach = max(reaches) + period  # max pooling may move a value within its window, which NaNs do not show
    return ReceptiveField(2 * reach + 1, period, 0.0, reach, reach)


def _with_random_weights(network: nn.Module) -> nn.Module:
    """A copy with random weights: a zero weight would hide a dependence when shifts are compared."""
    twin = copy.deepcopy(network).cpu().double().eval()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, tensor in twin.state_dict(keep_vars=True).items():
            if tensor.ndim > 1 and tensor.is_floating_point():
                noise = torch.randn(tensor.shape, generator=generator, dtype=torch.float64)
                tensor.copy_(noise * tensor[0].numel() ** -0.5)
            elif name.endswith(("bias", "running_mean")):
                tensor.zero_()  # no bias keeps a unit at zero
            elif name.endswith("running_var"):
                tensor.fill_(1)
    return twin


def _axis(network: nn.Module, n_bands: int, multiple: int, dimension: int) -> tuple[int, int | None]:
    """Period and reach along rows (2) or columns (3); 0 and None if there is none."""
    for side in _SIDES:
        side = -(-side // multiple) * multiple
        if _reach(network, n_bands, side, 1, dimension, multiple) is None:
            continue  # the reach of one row extends to the border
        for period in (multiple * 2**k for k in range(_PERIODS)):
            if period <= min(128, side // 4) and _shifts(network, n_bands, side, period, dimension, multiple):
                reach = _reach(network, n_bands, side, period, dimension, multiple)
                if reach is not None:
                    return period, reach
                break
    return 0, None


def _image(n_bands: int, side: int, dimension: int, multiple: int, seed: int = 0) -> Tensor:
    """A long, narrow image of noise."""
    narrow = max(64, 2 * multiple)
    size = (side, narrow) if dimension == 2 else (narrow, side)
    return torch.randn(1, n_bands, *size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def _shifts(network: nn.Module, n_bands: int, side: int, period: int, dimension: int, multiple: int) -> bool:
    """Whether the middle of the output shifts with the image."""
    image = _image(n_bands, side + period, dimension, multiple)
    first = network(image.narrow(dimension, 0, side))
    second = network(image.narrow(dimension, period, side))
    middle, length = side // 2 - side // 8, side // 8
    a, b = first.narrow(dimension, middle + period, length), second.narrow(dimension, middle, length)
    return bool((a - b).abs().max() <= _EQUAL * max(1.0, float(a.abs().max())))


def _reach(network: nn.Module, n_bands: int, side: int, period: int, dimension: int, multiple: int) -> int | None:
    """Most pixels between a row and an output row that depends on it; None if it extends to a border."""
    image, start = _image(n_bands, side, dimension, multiple), side // 2 // period * period
    reach = 0
    for first in range(0, period, _CHUNK):
        places = [start + phase for phase in range(first, min(first + _CHUNK, period))]
        batch = image.repeat(len(places), 1, 1, 1)
        for probe, place in zip(batch, places, strict=True):
            probe.narrow(dimension - 1, place, 1).fill_(float("nan"))
        scores = network(batch)
        hit = scores.isnan().any(dim=1).any(dim=4 - dimension)  # (probes, side)
        for row, place in zip(hit, places, strict=True):
            rows = row.nonzero().ravel()
            if len(rows) == 0:
                continue
            low, high = int(rows.min()), int(rows.max())
            if low == 0 or high == side - 1:
                return None
            reach = max(reach, place - low, high - place)
    return reach
