import pytest
import torch
from torch import nn
from torch.nn import functional as F

from densa.errors import InputError
from densa.networks import BayesianSegNet, SegNet


def test_parameter_totals_of_the_paper():
    with torch.device("meta"):
        network = SegNet(3, 11)
    convs = sum(p.numel() for m in network.modules() if isinstance(m, nn.Conv2d) for p in m.parameters())
    norms = sum(p.numel() for m in network.modules() if isinstance(m, nn.BatchNorm2d) for p in m.parameters())
    encoder = sum(p.numel() for m in network.encoder.modules() if isinstance(m, nn.Conv2d) for p in m.parameters())
    assert (convs, norms, convs + norms) == (29433483, 15872, 29449355)
    assert encoder == 14714688
    assert sum(p.numel() for p in network.parameters()) == 29449355


def test_map_sizes_at_360x480():
    sizes = []
    with torch.device("meta"):
        network = SegNet(3, 11)
        for stage in (*network.encoder, *network.decoder):
            stage.register_forward_hook(lambda _, inputs, output: sizes.append(tuple(output.shape[1:])))
        network(torch.empty(1, 3, 360, 480))
    encoder = [(64, 360, 480), (128, 180, 240), (256, 90, 120), (512, 45, 60), (512, 23, 30)]
    decoder = [(512, 23, 30), (256, 45, 60), (128, 90, 120), (64, 180, 240), (11, 360, 480)]
    assert sizes == encoder + decoder


def test_the_deepest_map_is_12x15():
    with torch.device("meta"):
        network = SegNet(3, 11)
        seen = []
        network.decoder[0].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].shape))
        network.encoder[4].register_forward_hook(lambda _, inputs, output: seen.append(output.shape))
        network(torch.empty(1, 3, 360, 480))
        pooled = F.max_pool2d(torch.empty(seen[0]), 2, 2, ceil_mode=True)
    assert pooled.shape == (1, 512, 12, 15)
    assert seen[1] == (1, 512, 23, 30)


def test_thirteen_and_thirteen_convolutions_all_normalised_but_the_last():
    network = SegNet(3, 11, width=1)
    for part, n_norms in ((network.encoder, 13), (network.decoder, 12)):
        assert sum(isinstance(m, nn.Conv2d) for m in part.modules()) == 13
        assert sum(isinstance(m, nn.BatchNorm2d) for m in part.modules()) == n_norms
    assert isinstance(network.decoder[-1][-1], nn.Conv2d)


@pytest.mark.parametrize("size", [(1, 1), (1, 37), (31, 2), (45, 60)])
def test_any_size(size):
    network = SegNet(2, 3, width=1).eval()
    with torch.no_grad():
        assert network(torch.randn(1, 2, *size)).shape == (1, 3, *size)


def test_unpooling_puts_values_where_the_encoder_found_them():
    """Only the maxima of the windows are non-zero after unpooling, at their own places."""
    x = torch.randn(1, 2, 5, 7, generator=torch.Generator().manual_seed(0))
    pooled, indices = F.max_pool2d(x, 2, 2, ceil_mode=True, return_indices=True)
    back = F.max_unpool2d(pooled, indices, 2, 2, output_size=x.shape[-2:])
    assert int((back != 0).sum()) == pooled.numel()
    assert torch.equal(back[back != 0], x[back != 0])


def test_a_gradient_reaches_every_parameter():
    torch.manual_seed(0)
    network = SegNet(4, 3, width=4)
    logits = network(torch.randn(2, 4, 45, 60))
    assert logits.shape == (2, 3, 45, 60)
    F.cross_entropy(logits, torch.randint(3, (2, 45, 60))).backward()
    # A bias before batch normalisation has the gradient zero up to rounding; what counts is that one arrives.
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())


def test_dropout_is_where_bayesian_segnet_has_it_and_in_training_alone():
    torch.manual_seed(0)
    plain, dropping, bayesian = SegNet(2, 3, width=2), SegNet(2, 3, width=2, dropout=0.5), BayesianSegNet(2, 3, width=2)
    dropping.load_state_dict(plain.state_dict())
    bayesian.load_state_dict(plain.state_dict())
    image = torch.randn(2, 2, 45, 60)
    logits = []
    for network in (plain, dropping, bayesian):
        torch.manual_seed(1)
        logits.append(network.train()(image))
    assert not torch.equal(logits[0], logits[1])
    assert torch.equal(logits[1], logits[2])
    dropping.load_state_dict(plain.state_dict())  # training moved the statistics
    with torch.no_grad():
        assert torch.equal(plain.eval()(image), dropping.eval()(image))


def test_other_bands_are_refused():
    with pytest.raises(InputError, match="built for 3 bands, got an image of 4"):
        SegNet(3, 2, width=1)(torch.zeros(1, 4, 8, 8))
    with pytest.raises(InputError, match="width"):
        SegNet(3, 2, width=-1)
    with pytest.raises(InputError, match="dropout"):
        SegNet(3, 2, width=1, dropout=1.0)
