import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from densa.errors import InputError
from densa.networks import UNet, UNetValid
from densa.networks.unet import _centre_crop


@pytest.mark.parametrize(("n_bands", "n_classes", "total"), [(1, 2, 31030658), (3, 2, 31031810), (3, 11, 31032395)])
@pytest.mark.parametrize("kind", [UNet, UNetValid])
def test_parameter_totals_of_the_paper(kind, n_bands, n_classes, total, n_parameters):
    with torch.device("meta"):
        assert n_parameters(kind(n_bands, n_classes)) == total


def test_encoder_total(n_parameters):
    with torch.device("meta"):
        assert n_parameters(UNetValid(1, 2).down) == 18842048


def test_map_sizes_of_the_paper():
    """Input 572: the sizes of figure 1, level by level, and 23 convolutions."""
    with torch.device("meta"):
        network = UNetValid(1, 2).eval()
        sizes, n_convs = [], 0

        def note(module, inputs, output):
            sizes.append((inputs[0].shape[-1], output.shape[-1], output.shape[1]))

        for module in network.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                n_convs += 1
                module.register_forward_hook(note)
        assert network(torch.empty(1, 1, 572, 572)).shape == (1, 2, 388, 388)
    assert n_convs == 23
    expected = []
    for inside, channels in ((572, 64), (284, 128), (140, 256), (68, 512), (32, 1024)):
        expected += [(inside, inside - 2, channels), (inside - 2, inside - 4, channels)]
    for inside, channels in ((56, 512), (104, 256), (200, 128), (392, 64)):
        expected += [(inside // 2, inside, channels)]
        expected += [(inside, inside - 2, channels), (inside - 2, inside - 4, channels)]
    assert sizes == [*expected, (388, 388, 2)]


def test_valid_sizes_up_to_700():
    accepted = []
    with torch.device("meta"):
        network = UNetValid(1, 2, width=1).eval()
        for side in range(1, 701):
            try:
                logits = network(torch.empty(1, 1, side, 188))
            except InputError:
                continue
            assert logits.shape == (1, 2, side - 184, 4)
            accepted.append(side)
    assert accepted == list(range(188, 701, 16))
    assert set(range(508, 701, 16)) <= set(accepted)


def test_input_side_is_the_smallest_that_covers():
    valid, same = UNetValid(1, 2, width=1), UNet(1, 2, width=1)
    assert [valid.input_side(n) for n in (1, 4, 5, 388, 389)] == [188, 188, 204, 572, 588]
    assert [same.input_side(n) for n in (1, 16, 17, 512)] == [16, 16, 32, 512]


def test_up_convolution_paints_its_own_blocks():
    up = nn.ConvTranspose2d(1, 1, 2, stride=2, bias=False)
    with torch.no_grad():
        up.weight.copy_(torch.tensor([[[[1.0, 10], [100, 1000]]]]))
        painted = up(torch.tensor([[[[1.0, 2], [3, 4]]]]))[0, 0]
    assert painted.tolist() == [[1, 10, 2, 20], [100, 1000, 200, 2000], [3, 30, 4, 40], [300, 3000, 400, 4000]]


def test_centre_crop_takes_rows_4_to_59():
    rows = torch.arange(64.0).view(1, 1, 64, 1).expand(1, 1, 64, 68)
    cropped = _centre_crop(rows, torch.empty(1, 1, 56, 56))
    assert cropped.shape == (1, 1, 56, 56)
    assert cropped[0, 0, :, 0].tolist() == list(range(4, 60))


@pytest.mark.parametrize("normalisation", ["batch", "none"])
def test_a_gradient_reaches_every_parameter(normalisation):
    torch.manual_seed(0)
    network = UNet(4, 3, width=2, normalisation=normalisation)
    logits = network(torch.randn(2, 4, 32, 48))
    assert logits.shape == (2, 3, 32, 48)
    F.cross_entropy(logits, torch.randint(3, (2, 32, 48))).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())


def test_a_gradient_reaches_every_parameter_of_the_paper_network():
    torch.manual_seed(0)
    network = UNetValid(4, 3, width=4, dropout=0.0)
    logits = network(torch.randn(1, 4, 188, 204))
    assert logits.shape == (1, 3, 4, 20)
    F.cross_entropy(logits, torch.randint(3, (1, 4, 20))).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())


def test_he_initialisation():
    torch.manual_seed(0)
    network = UNetValid(1, 2, width=32)
    conv = network.merge[0][0]  # 64 channels in
    assert float(conv.weight.detach().std()) == pytest.approx(np.sqrt(2 / 576), rel=0.02)
    assert float(network.up[0].weight.detach().std()) == pytest.approx(np.sqrt(2 / 64), rel=0.02)
    assert not conv.bias.any()


def test_dropout_stands_after_levels_4_and_5():
    places = [name for name, m in UNetValid(1, 2, width=1).named_modules() if isinstance(m, nn.Dropout)]
    assert [name.split(".")[:2] for name in places] == [["down", "3"], ["down", "4"]]


@pytest.mark.parametrize(
    ("network", "shape", "message"),
    [
        (UNet(3, 2, width=1), (1, 3, 30, 48), "multiples of 16, got 30x48; pad to 32x48"),
        (UNetValid(3, 2, width=1), (1, 3, 512, 188), "got 512x188; pad to 524x188"),
        (UNetValid(3, 2, width=1), (1, 3, 10, 10), "pad to 188x188"),
        (UNet(3, 2, width=1), (1, 4, 32, 32), "built for 3 bands, got an image of 4"),
        (UNet(3, 2, width=1), (3, 32, 32), "takes images"),
    ],
)
def test_images_it_cannot_take(network, shape, message):
    with pytest.raises(InputError, match=message):
        network(torch.zeros(shape))


@pytest.mark.parametrize(
    "arguments",
    [
        {"width": 0},
        {"padding": "full"},
        {"normalisation": "layer"},
        {"dropout": 1.0},
        {"n_bands": 0},
        {"n_classes": 1.5},
    ],
)
def test_arguments_out_of_range(arguments):
    with pytest.raises(InputError, match=next(iter(arguments))):
        UNet(**{"n_bands": 3, "n_classes": 2, **arguments})
