"""Strips of rows give what the network gives for the whole image, and hold little of it."""

import numpy as np
import pytest
import torch
from torch import nn

from densa import networks
from densa.legend import Legend
from densa.networks import UNet
from densa.operators.modules import network_rules
from densa.segmenter import BandContract, NetworkSegmenter, streaming
from densa.segmenter.inference import multiplies_bfloat16, prepare
from densa.segmenter.streaming import Streamed

STREAMED = ["unet", "unet-valid", "fcn8s", "fcn16s", "fcn32s", "patch-cnn", "dilated6", "dense-dilated6"]


def of(name, width=3):
    torch.manual_seed(1)
    made = networks.build(name, 2, 3, width=width).eval()
    for module in made.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(module.weight, std=(2 / module.weight[0].numel()) ** 0.5)
    return prepare(made, 2, torch.device("cpu"), torch.float32)


def image_for(network, height, width):
    sides = (network_rules(network).input_side(side) for side in (height, width))
    return torch.randn(1, 2, *sides).contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("name", STREAMED)
@pytest.mark.parametrize("pixels", [1, 2**13])
def test_strips_equal_the_whole(name, pixels, monkeypatch):
    monkeypatch.setattr(streaming, "STRIP_PIXELS", pixels)
    network = of(name)
    image = image_for(network, 230, 61)
    streamed = Streamed.of(network, 2, *image.shape[2:])
    with torch.inference_mode():
        whole, strips = network(image), list(streamed(image))
    assert len(strips) > 1
    found = torch.cat(strips, dim=2)
    assert found.shape == whole.shape
    torch.testing.assert_close(found, whole, rtol=0, atol=float(1e-5 * whole.abs().max()))


@pytest.mark.parametrize("name", ["unet", "fcn8s"])
def test_the_number_of_threads_changes_no_bit(name):
    legend = Legend(("a", "b", "c"))
    segmenter = NetworkSegmenter(of(name, width=8), legend, BandContract(2), device="cpu", precision="float32")
    block = np.random.default_rng(0).standard_normal((2, 130, 75)).astype(np.float32)
    before, found = torch.get_num_threads(), []
    try:
        for n in (1, 2, 4):
            torch.set_num_threads(n)
            found.append(segmenter.probabilities(block))
    finally:
        torch.set_num_threads(before)
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])


def test_strips_hold_a_part_of_the_maps(monkeypatch):
    monkeypatch.setattr(streaming, "STRIP_PIXELS", 2**14)
    network = prepare(UNet(2, 3, width=4).eval(), 2, torch.device("cpu"), torch.float32)
    low, high = (Streamed.of(network, 2, height, 256).peak_bytes() for height in (1024, 4096))
    assert low == pytest.approx(high, rel=0.1)  # whatever the height
    of_first_level = 4 * 4 * 1024 * 256
    assert low < 2 * of_first_level


def test_other_networks_are_not_followed():
    assert Streamed.of(nn.Sequential(nn.Conv2d(2, 3, 3), nn.GELU()), 2, 64, 64) is None
    assert Streamed.of(of("segnet"), 2, 64, 64) is None  # its switches are computed in strips of their own
    pooled = nn.Sequential(nn.Conv2d(2, 3, 3), nn.AdaptiveAvgPool2d(1))
    assert Streamed.of(pooled, 2, 64, 64) is None


@pytest.mark.skipif(not multiplies_bfloat16(torch.device("cpu")), reason="the processor does not multiply bfloat16")
def test_strips_in_bfloat16(monkeypatch):
    monkeypatch.setattr(streaming, "STRIP_PIXELS", 2**13)
    network = prepare(UNet(2, 3, width=8).eval(), 2, torch.device("cpu"), torch.bfloat16)
    image = torch.randn(1, 2, 160, 64).contiguous(memory_format=torch.channels_last).bfloat16()
    streamed = Streamed.of(network, 2, 160, 64)
    with torch.inference_mode():
        whole, found = network(image), torch.cat(list(streamed(image)), dim=2)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, whole, rtol=0, atol=float(0.03 * whole.abs().max()))
