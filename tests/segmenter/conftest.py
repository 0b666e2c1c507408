"""What the tests of segmenters share."""

import numpy as np
import pytest
import torch
from torch import nn

from densa.legend import Legend
from densa.networks import build
from densa.raster import tiles
from densa.segmenter import Architecture, BandContract, NetworkSegmenter, save_model
from tests.segmenter.exact import Float64Segmenter

LEGEND = Legend(("road", "roof", "tree"))


def _network(name, n_bands=3, seed=0, **arguments):
    torch.manual_seed(seed)
    network = build(name, n_bands, 3, **{"width": 2, **arguments})
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.bias, 0.1, 0.3)
            module.momentum = 1.0
        elif isinstance(module, nn.Conv2d) and module.out_channels == 3 and module.kernel_size == (1, 1):
            nn.init.normal_(module.weight, std=0.1)
    side = network.input_side(64)
    with torch.no_grad():
        network.train()(torch.randn(2, n_bands, side, side))
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_var.clamp_(min=0.1)
    return network.eval()


@pytest.fixture
def make():
    """Segmenter of a small network whose batch normalisation does something; `exact`: in float64."""

    def make(name="unet", n_bands=3, *, seed=0, legend=LEGEND, exact=False, contract=None, **arguments):
        network = _network(name, n_bands, seed, **arguments)
        bands = contract or BandContract(n_bands)
        if exact:
            return Float64Segmenter(network, legend, bands)
        return NetworkSegmenter(network, legend, bands, device="cpu", precision="float32")

    return make


@pytest.fixture
def save():
    """Model folder of a small network."""

    def save(folder, name="unet", n_bands=3, *, seed=0, legend=LEGEND, **arguments):
        arguments = {"width": 2, **arguments}
        network = _network(name, n_bands, seed, **arguments)
        save_model(folder, network, Architecture(name, arguments), legend, BandContract(n_bands))
        return folder

    return save


@pytest.fixture
def tiled():
    """Predict an image in tiles, put together as the engine does."""

    def tiled(segmenter, image, n_strides, valid=None, apply=None):
        apply = apply or segmenter.probabilities_at
        height, width = image.shape[1:]
        whole = None
        size = n_strides * segmenter.stride
        for core, block in tiles(height, width, size, halo=segmenter.halo, stride=segmenter.stride):
            place = np.s_[block.row : block.row + block.height, block.column : block.column + block.width]
            part = apply(image[:, *place], None if valid is None else valid[place], block.row, block.column)
            if whole is None:
                whole = np.full((*part.shape[:-2], height, width), np.nan, part.dtype)
            rows = slice(core.row - block.row, core.row - block.row + core.height)
            columns = slice(core.column - block.column, core.column - block.column + core.width)
            here = np.s_[core.row : core.row + core.height, core.column : core.column + core.width]
            whole[..., *here] = part[..., rows, columns]
        return whole

    return tiled
