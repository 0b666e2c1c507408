"""A network as a segmenter: normalise, pad, infer, crop."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from densa.errors import InputError
from densa.legend import Legend
from densa.operators.modules import NetworkRules, network_rules
from densa.operators.receptive_field import receptive_field
from densa.raster.mirroring import mirrored
from densa.segmenter.contract import BandContract, Segmenter
from densa.segmenter.inference import choose_device, choose_precision, multiplies_bfloat16, prepare
from densa.segmenter.streaming import Streamed
from densa.segmenter.structure import once_per_structure

__all__ = ["NetworkSegmenter"]

_SIZES_KEPT = 64  # sizes of blocks of which the strips are remembered
_receptive_field = once_per_structure(receptive_field)


class NetworkSegmenter(Segmenter):
    """A trained network with its legend and its input contract; see `Segmenter`.

    Args:
        network: maps (1, bands, H, W) to scores (1, classes, H', W'); copied, so training it on changes nothing here.
            Which sizes it takes and what border it loses is found by `densa.operators.modules.network_rules`.
        legend: one class per channel of the scores.
        bands: what the network was trained on.
        device: "auto" (a CUDA device where there is one), "cpu", "cuda", "cuda:1", ...
        precision: "float32", "bfloat16" or "auto", which is bfloat16 where the device computes faster with it and the
            network does not state `needs_float32`. Labels of a trained network then agree with those of float32 on at
            least 99.9 % of the pixels.

    Attributes:
        network: the copy that infers, in evaluation mode.
        receptive_field: of the network.

    Raises:
        InputError: an unknown device or precision, or a network whose receptive field cannot be found.

    Examples:
        >>> import numpy as np
        >>> from densa import Legend, networks, segmenter
        >>> network = networks.build("segnet", 3, 2, width=1)
        >>> legend, bands = Legend(("ground", "roof")), segmenter.BandContract(3)
        >>> model = segmenter.NetworkSegmenter(network, legend, bands)
        >>> model.stride, model.whole_image
        (32, False)
        >>> model.probabilities(np.zeros((3, 32, 32), np.uint8)).shape
        (2, 32, 32)
    """

    any_block = False
    device: torch.device
    dtype: torch.dtype

    def __init__(
        self, network: nn.Module, legend: Legend, bands: BandContract, *, device: str = "auto", precision: str = "auto"
    ) -> None:
        self.legend, self.bands = legend, bands
        self.device, self.dtype = _chosen(network, device, precision)
        self.receptive_field = network_rules(network).stated_field or _receptive_field(network, bands.n_bands)
        self.halo, self.stride = self.receptive_field.local_halo, self.receptive_field.stride
        self.whole_image = self.receptive_field.whole_image
        self.network = prepare(network, bands.n_bands, self.device, self.dtype)
        self._of_sizes: dict[tuple[int, int], Streamed | None] = {}

    def fits(self, device: str, precision: str) -> bool:
        """Whether device and precision are those that the settings choose for this network.

        Raises:
            InputError: an unknown device or precision.
        """
        return (self.device, self.dtype) == _chosen(self.network, device, precision)

    def probabilities(self, block: NDArray[Any], valid: NDArray[np.bool_] | None = None) -> NDArray[np.float32]:
        """Class probabilities of a block of any size; see `Segmenter.probabilities`.

        Beyond the block's edges the network sees the block mirrored, without its edge pixel repeated.
        """
        pixels = self.pixels(block, valid)
        height, width = block.shape[1:]
        found = np.empty((self.legend.n_classes, height, width), np.float32)
        row, streamed = 0, self._streamed(*pixels.shape[2:])
        with torch.inference_mode():
            for scores in [self.network(pixels)] if streamed is None else streamed(pixels):
                if scores.shape[1] != self.legend.n_classes:
                    raise InputError(
                        f"the network gives {scores.shape[1]} classes, its legend has {self.legend.n_classes}; "
                        "give the legend that it was trained with"
                    )
                part = scores[0, :, : height - row, :width].float().contiguous().cpu().numpy()
                found[:, row : row + part.shape[1]] = _softmax(part)
                row += part.shape[1]
        return found

    def working_bytes(self, height: int, width: int) -> int | None:
        """Memory of a block that is computed in strips; see `Segmenter.working_bytes`."""
        rules = network_rules(self.network)
        rows, columns = rules.input_side(height), rules.input_side(width)
        streamed = self._streamed(rows, columns)
        if streamed is None:
            return None
        normalised = 3 * 4 * self.bands.n_bands * rows * columns  # normalised, mirrored, channels last
        return streamed.peak_bytes() + normalised + 4 * self.legend.n_classes * height * width

    def _streamed(self, height: int, width: int) -> Streamed | None:
        """The network in strips of rows, where it and the device allow that."""
        usual = self.dtype == torch.float32 or (self.dtype == torch.bfloat16 and multiplies_bfloat16(self.device))
        if self.device.type != "cpu" or not usual:
            return None
        if (height, width) not in self._of_sizes:
            if len(self._of_sizes) >= _SIZES_KEPT:
                self._of_sizes.clear()
            self._of_sizes[height, width] = Streamed.of(self.network, self.bands.n_bands, height, width)
        return self._of_sizes.get((height, width))

    def pixels(self, block: NDArray[Any], valid: NDArray[np.bool_] | None = None) -> Tensor:
        """A block as the network takes it: (1, bands, H, W), normalised, mirrored to a size that it takes."""
        image = _mirrored(self.bands.normalise(block, valid), network_rules(self.network))
        # (H, W, bands) in memory is what channels-last convolutions read.
        pixels = torch.from_numpy(np.ascontiguousarray(image.transpose(1, 2, 0))).permute(2, 0, 1)[None]
        return pixels.to(self.device, self.dtype)

    def n_scores(self) -> int:
        """Number of classes that the network gives scores of, found by running it on a block of zeros."""
        side = max(16, self.stride)
        with torch.inference_mode():
            return int(self.network(self.pixels(np.zeros((self.bands.n_bands, side, side), np.float32))).shape[1])

    def with_frozen_context(self, overview: NDArray[Any], valid: NDArray[np.bool_] | None = None) -> NetworkSegmenter:
        """The segmenter whose image pooling sees an overview in place of the image; see `Segmenter`."""
        if not self.whole_image:
            return self
        frozen = copy.copy(self)
        frozen.network = copy.deepcopy(self.network)
        frozen._of_sizes = {}
        freeze = network_rules(frozen.network).freeze_context
        if freeze is None:
            raise InputError(
                f"{type(self.network).__name__} depends on the whole image and its context cannot be frozen; "
                "predict whole images"
            )
        freeze(self.pixels(overview, valid))
        frozen.receptive_field = replace(
            self.receptive_field, reach=self.receptive_field.local_reach, whole_image=False
        )
        frozen.whole_image = False
        return frozen


def _softmax(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """Probabilities of (classes, h, w) scores, each pixel the same in arrays of any size and for any threads."""
    powers = np.exp(scores - scores.max(axis=0))
    powers /= powers.sum(axis=0)
    return powers


def _chosen(network: nn.Module, device: str, precision: str) -> tuple[torch.device, torch.dtype]:
    where = choose_device(device)
    if precision == "auto" and network_rules(network).needs_float32:
        precision = "float32"
    return where, choose_precision(precision, where)


def _mirrored(image: NDArray[np.float32], rules: NetworkRules) -> NDArray[np.float32]:
    """The image with the network's margin more at the top and left, and enough at the bottom and right for its size."""
    rows, columns = (mirrored(np.arange(rules.input_side(side)) - rules.margin, side) for side in image.shape[1:])
    if len(rows) > image.shape[1]:
        image = image[:, rows]
    if len(columns) > image.shape[2]:
        image = image[:, :, columns]
    return image
