"""A network of each family learns one small image by heart."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from densa.metrics import ConfusionMatrix
from densa.networks.deconvnet import DeconvNet
from densa.networks.fcn import FCN8s, FCN16s, FCN32s
from densa.networks.patch_cnn import PatchCNN
from densa.segmenter.inference import prepare


@pytest.fixture(autouse=True)
def one_thread():
    """Maps this small are slower on many threads, and much slower where others want the processor."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def scene(side, n_classes):
    """Ground, a bar across it and, of three classes, a disk, of different colours and with noise."""
    row, column = np.mgrid[:side, :side] / side
    labels = np.zeros((side, side), np.int64)
    if n_classes == 3:
        labels[(row - 0.55) ** 2 + (column - 0.4) ** 2 < 0.09] = 2
    labels[column > 0.7] = 1
    colours = np.array([[0.2, 0.6, 0.3], [0.9, 0.3, 0.2], [0.3, 0.4, 0.9]])
    image = colours[labels] + np.random.default_rng(0).normal(0, 0.1, (side, side, 3))
    return torch.tensor((image - 0.5) / 0.3, dtype=torch.float32).permute(2, 0, 1)[None], torch.tensor(labels)[None]


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
def test_one_image_by_heart(network, side, n_steps):
    torch.manual_seed(0)
    network, rate = network(), 1e-2
    image, labels = scene(side, network.n_classes)
    if network.margin:
        image = F.pad(image, [network.margin] * 4, mode="reflect")
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 0.3  # few steps
    optimizer = torch.optim.Adam(network.parameters(), lr=rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=n_steps)
    network.train()
    for _ in range(n_steps):
        optimizer.zero_grad()
        F.cross_entropy(network(image), labels).backward()
        optimizer.step()
        schedule.step()
    ready = prepare(network, 3, torch.device("cpu"), torch.float32)  # as it infers
    with torch.no_grad():
        predicted = ready(image).argmax(dim=1)[0].numpy()
    matrix = ConfusionMatrix(network.n_classes)
    matrix.update(labels[0].numpy(), predicted)
    assert matrix.summary().mean_iou >= 0.95
