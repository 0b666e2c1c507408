import pytest
import torch
from torch import nn

from densa.errors import InputError
from densa.networks import SegNet
from densa.networks import bayesian_segnet as module
from densa.networks.bayesian_segnet import BayesianSegNet


def lively(**arguments):
    torch.manual_seed(0)
    network = BayesianSegNet(2, 3, width=2, **arguments).train()
    with torch.no_grad():
        network(torch.randn(4, 2, 64, 96))
    return network.eval()


def test_parameters_are_segnets():
    with torch.device("meta"):
        network, plain = BayesianSegNet(3, 11), SegNet(3, 11)
    assert sum(p.numel() for p in network.parameters()) == 29449355
    assert [(k, v.shape) for k, v in network.state_dict().items()] == [
        (k, v.shape) for k, v in plain.state_dict().items()
    ]


def test_places_of_the_dropout(monkeypatch):
    """After pool3, pool4 and pool5, and after conv5_1_D, conv4_1_D and conv3_1_D."""
    seen, network = [], BayesianSegNet(3, 2, width=1).train()

    def dropout(x, share, drops):
        seen.append((tuple(x.shape[1:]), share, drops))
        return x

    monkeypatch.setattr(module.F, "dropout", dropout)
    network(torch.randn(2, 3, 64, 96))
    sizes = [(4, 8, 12), (8, 4, 6), (8, 2, 3), (8, 4, 6), (4, 8, 12), (2, 16, 24)]
    assert seen == [(size, 0.5, True) for size in sizes]


def test_without_samples_it_is_segnet():
    network = lively()
    plain = SegNet(2, 3, width=2).eval()
    plain.load_state_dict(network.state_dict())
    x = torch.randn(1, 2, 45, 60)
    with torch.no_grad():
        assert torch.equal(network(x), plain(x))


def test_mean_and_variance_over_passes():
    network = lively()
    x = torch.randn(2, 2, 45, 60)
    found = network.monte_carlo(x, 7, seed=3)
    network.train()
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.eval()
    torch.manual_seed(3)
    with torch.no_grad():
        samples = torch.stack([network(x).softmax(dim=1) for _ in range(7)])
    torch.testing.assert_close(found.probabilities, samples.mean(dim=0))
    torch.testing.assert_close(found.variance, samples.var(dim=0, unbiased=False))
    torch.testing.assert_close(found.uncertainty, found.variance.mean(dim=1))
    assert found.uncertainty.shape == (2, 45, 60)
    assert found.uncertainty.max() > 1e-4
    torch.testing.assert_close(found.probabilities.sum(dim=1), torch.ones(2, 45, 60))


def test_the_seed_decides_and_nothing_else_is_touched():
    network = lively()
    x = torch.randn(1, 2, 33, 40)
    state, weights = torch.get_rng_state(), {k: v.clone() for k, v in network.state_dict().items()}
    first, again, other = (network.monte_carlo(x, 3, seed=seed) for seed in (1, 1, 2))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first.probabilities, other.probabilities)
    assert torch.equal(torch.get_rng_state(), state)
    assert not network.training
    network.train()
    assert torch.equal(network.monte_carlo(x, 3, seed=1).probabilities, first.probabilities)
    assert network.training
    assert all(torch.equal(v, weights[k]) for k, v in network.state_dict().items())


def test_without_dropout_there_is_no_uncertainty():
    network = lively(dropout=0.0)
    x = torch.randn(1, 2, 33, 40)
    found = network.monte_carlo(x, 3)
    with torch.no_grad():
        torch.testing.assert_close(found.probabilities, network(x).softmax(dim=1))
    assert found.uncertainty.abs().max() < 1e-10
    assert not network.monte_carlo(x, 1).variance.any()


def test_what_is_refused():
    network = BayesianSegNet(3, 2, width=1)
    with pytest.raises(InputError, match="n_samples must be at least 1, got 0"):
        network.monte_carlo(torch.zeros(1, 3, 8, 8), 0)
    with pytest.raises(InputError, match="built for 3 bands"):
        network.monte_carlo(torch.zeros(1, 2, 8, 8))
    with pytest.raises(InputError, match="dropout"):
        BayesianSegNet(3, 2, dropout=1.0)
