"""Of DeepLab, the dilated front end and the further SegNets: one image by heart, gradients, tiles and wholes."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from densa.legend import Legend
from densa.networks.bayesian_segnet import BayesianSegNet
from densa.networks.deeplab_largefov import DeepLabLargeFOV
from densa.networks.deeplabv2 import DeepLabV2
from densa.networks.deeplabv3 import DeepLabV3
from densa.networks.dilated_context import DilatedContext
from densa.networks.segnet_basic import SegNetBasic
from densa.raster import tiles
from densa.segmenter import BandContract, NetworkSegmenter
from tests.segmenter.exact import Float64Segmenter

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize(
    ("network", "n_steps"),
    [
        (lambda: SegNetBasic(3, 3, width=8), 40),
        (lambda: SegNetBasic(3, 3, width=8, decoder="encoder-addition"), 40),
        (lambda: SegNetBasic(3, 3, width=16, decoder="single-channel"), 50),
        (lambda: BayesianSegNet(3, 3, width=8, dropout=0.1), 100),
        (lambda: DeepLabLargeFOV(3, 3, width=4, dropout=0.0), 50),
        (lambda: DeepLabV2(3, 3, width=4, backbone="vgg16", dropout=0.0), 50),
        (lambda: DeepLabV2(3, 3, width=4, backbone="resnet50"), 50),
        (lambda: DeepLabV3(3, 3, width=4, backbone="resnet50", output_stride=8), 110),
        (lambda: DilatedContext(3, 3, width=2, dropout=0.0), 50),
    ],
    ids=[
        "segnet-basic",
        "encoder-addition",
        "single-channel",
        "bayesian-segnet",
        "deeplab-largefov",
        "deeplabv2-vgg16",
        "deeplabv2-resnet50",
        "deeplabv3",
        "dilated-context",
    ],
)
def test_one_image_by_heart(network, n_steps, scene, mean_iou_by_heart):
    torch.manual_seed(0)
    network = network()
    image, labels = scene()
    if isinstance(network, DilatedContext):
        image = F.pad(F.pad(image, [63] * 4, mode="reflect"), [network.margin - 63] * 4, mode="reflect")
    if isinstance(network, DeepLabV3):  # whose pooled image is normalised over the batch
        image, labels = torch.cat([image, image.flip(2)]), torch.cat([labels, labels.flip(1)])
    assert mean_iou_by_heart(network, image, labels, n_steps) >= 0.95


@pytest.mark.parametrize(
    "network",
    [
        lambda: SegNetBasic(4, 3, width=4),
        lambda: SegNetBasic(4, 3, width=4, decoder="encoder-addition"),
        lambda: SegNetBasic(4, 3, width=4, decoder="single-channel"),
        lambda: SegNetBasic(4, 3, width=4, decoder="bilinear"),
        lambda: BayesianSegNet(4, 3, width=4),
        lambda: DeepLabLargeFOV(4, 3, width=2),
        lambda: DeepLabV2(4, 3, width=2, backbone="vgg16"),
        lambda: DeepLabV2(4, 3, width=2, backbone="resnet50"),
        lambda: DeepLabV3(4, 3, width=2, backbone="resnet50"),
        lambda: DilatedContext(4, 3, width=2),
        lambda: DilatedContext(4, 3, width=2, context="large"),
    ],
)
def test_a_gradient_reaches_every_parameter(network):
    torch.manual_seed(0)
    network = network()
    height, width = network.input_side(64), network.input_side(88)
    logits = network(torch.randn(2, 4, height, width))
    assert logits.shape == (2, 3, 64, 88)
    F.cross_entropy(logits, torch.randint(3, (2, 64, 88))).backward()
    # A bias before batch normalisation has the gradient zero up to rounding; what counts is that one arrives.
    without = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert without == []


@pytest.mark.parametrize(
    ("network", "halo"),
    [
        (lambda: SegNetBasic(2, 3, width=4), 112),
        (lambda: SegNetBasic(2, 3, width=4, decoder="bilinear"), 80),
        (lambda: BayesianSegNet(2, 3, width=2), 224),
        (lambda: DeepLabLargeFOV(2, 3, width=2), 224),
        (lambda: DeepLabV2(2, 3, width=2, backbone="vgg16"), 312),
        (lambda: DeepLabV3(2, 3, width=2, backbone="resnet50"), 672),
        (lambda: DilatedContext(2, 3, width=2), 464),
    ],
    ids=["segnet-basic", "bilinear", "bayesian-segnet", "largefov", "deeplabv2", "deeplabv3-frozen", "dilated-context"],
)
def test_tiles_are_pieces_of_the_whole(network, halo):
    torch.manual_seed(0)
    network = network().train()
    with torch.no_grad():  # statistics as after training, and scores that vary
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = 1.0
            elif isinstance(module, nn.Conv2d) and module.out_channels == 3 and module.in_channels != 3:
                nn.init.normal_(module.weight, std=0.3)
        network(torch.randn(2, 2, network.input_side(64), network.input_side(64)))
    network.eval()
    if isinstance(network, DeepLabV3):
        network.freeze_context(torch.randn(1, 2, 80, 64))
    segmenter = Float64Segmenter(network, Legend(("a", "b", "c")), BandContract(2))
    assert segmenter.halo == halo
    height, width = 3 * halo + 7, 21  # the second of four tiles has its halo inside the image
    image = np.random.default_rng(0).standard_normal((2, height, width)).astype(np.float32)
    whole = segmenter.probabilities(image)
    assert float(whole.std(axis=(1, 2)).max()) > 1e-2
    for core, block in tiles(height, width, halo, halo=halo, stride=segmenter.stride):
        part = segmenter.probabilities(image[:, block.row : block.row + block.height, :])
        rows = slice(core.row - block.row, core.row - block.row + core.height)
        piece = whole[:, core.row : core.row + core.height]
        np.testing.assert_allclose(part[:, rows], piece, rtol=0, atol=1e-12)


def test_tiles_with_image_pooling_are_not():
    torch.manual_seed(0)
    network = DeepLabV3(2, 3, width=2, backbone="resnet50").train()
    nn.init.normal_(network.score.weight)
    with torch.no_grad():
        network(torch.randn(2, 2, 64, 64))
    segmenter = NetworkSegmenter(network, Legend(("a", "b", "c")), BandContract(2), device="cpu", precision="float32")
    assert segmenter.receptive_field.whole_image
    image = np.random.default_rng(0).standard_normal((2, 800, 21)).astype(np.float32)
    image[:, 720:] += 3  # beyond the halo of the first tile
    whole, part = segmenter.probabilities(image), segmenter.probabilities(image[:, : segmenter.halo + 16])
    assert np.abs(part[:, :16] - whole[:, :16]).max() > 1e-3
