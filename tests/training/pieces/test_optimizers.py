import pytest
import torch
from torch import nn

from densa.training.pieces.optimizers import make_optimizer, set_learning_rate
from densa.training.settings import Optimisation


def _network():
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Conv2d(4, 2, 1))


@pytest.mark.parametrize(("name", "kind"), [("adamw", torch.optim.AdamW), ("sgd", torch.optim.SGD)])
def test_kernels_alone_decay(name, kind):
    optimizer = make_optimizer(_network(), Optimisation(optimizer=name, weight_decay=0.01, learning_rate=0.5))
    assert isinstance(optimizer, kind)
    kernels, others = optimizer.param_groups
    assert [p.ndim for p in kernels["params"]] == [4, 4]
    assert [p.ndim for p in others["params"]] == [1, 1, 1, 1]
    assert (kernels["weight_decay"], others["weight_decay"], kernels["lr"]) == (0.01, 0.0, 0.5)


def test_sgd_step_by_hand():
    layer = nn.Conv2d(1, 1, 1, bias=False)
    layer.weight.data.fill_(2.0)
    optimizer = make_optimizer(layer, Optimisation(optimizer="sgd", learning_rate=0.1, momentum=0.9, weight_decay=0.0))
    for expected in (2 - 0.1, 2 - 0.1 - 0.19):  # velocity 1, then 0.9 + 1
        layer.weight.grad = torch.ones_like(layer.weight)
        optimizer.step()
        assert layer.weight.item() == pytest.approx(expected)


def test_biases_and_the_classifier_have_rates_of_their_own():
    """DeepLab: the classifier's kernel at 10, its bias at 20, other biases at 2; normalisation as kernels."""
    network = _network()
    optimizer = make_optimizer(
        network,
        Optimisation(optimizer="sgd", learning_rate=0.5, weight_decay=0.1, bias_rate=2, classifier_rate=10),
        classifier={"2.weight", "2.bias"},
    )  # fmt: skip
    set_learning_rate(optimizer, 0.25)
    found = {id(p): (group["lr"], group["weight_decay"]) for group in optimizer.param_groups for p in group["params"]}
    rates = {name: found[id(p)] for name, p in network.named_parameters()}
    assert rates == {
        "0.weight": (0.25, 0.1), "0.bias": (0.5, 0.0), "1.weight": (0.25, 0.0), "1.bias": (0.25, 0.0),
        "2.weight": (2.5, 0.1), "2.bias": (5.0, 0.0),
    }  # fmt: skip


def test_a_bias_moves_twice_as_far():
    network = nn.Conv2d(1, 1, 1)
    before = [p.detach().clone() for p in network.parameters()]
    optimizer = make_optimizer(network, Optimisation(optimizer="sgd", learning_rate=0.1, weight_decay=0.0, bias_rate=2))
    for p in network.parameters():
        p.grad = torch.ones_like(p)
    optimizer.step()
    moves = [(b - p.detach()).item() for b, p in zip(before, network.parameters(), strict=True)]
    assert moves == pytest.approx([0.1, 0.2])
