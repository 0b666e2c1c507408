"""Monte-Carlo dropout (Kendall, Badrinarayanan, Cipolla 2017, arXiv:1511.02680): mean and variance over passes with
dropout, the same for every tiling.

Which features are dropped is not drawn from a stream of random numbers, which would depend on the order and size of the
tiles, but follows from a hash of seed, pass, layer, channel and the feature's position in the whole image.

Method: Monte-Carlo dropout.
Source: Kendall, Badrinarayanan, Cipolla 2017, arXiv:1511.02680.
As printed: mean and variance of the softmax over passes with dropout.
Departs: masks are a hash of seed, pass, layer, channel and position in place of a stream, so that they do not depend on
    tiles.
Held by: tests/segmenter/test_monte_carlo.py.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from densa.errors import InputError
from densa.operators.modules import network_rules, without_data
from densa.segmenter.contract import Segmenter
from densa.segmenter.network import NetworkSegmenter

__all__ = ["MonteCarlo", "Sampled"]

MOST_SAMPLES = 10_000


class Sampled(NamedTuple):
    """Result of the samples of a block.

    Attributes:
        probabilities: (classes, h, w) float32, mean over the samples.
        uncertainty: (h, w) float32, variance of a class's probability over the samples, averaged over the classes;
            0 to 0.25.
    """

    probabilities: NDArray[np.float32]
    uncertainty: NDArray[np.float32]


class MonteCarlo(Segmenter):
    """A network with dropout as a segmenter whose probabilities are means over samples; see `Segmenter`.

    Args:
        segmenter: of a network with a method `monte_carlo(images, n_samples)`, such as Bayesian SegNet; every sample
            must pass all layers of dropout in the order of `forward`.
        n_samples: passes with dropout, 1 to 10000; better than one without from about 6, the paper has 50.
        seed: decides which features are dropped.

    Raises:
        InputError: a network without Monte-Carlo dropout, or a number of samples out of range.

    Examples:
        >>> import numpy as np
        >>> from densa import Legend, networks, segmenter
        >>> network = networks.build("bayesian-segnet", 3, 2, width=1)
        >>> model = segmenter.NetworkSegmenter(network, Legend(("ground", "roof")), segmenter.BandContract(3))
        >>> samples = segmenter.MonteCarlo(model, 4).sample(np.zeros((3, 32, 32), np.uint8))
        >>> samples.probabilities.shape, samples.uncertainty.shape
        ((2, 32, 32), (32, 32))
    """

    any_block = False

    def __init__(self, segmenter: NetworkSegmenter, n_samples: int = 50, *, seed: int = 0) -> None:
        if not isinstance(segmenter, NetworkSegmenter):
            raise InputError(f"Monte-Carlo dropout needs a single network, got {type(segmenter).__name__}")
        network = segmenter.network
        passes = network_rules(network).monte_carlo
        if passes is None:
            raise InputError(
                f"{type(network).__name__} has no Monte-Carlo dropout; train a bayesian-segnet to have samples"
            )
        self._passes = passes
        if not 1 <= n_samples <= MOST_SAMPLES:
            raise InputError(f"samples must be 1 to {MOST_SAMPLES}, got {n_samples}")
        self.segmenter, self.n_samples, self.seed = segmenter, n_samples, seed
        self.legend, self.bands = segmenter.legend, segmenter.bands
        self.halo, self.stride, self.whole_image = segmenter.halo, segmenter.stride, segmenter.whole_image
        self._cells = _cells_per_stride(network, segmenter.bands.n_bands, segmenter.stride)
        if not self._cells:
            raise InputError(f"{type(network).__name__} has no layer of dropout, so its samples are all the same")

    def probabilities(self, block: NDArray[Any], valid: NDArray[np.bool_] | None = None) -> NDArray[np.float32]:
        """Mean probabilities of a block that begins where the image does; see `Segmenter.probabilities`."""
        return self.sample(block, valid).probabilities

    def probabilities_at(
        self, block: NDArray[Any], valid: NDArray[np.bool_] | None, row: int, column: int
    ) -> NDArray[np.float32]:
        """The same at a known position in the image; see `Segmenter.probabilities_at`."""
        return self.sample(block, valid, row, column).probabilities

    def uncertainty(
        self, block: NDArray[Any], valid: NDArray[np.bool_] | None = None, row: int = 0, column: int = 0
    ) -> NDArray[np.float32]:
        """(h, w) float32 uncertainty of a block's pixels; `sample` gives it together with the probabilities."""
        return self.sample(block, valid, row, column).uncertainty

    def sample(
        self, block: NDArray[Any], valid: NDArray[np.bool_] | None = None, row: int = 0, column: int = 0
    ) -> Sampled:
        """Mean probabilities and uncertainty of a block.

        Args:
            block, valid: see `Segmenter.probabilities`.
            row, column: of the block's first pixel in the image, multiples of `stride`.

        Raises:
            InputError: another number of bands, or a position off the stride.
        """
        if row % self.stride or column % self.stride:
            raise InputError(f"a block must begin at multiples of {self.stride}, got row {row}, column {column}")
        position = (row // self.stride, column // self.stride)
        pixels = self.segmenter.pixels(block, valid)
        height, width = block.shape[1:]
        with torch.inference_mode(), _PositionedDropout(self.seed, self._cells, position):
            found = self._passes(pixels, self.n_samples)
        mean, spread = found.probabilities[0, :, :height, :width], found.uncertainty[0, :height, :width]
        return Sampled(*(t.float().contiguous().cpu().numpy() for t in (mean, spread)))

    def with_frozen_context(self, overview: NDArray[Any], valid: NDArray[np.bool_] | None = None) -> MonteCarlo:
        """The same of the frozen network; see `Segmenter.with_frozen_context`."""
        return MonteCarlo(self.segmenter.with_frozen_context(overview, valid), self.n_samples, seed=self.seed)


class _PositionedDropout(TorchFunctionMode):
    """A context in which dropout depends on the features' position in the image.

    Args:
        seed: of the samples.
        cells: features per stride of the network, of every layer of dropout.
        position: of the block in the image, in strides.
    """

    def __init__(self, seed: int, cells: list[int], position: tuple[int, int]) -> None:
        super().__init__()
        self.seed, self.cells, self.position, self.calls = seed, cells, position, 0

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        return self._drop(*args, **(kwargs or {})) if func is F.dropout else func(*args, **(kwargs or {}))

    def _drop(self, x: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
        sample, layer = divmod(self.calls, len(self.cells))
        self.calls += 1
        if not training or p == 0:
            return x
        key = int.from_bytes(hashlib.blake2b(f"{self.seed} {sample} {layer}".encode(), digest_size=4).digest())
        row, column = (strides * self.cells[layer] for strides in self.position)
        noise = _noise((x.shape[1], x.shape[2], x.shape[3]), key, row, column, x.device)
        dropped = noise < round(p * 2**32) - 2**31
        return (x / (1 - p)).masked_fill_(dropped, 0)


def _noise(shape: tuple[int, int, int], key: int, row: int, column: int, device: torch.device) -> Tensor:
    """(channels, h, w) int32, evenly spread over all values: a hash of key, channel, row and column."""
    channels, rows, columns = (
        (torch.arange(start, start + count, device=device) * factor).to(torch.int32)  # wraps around
        for start, count, factor in zip((0, row, column), shape, _FACTORS, strict=True)
    )
    mixed = _mix(_mix(channels) ^ (key - 2**31))
    mixed = _mix(mixed[:, None] + rows)
    return _mix(mixed[:, :, None] + columns)


_FACTORS = (0x1E3779B1, 0x05EBCA77, 0x42B2AE3D)  # odd, so that no two of 2^32 numbers become one


def _mix(h: Tensor) -> Tensor:
    """Finaliser of MurmurHash3 (Appleby, public domain) on int32, whose products wrap around; changes `h`."""
    for shift, factor in ((16, 0x85EBCA6B - 2**32), (13, 0xC2B2AE35 - 2**32), (16, 1)):
        h ^= (h >> shift) & (2 ** (32 - shift) - 1)  # torch's shift copies the sign
        if factor != 1:
            h *= factor
    return h


def _cells_per_stride(network: nn.Module, n_bands: int, stride: int) -> list[int]:
    """How many features the map of every layer of dropout gains where the image gains one stride of pixels."""
    twin = without_data(network)
    sides: list[list[int]] = []
    for n_strides in (4, 5):
        side = network_rules(network).input_side(n_strides * stride)
        watch = _Watch()
        with torch.no_grad(), watch:
            twin(torch.empty(1, n_bands, side, side, device="meta", dtype=next(twin.parameters()).dtype))
        sides.append(watch.sides)
    return [large - small for small, large in zip(*sides, strict=True)]


class _Watch(TorchFunctionMode):
    """Records the height of the map that every layer of dropout is given."""

    def __init__(self) -> None:
        super().__init__()
        self.sides: list[int] = []

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func is F.dropout:
            self.sides.append(int(args[0].shape[2]))
        return func(*args, **(kwargs or {}))
