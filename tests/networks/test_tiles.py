"""The middle of a tile with its halo is the same piece of the whole image, for the networks with far fields."""

import numpy as np
import pytest
import torch
from torch import nn

from densa.legend import Legend
from densa.networks import build
from densa.segmenter import BandContract
from tests.segmenter.exact import Float64Segmenter


@pytest.mark.parametrize(
    ("name", "halo", "side"), [("patch-cnn", 32, 8), ("fcn32s", 256, 8), ("fcn8s", 256, 8), ("deconvnet", 416, 200)]
)
def test_a_tile_is_a_piece_of_the_whole(name, halo, side):
    torch.manual_seed(0)
    network = build(name, 2, 3, width=2).eval()
    for module in network.modules():
        if isinstance(module, nn.Conv2d) and not module.weight.any():  # scores that begin at zero
            nn.init.normal_(module.weight)
        if isinstance(module, nn.BatchNorm2d):
            nn.init.constant_(module.bias, 0.2)
    segmenter = Float64Segmenter(network, Legend(("a", "b", "c")), BandContract(2))
    assert segmenter.halo == halo
    step = segmenter.stride
    height = 2 * halo + 5 * step + 7
    image = np.random.default_rng(0).standard_normal((2, height, side)).astype(np.float32)
    whole = segmenter.probabilities(image)
    assert float(whole.std(axis=(1, 2)).max()) > 1e-2
    first, core = 2 * step, 2 * step + 3  # a tile that begins at a multiple of the stride and ends anywhere
    tile = segmenter.probabilities(image[:, first : first + 2 * halo + core])
    piece = slice(first + halo, first + halo + core)
    np.testing.assert_allclose(tile[:, halo : halo + core], whole[:, piece], rtol=0, atol=1e-12)
    top = segmenter.probabilities(image[:, : core + halo])
    np.testing.assert_allclose(top[:, :core], whole[:, :core], rtol=0, atol=1e-12)
