import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from densa.errors import InputError
from densa.networks import SegNet, UNet, UNetValid
from densa.operators import receptive_field
from densa.operators.modules import without_data
from densa.operators.receptive_field import _trace


class Lambda(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def observed_field(network, n_bands, side, rows):
    """Rows of the input from which a NaN comes to each of the output's `rows` (first, last), in any column."""
    network.eval()
    n_input = network.input_side(side)
    with torch.no_grad():
        image = torch.randn(1, n_bands, n_input, 16 if network.margin == 0 else 188)
        n_out = network(image).shape[-2]
        seen = np.zeros((n_input, n_out), bool)
        for row in range(n_input):
            probe = image.clone()
            probe[..., row, :] = math.nan
            seen[row] = torch.isnan(network(probe)).any(dim=3).any(dim=1)[0].numpy()
    hulls = [np.flatnonzero(seen[:, row])[[0, -1]] for row in rows]
    return np.array(hulls)


def conv(k, stride=1, padding=0, dilation=1):
    return nn.Conv2d(1, 1, k, stride, padding, dilation)


@pytest.mark.parametrize(
    ("network", "size", "stride", "offset", "reach"),
    [
        (conv(3, padding=1), 3, 1, 0, 1),
        (conv(3), 3, 1, 1, 1),
        (conv(3, padding=2, dilation=2), 5, 1, 0, 2),
        (conv(3, stride=2, padding=1), 3, 2, 0, 1),
        (nn.MaxPool2d(2), 2, 2, 0.5, 1),
        (nn.AvgPool2d(3, 2, 1), 3, 2, 0, 1),
        # ceil(k / s) input samples decide an output sample; the input is itself two pixels wide
        (nn.Sequential(nn.MaxPool2d(2), nn.ConvTranspose2d(1, 1, 4, 2, 1)), 4, 2, 0, 2),
        (nn.Sequential(nn.MaxPool2d(2), nn.ConvTranspose2d(1, 1, 2, 2)), 2, 2, 0, 1),
        (nn.Sequential(nn.MaxPool2d(2), nn.Upsample(scale_factor=2)), 2, 2, 0, 1),
        (nn.Sequential(nn.MaxPool2d(2), nn.Upsample(scale_factor=2, mode="bilinear")), 4, 2, 0, 2),
        (nn.Sequential(conv(1, stride=4), nn.Upsample(scale_factor=4, mode="bilinear")), 5, 4, -1.5, 5),
        (nn.Sequential(nn.ReflectionPad2d(2), conv(5)), 5, 1, 0, 2),
        (nn.Sequential(nn.ReplicationPad2d(1), conv(3)), 3, 1, 0, 1),
        (nn.Sequential(nn.ZeroPad2d(1), conv(3)), 3, 1, 0, 1),
        (nn.Sequential(conv(3, padding=1), nn.BatchNorm2d(1), nn.ReLU(), nn.Dropout(), nn.Softmax(1)), 3, 1, 0, 1),
        (nn.Sequential(conv(3, padding=1), nn.LocalResponseNorm(5), conv(3, padding=1)), 5, 1, 0, 2),
        (Lambda(lambda x: torch.cat([x, F.pad(x[..., 3:, 3:], (0, 3, 0, 3))], 1)), 4, 1, 0, 3),
        (Lambda(lambda x: x + F.avg_pool2d(x, 5, 1, 2).sigmoid() * 2), 5, 1, 0, 2),
    ],
)
def test_fields_worked_out_by_hand(network, size, stride, offset, reach):
    field = receptive_field(network, 1)
    assert (field.size, field.stride, field.offset, field.reach) == (size, stride, offset, reach)
    assert field.halo == math.ceil(reach / stride) * stride
    assert not field.whole_image


def test_segnet_basic_encoder():
    """7, 8, 20, 22, 46, 50, 98, 106 after each 7x7 convolution and each 2x2 pooling."""
    layers, sizes = [], []
    for _ in range(4):
        for layer in (conv(7, padding=3), nn.MaxPool2d(2)):
            layers.append(layer)
            sizes.append(receptive_field(nn.Sequential(*layers), 1).size)
    assert sizes == [7, 8, 20, 22, 46, 50, 98, 106]


def test_vgg16_as_a_convolution():
    """The 7x7 layer after five stages sees 404 pixels, every 32 (Long et al. 2015)."""
    layers = []
    for n in (2, 2, 3, 3, 3):
        layers += [conv(3, padding=1) for _ in range(n)] + [nn.MaxPool2d(2, ceil_mode=True)]
    field = receptive_field(nn.Sequential(*layers, conv(7)), 1)
    assert (field.size, field.stride) == (404, 32)


@pytest.mark.parametrize("network", [UNet(1, 1, width=1), UNetValid(1, 1, width=1)])
def test_unet_as_an_impulse_finds_it(network):
    """Computed rows = observed rows for every phase of the 16-pixel grid; 188 or 204 pixels wide."""
    torch.manual_seed(0)
    n = 320
    rows = range(n // 2, n // 2 + 16) if network.margin == 0 else range(64, 80)
    observed = observed_field(network, 1, n if network.margin == 0 else n - 184, rows)
    span, n_input = _trace(without_data(network), 1, n if network.margin == 0 else n - 184)
    axis = span.axes[0]
    computed = np.stack([axis.low[list(rows)], axis.high[list(rows)]], axis=1)
    np.testing.assert_array_equal(computed, observed)
    assert observed.min() > 0
    assert observed.max() < n_input - 1
    assert set(np.diff(observed, axis=1).ravel() + 1) == {188, 204}
    field = receptive_field(network, 1)
    assert (field.size, field.stride, field.offset, field.halo) == (204, 16, network.margin, 112)
    pixels = np.array(rows) + network.margin
    assert field.reach == max((pixels - observed[:, 0]).max(), (observed[:, 1] - pixels).max()) == 107


def test_unet_at_the_smallest_valid_input_sees_all_of_it():
    span, n_input = _trace(without_data(UNetValid(1, 2, width=1)), 1, 4)
    assert n_input == 188
    assert span.axes[0].low.tolist() == [0] * 4
    assert span.axes[0].high.tolist() == [187] * 4


def test_segnet_is_wider_than_any_change_of_the_image_shows():
    """A change of one row moves switches here and there: the rows that it reaches lie within the computed field."""
    torch.manual_seed(0)
    network = SegNet(1, 2, width=4).eval()
    for module in network.modules():  # a wider response than that of fresh weights
        if isinstance(module, nn.BatchNorm2d):
            nn.init.constant_(module.bias, 0.2)
    field = receptive_field(network, 1)
    assert (field.stride, field.offset) == (32, 0)
    n, widest = 640, 0
    image = torch.randn(1, 1, n, 64)
    with torch.inference_mode():
        before = network(image)
        for row in (n // 2, n // 2 + 13, n // 2 + 31):
            changed = image.clone()
            changed[..., row, :] += 10 * torch.randn(64)
            moved = (network(changed) != before).any(dim=3).any(dim=1)[0].nonzero().ravel()
            widest = max(widest, int((moved - row).abs().max()))
    assert 0.8 * field.reach < widest <= field.reach


def test_pooling_over_the_image_is_flagged():
    class Pooled(nn.Module):
        def __init__(self, pool):
            super().__init__()
            self.conv, self.pool = conv(3, padding=1), pool

        def forward(self, x):
            context = self.pool(x)
            return self.conv(x) + F.interpolate(context, size=x.shape[-2:], mode="bilinear", align_corners=False)

    for pool in (nn.AdaptiveAvgPool2d(1), Lambda(lambda x: x.mean((2, 3), keepdim=True)), nn.AdaptiveAvgPool2d(6)):
        field = receptive_field(Pooled(pool), 1)
        assert field.whole_image
        assert field.reach == math.inf
        assert (field.local_reach, field.size) == (1, 3)
        with pytest.raises(InputError, match="depends on the whole image"):
            _ = field.halo
    assert receptive_field(nn.Sequential(conv(3, padding=1), nn.GroupNorm(1, 1)), 1).whole_image
    assert receptive_field(nn.Sequential(conv(3, padding=1), nn.Softmax(2)), 1).whole_image


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x: x.flip(2), "uses flip"),
        (lambda x: x.transpose(2, 3), "uses transpose"),
        (lambda x: torch.cat([x, x], 2), "concatenation along rows"),
        (lambda x: x.flatten(2), "reshapes rows and columns"),
        (lambda x: torch.zeros_like(x), "depends on it"),
        (lambda x: [x], "one tensor"),
    ],
)
def test_what_cannot_be_followed_is_named(function, message):
    with pytest.raises(InputError, match=message):
        receptive_field(Lambda(function), 1)


def test_the_network_is_left_as_it_was():
    network = UNet(3, 2, width=2).train()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    receptive_field(network, 3)
    assert network.training
    assert all(torch.equal(before[key], value) for key, value in network.state_dict().items())
