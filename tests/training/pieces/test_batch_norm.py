import torch
from torch import nn
from torch.testing import assert_close

from densa.training.pieces.batch_norm import has_batch_norm, recalibrate_batch_norm


def test_statistics_become_the_mean_over_the_batches():
    layer = nn.BatchNorm2d(2, momentum=0.3)
    network = nn.Sequential(nn.Dropout(0.5), layer).train()
    layer.running_mean.fill_(99)
    batches = [torch.randn(3, 2, 8, 9, generator=torch.Generator().manual_seed(i)) * 3 + 5 for i in range(4)]
    recalibrate_batch_norm(network, iter(batches))
    assert_close(layer.running_mean, torch.stack([b.mean((0, 2, 3)) for b in batches]).mean(0))
    assert_close(layer.running_var, torch.stack([b.var((0, 2, 3)) for b in batches]).mean(0))
    assert layer.momentum == 0.3
    assert network.training
    assert layer.training


def test_without_batches_or_layers_nothing_changes():
    layer = nn.BatchNorm2d(2)
    layer.running_mean.fill_(7)
    recalibrate_batch_norm(nn.Sequential(layer), [])
    assert layer.running_mean.tolist() == [7, 7]
    recalibrate_batch_norm(nn.Conv2d(1, 1, 1), [torch.zeros(1, 5, 2, 2)])  # would fail if it ran
    assert has_batch_norm(layer)
    assert not has_batch_norm(nn.Sequential(nn.Conv2d(1, 1, 1), nn.BatchNorm2d(1, track_running_stats=False)))
