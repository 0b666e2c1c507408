import pytest
import torch
from torch import nn

from densa.errors import InputError
from densa.training.optimizers import make_optimizer


def _network():
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Conv2d(4, 2, 1))


@pytest.mark.parametrize(("name", "kind"), [("adamw", torch.optim.AdamW), ("sgd", torch.optim.SGD)])
def test_kernels_alone_decay(name, kind):
    optimizer = make_optimizer(_network(), name, weight_decay=0.01, learning_rate=0.5)
    assert isinstance(optimizer, kind)
    kernels, others = optimizer.param_groups
    assert [p.ndim for p in kernels["params"]] == [4, 4]
    assert [p.ndim for p in others["params"]] == [1, 1, 1, 1]
    assert (kernels["weight_decay"], others["weight_decay"], kernels["lr"]) == (0.01, 0.0, 0.5)


def test_sgd_step_by_hand():
    layer = nn.Conv2d(1, 1, 1, bias=False)
    layer.weight.data.fill_(2.0)
    optimizer = make_optimizer(layer, "sgd", learning_rate=0.1, momentum=0.9, weight_decay=0.0)
    for expected in (2 - 0.1, 2 - 0.1 - 0.19):  # velocity 1, then 0.9 + 1
        layer.weight.grad = torch.ones_like(layer.weight)
        optimizer.step()
        assert layer.weight.item() == pytest.approx(expected)


def test_unknown_optimizer():
    with pytest.raises(InputError, match="adamw, sgd"):
        make_optimizer(_network(), "adam")
