"""SegNet's levels in strips give what they give whole, in less memory."""

import pytest
import torch
from torch import nn

from densa.networks import strips
from densa.networks.bayesian_segnet import BayesianSegNet
from densa.networks.segnet import SegNet
from densa.networks.segnet_basic import SegNetBasic


def lively(network):
    """Batch statistics of some images, so that the levels' values differ from place to place."""
    torch.manual_seed(0)
    network.train()
    with torch.no_grad():
        network(torch.randn(4, 2, 64, 48))
    return network.eval()


@pytest.mark.parametrize("make", [SegNet, SegNetBasic, BayesianSegNet], ids=lambda c: c.__name__)
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_strips_equal_the_whole(make, layout, monkeypatch):
    network = lively(make(2, 3, width=4)).double().to(memory_format=layout)
    seen = []
    first = next(m for m in network.modules() if isinstance(m, nn.Conv2d))
    first.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].shape[2]))
    x = torch.randn(1, 2, 117, 45, dtype=torch.float64).contiguous(memory_format=layout)
    with torch.no_grad():
        whole = network(x)
        monkeypatch.setattr(strips, "STRIP_BYTES", 2048)
        in_strips = network(x)
    assert seen[0] == 117
    assert len(seen) > 4
    assert max(seen[1:]) < 60
    torch.testing.assert_close(in_strips, whole, rtol=0, atol=1e-11)


def test_every_row_is_kept_once_and_read_with_its_surroundings(monkeypatch):
    monkeypatch.setattr(strips, "STRIP_BYTES", 1)
    stage = nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 4, 5, padding=2)).eval()
    with torch.no_grad():
        found = strips._strips(stage, torch.empty(1, 2, 37, 8), 37, 8)
    kept = [row for s in found for row in range(s.first + s.kept.start, s.first + s.kept.stop)]
    assert kept == list(range(37))
    for s in found:
        assert s.first % 2 == 0
        assert s.first == 0 or s.kept.start >= 3
        assert s.last == 37 or s.last - s.first - s.kept.stop >= 3


def test_a_gradient_or_a_batch_keeps_the_level_whole(monkeypatch):
    monkeypatch.setattr(strips, "STRIP_BYTES", 1)
    stage = nn.Conv2d(2, 4, 3, padding=1)
    assert not strips._strips(stage.eval(), torch.empty(1, 2, 64, 8), 64, 8)  # gradients are on
    with torch.no_grad():
        assert strips._strips(stage, torch.empty(1, 2, 64, 8), 64, 8)
        assert not strips._strips(stage, torch.empty(2, 2, 64, 8), 64, 8)
        assert not strips._strips(stage, torch.empty(1, 2, 64, 8, device="meta"), 64, 8)
        assert not strips._strips(stage.train(), torch.empty(1, 2, 64, 8), 64, 8)
