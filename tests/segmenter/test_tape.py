"""The operations of a network, recorded."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from densa.segmenter.tape import recorded


class Joined(nn.Module):
    """A skip connection that is cropped and joined."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(2, 4, 3, padding=1)
        self.up = nn.ConvTranspose2d(4, 3, 2, stride=2)

    def forward(self, x):
        a = F.relu(self.first(x))
        b = self.up(F.max_pool2d(a, 2))
        return torch.cat([a[:, :, 1:-1, 2:-2], b[:, :, 1:-1, 2:-2]], dim=1) * 0.5


def test_steps_in_order():
    steps = recorded(Joined().eval(), 2, 20, 30)
    assert [step.kind for step in steps] == (
        ["convolution", "relu", "pooling", "transposed", "crop", "crop", "crop", "crop", "join", "scale"]
    )
    assert steps[0].inputs == (0,)
    assert steps[-2].inputs == (6, 8)
    assert (steps[-1].size, steps[-1].channels) == ((18, 26), 7)
    assert steps[0].weight.shape == (4, 2, 3, 3)
    assert not steps[0].weight.is_meta


def test_rows_that_decide():
    convolution, _, pooling, transposed, *_ = recorded(Joined().eval(), 2, 20, 30)
    assert convolution.rows(5, 8) == (4, 9)
    assert convolution.rows(0, 20) == (-1, 21)
    assert pooling.rows(3, 5) == (6, 10)
    assert transposed.rows(3, 5) == (1, 3)
    assert (convolution.shared_rows(0), pooling.shared_rows(2), transposed.shared_rows(2)) == (2, 4, 1)


@pytest.mark.parametrize(
    "network",
    [nn.GELU(), nn.AdaptiveAvgPool2d(2), nn.Upsample(scale_factor=2, mode="bilinear"), nn.Flatten()],
    ids=lambda network: type(network).__name__,
)
def test_anything_else_is_none(network):
    assert recorded(nn.Sequential(nn.Conv2d(2, 3, 1), network).eval(), 2, 16, 16) is None
