"""The field that probing measures encloses the one that is computed."""

import pytest
import torch
from torch import nn

from densa.errors import InputError
from densa.networks import build
from densa.operators import receptive_field
from densa.operators.probing import probed_field, smallest_multiple


@pytest.mark.parametrize("name", ["unet", "segnet", "fcn8s", "deeplab-largefov", "dilated6"])
def test_probing_encloses_what_the_operations_say(name):
    torch.manual_seed(0)
    network = build(name, 2, 2, width=1).eval()
    computed, probed = receptive_field(network, 2), probed_field(network, 2)
    assert probed.stride % computed.stride == 0 or computed.stride % probed.stride == 0
    assert computed.reach <= probed.reach <= computed.reach + 2 * max(computed.stride, probed.stride)


def test_by_hand():
    """A 5 x 1 kernel reaches two rows; the columns are its own; one period of 1 is added."""
    assert probed_field(nn.Conv2d(1, 1, (5, 1), padding=(2, 0)), 1).reach == 3


def test_zero_weights_count():
    """The structure decides, not today's weights."""
    layer = nn.Conv2d(1, 1, 7, padding=3)
    nn.init.zeros_(layer.weight)
    assert probed_field(layer, 1).reach == 4


def test_the_whole_image():
    class Pooled(nn.Module):
        def forward(self, x):
            return x + x.mean(dim=(2, 3), keepdim=True)

    class Placed(nn.Module):
        """Depends on the absolute position: no shift of the image only shifts the output."""

        def forward(self, x):
            return x * torch.arange(x.shape[2], dtype=x.dtype)[:, None].square()

    assert probed_field(Pooled(), 1).whole_image
    assert probed_field(Placed(), 1).whole_image


@pytest.mark.parametrize("multiple", [1, 2, 8, 32])
def test_sizes(multiple):
    class Strict(nn.Module):
        def forward(self, x):
            assert x.shape[-1] % multiple == 0
            assert x.shape[-2] % multiple == 0
            return x

    assert smallest_multiple(Strict(), 1) == multiple
    with pytest.raises(InputError, match="takes no image of 2 bands"):
        smallest_multiple(nn.Conv2d(3, 1, 1), 2)
