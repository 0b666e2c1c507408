import pytest
import torch
from torch import nn

from densa.training.pieces.averaging import make_average, update_average


def test_average_by_hand():
    network = nn.Sequential(nn.Conv2d(1, 1, 1, bias=False), nn.BatchNorm2d(1))
    network[0].weight.data.fill_(1.0)
    average = make_average(network)
    network[0].weight.data.fill_(2.0)
    network[1].num_batches_tracked += 5
    update_average(average, network, 0.9, step=1000)
    assert average[0].weight.item() == pytest.approx(1.1)
    assert average[1].num_batches_tracked == 5
    update_average(average, network, 0.9, step=0)  # d = 1 / 10
    assert average[0].weight.item() == pytest.approx(0.1 * 1.1 + 0.9 * 2)
    assert not any(p.requires_grad for p in average.parameters())
    assert torch.equal(network[0].weight.detach(), torch.full((1, 1, 1, 1), 2.0))
