"""What the tests of networks share: an image to learn by heart, a short training, a probe of receptive fields."""

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from densa.metrics import ConfusionMatrix
from densa.operators.modules import without_data
from densa.operators.receptive_field import _trace
from densa.segmenter.inference import prepare


@pytest.fixture
def one_thread():
    """Maps this small are slower on many threads, and much slower where others want the processor."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def scene():
    """Ground, a bar across it and, of three classes, a disk, of different colours and with noise."""

    def make(side=64, n_classes=3):
        row, column = np.mgrid[:side, :side] / side
        labels = np.zeros((side, side), np.int64)
        if n_classes == 3:
            labels[(row - 0.55) ** 2 + (column - 0.4) ** 2 < 0.09] = 2
        labels[column > 0.7] = 1
        colours = np.array([[0.2, 0.6, 0.3], [0.9, 0.3, 0.2], [0.3, 0.4, 0.9]])
        image = colours[labels] + np.random.default_rng(0).normal(0, 0.1, (side, side, 3))
        image = torch.tensor((image - 0.5) / 0.3, dtype=torch.float32).permute(2, 0, 1)[None]
        return image, torch.tensor(labels)[None]

    return make


@pytest.fixture
def mean_iou_by_heart(one_thread):
    """Train on a batch for some steps; the mean IoU on its first image then."""

    def learn(network, batch, targets, n_steps, rate=1e-2):
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = 0.3  # few steps
        optimizer = torch.optim.Adam(network.parameters(), lr=rate)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=n_steps)
        network.train()
        for _ in range(n_steps):
            optimizer.zero_grad()
            F.cross_entropy(network(batch), targets).backward()
            optimizer.step()
            schedule.step()
        ready = prepare(network, 3, torch.device("cpu"), torch.float32)  # as it infers
        with torch.no_grad():
            predicted = ready(batch[:1]).argmax(dim=1)[0].numpy()
        n_classes = int(targets.max()) + 1
        matrix = ConfusionMatrix(n_classes)
        matrix.update(targets[0].numpy(), predicted)
        return matrix.summary().mean_iou

    return learn


@pytest.fixture
def probe_field():
    """Check that the outermost rows which are said to decide a row of the scores do, and the rows beyond do not."""

    def check(network, image, rows, *, side=None):
        axis = _trace(without_data(network), image.shape[1], side or image.shape[2])[0].axes[0]
        for row in rows:
            low, high = int(axis.low[row]), int(axis.high[row])
            assert 0 < low < high < image.shape[2] - 1
            seen = []
            for probed in (low - 1, low, high, high + 1):
                probe = image.clone()
                probe[..., probed, :] = math.nan
                with torch.no_grad():
                    seen.append(bool(torch.isnan(network(probe))[..., row, :].any()))
            assert seen == [False, True, True, False]

    return check


@pytest.fixture
def n_parameters():
    """Numbers in the parameters of a module."""
    return lambda module: sum(p.numel() for p in module.parameters())
