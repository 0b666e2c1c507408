"""Segmenters in float64, and what rounding leaves of equality: tests of structure hold on every processor."""

import copy

import numpy as np
import torch

from densa.segmenter import NetworkSegmenter
from densa.segmenter.inference import prepare

ONE_ROUNDING = 2.0**-23
"""Most that float32 probabilities differ by that were rounded once, from numbers equal to 1e-12: their spacing."""


class Float64Segmenter(NetworkSegmenter):
    """A network in float64, whose rounding errors stay below 1e-12.

    In float32, processors and sizes of images differ in the order of their sums; how much that changes a probability
    depends on the weights.
    """

    def __init__(self, network, legend, bands):
        super().__init__(network, legend, bands, device="cpu", precision="float32")
        self.dtype = torch.float64
        self.network = prepare(copy.deepcopy(network).double(), bands.n_bands, self.device, self.dtype)

    def probabilities(self, block, valid=None):
        """Class probabilities (classes, h, w), float64."""
        with torch.inference_mode():
            scores = self.network(self.pixels(block, valid))[0, :, : block.shape[1], : block.shape[2]]
            return scores.softmax(dim=0).numpy()


def assert_same(found, expected, atol):
    """Probabilities within `atol`; labels equal but for ties, which are few; and the labels are not all the same."""
    np.testing.assert_allclose(found, expected, rtol=0, atol=atol)
    second, first = np.sort(expected, axis=0)[-2:]
    clear = first - second > 2 * atol
    assert clear.mean() > 0.999
    np.testing.assert_array_equal(found.argmax(0)[clear], expected.argmax(0)[clear])
    assert expected.std(axis=(1, 2)).min() > 1e-3
