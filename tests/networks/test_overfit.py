"""A network of each family learns one small image by heart."""

import pytest
import torch
from torch.nn import functional as F

from densa.networks.deconvnet import DeconvNet
from densa.networks.fcn import FCN8s, FCN16s, FCN32s
from densa.networks.patch_cnn import PatchCNN


@pytest.mark.parametrize(
    ("network", "side", "n_steps"),
    [
        (lambda: PatchCNN(3, 3, width=6), 64, 40),
        (lambda: FCN32s(3, 2, width=2, dropout=0.0), 64, 40),  # every 32 pixels a score: too coarse for the disk
        (lambda: FCN16s(3, 3, width=4, dropout=0.0, upsampling="learned"), 96, 40),
        (lambda: FCN8s(3, 3, width=4, dropout=0.0), 64, 40),
        (lambda: DeconvNet(3, 2, width=4), 257, 40),  # 3 x 3 cells in fc6, whose statistics need some
    ],
    ids=["patch-cnn", "fcn32s", "fcn16s", "fcn8s", "deconvnet"],
)
def test_one_image_by_heart(network, side, n_steps, scene, mean_iou_by_heart):
    torch.manual_seed(0)
    network = network()
    image, labels = scene(side, network.n_classes)
    if network.margin:
        image = F.pad(image, [network.margin] * 4, mode="reflect")
    assert mean_iou_by_heart(network, image, labels, n_steps) >= 0.95
