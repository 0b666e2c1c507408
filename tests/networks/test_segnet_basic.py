import pytest
import torch
from torch import nn

from densa.errors import InputError
from densa.networks.segnet_basic import DECODERS, SegNetBasic
from densa.operators import receptive_field


def n_parameters(network, kind):
    return sum(p.numel() for m in network.modules() if isinstance(m, kind) for p in m.parameters())


def test_parameter_totals_of_the_paper():
    with torch.device("meta"):
        network, bare = SegNetBasic(3, 11), SegNetBasic(3, 11, bias=False)
    assert n_parameters(network, nn.Conv2d) == 1415563
    assert n_parameters(bare, nn.Conv2d) == 1415040
    assert n_parameters(network, nn.BatchNorm2d) == n_parameters(bare, nn.BatchNorm2d) == 1024


def test_parameter_totals_of_the_decoders():
    """Millions of table 1, as many as the paper prints: 1.4 for full decoders, 0.6 for single-channel and none."""
    with torch.device("meta"):
        totals = {name: n_parameters(SegNetBasic(3, 11, decoder=name), nn.Conv2d) for name in DECODERS}
    encoder, score = 3 * 64 * 49 + 64 + 3 * (64 * 64 * 49 + 64), 64 * 11 + 11
    assert totals["encoder-addition"] == totals["unpool"] == 1415563
    assert totals["single-channel"] == encoder + 4 * (64 * 49 + 64) + score == 625291
    assert totals["bilinear"] == encoder + score


def test_map_sizes_at_360x480():
    sizes = []
    with torch.device("meta"):
        network = SegNetBasic(3, 11)
        for stage in (*network.encoder, *network.decoder):
            stage.register_forward_hook(lambda _, inputs, output: sizes.append(tuple(output.shape[1:])))
        assert network(torch.empty(1, 3, 360, 480)).shape == (1, 11, 360, 480)
    down = [(64, 360, 480), (64, 180, 240), (64, 90, 120), (64, 45, 60)]
    assert sizes == down + down[::-1]


def test_relu_in_the_encoder_only():
    network = SegNetBasic(3, 2, width=1)
    assert sum(isinstance(m, nn.ReLU) for m in network.encoder.modules()) == 4
    assert not any(isinstance(m, nn.ReLU) for m in network.decoder.modules())
    kernels = [m for m in network.modules() if isinstance(m, nn.Conv2d)][:-1]
    assert all(m.kernel_size == (7, 7) and m.padding == (3, 3) for m in kernels)


def test_fields_of_the_encoder():
    layers = [m for stage in SegNetBasic(1, 2, width=1).encoder for m in (*stage, nn.MaxPool2d(2, ceil_mode=True))]
    ends = [i for i, m in enumerate(layers) if isinstance(m, nn.Conv2d | nn.MaxPool2d)]
    sizes = [receptive_field(nn.Sequential(*layers[: i + 1]), 1).size for i in ends]
    assert sizes == [7, 8, 20, 22, 46, 50, 98, 106]


@pytest.mark.parametrize("decoder", DECODERS)
@pytest.mark.parametrize("size", [(1, 1), (1, 37), (45, 60)])
def test_any_size(decoder, size):
    network = SegNetBasic(2, 3, width=2, decoder=decoder).eval()
    with torch.no_grad():
        assert network(torch.randn(1, 2, *size)).shape == (1, 3, *size)


def test_the_encoders_maps_are_added_after_the_decoders_convolution():
    """With silent decoders only the first level's maps are left, which are scored as they are."""
    torch.manual_seed(0)
    network = SegNetBasic(2, 3, width=4, decoder="encoder-addition").eval()
    for stage in network.decoder:
        nn.init.zeros_(stage[0].weight)
    x = torch.randn(1, 2, 21, 30)
    with torch.no_grad():
        torch.testing.assert_close(network(x), network.score(network.encoder[0](x)))


def test_what_is_refused():
    with pytest.raises(InputError, match=r"decoder must be one of unpool, .*, got 'learned'"):
        SegNetBasic(3, 2, decoder="learned")
    with pytest.raises(InputError, match="built for 3 bands, got an image of 1"):
        SegNetBasic(3, 2, width=1)(torch.zeros(1, 1, 8, 8))
