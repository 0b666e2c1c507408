import pytest
import torch
from torch import nn

from densa.networks import build
from densa.segmenter.structure import once_per_structure


@pytest.fixture
def number():
    """Gives every structure a number, in the order of appearance."""
    counter = iter(range(100))
    return once_per_structure(lambda network, n_bands: next(counter))


def test_once_for_every_structure(number):
    assert number(build("unet", 3, 2, width=2), 3) == 0
    assert number(build("unet", 3, 2, width=2).eval(), 3) == 0
    with torch.device("meta"):
        assert number(build("unet", 3, 2, width=2), 3) == 0
    assert number(build("unet", 3, 2, width=3), 3) == 1


def test_other_settings_are_other_structures(number):
    options = [{}, {"output_stride": 8}, {"multi_grid": "1,1,1"}, {"image_pooling": "none"}, {"width": 2}]
    networks = [build("deeplabv3", 3, 2, **{"width": 1, "backbone": "resnet50", **o}) for o in options]
    assert [number(network, 3) for network in networks] == [0, 1, 2, 3, 4]
    assert [number(network, 3) for network in networks] == [0, 1, 2, 3, 4]
    assert number(networks[0], 4) == 5
    networks[0].freeze_context(torch.zeros(1, 3, 33, 33))
    assert number(networks[0], 3) == 6


def test_settings_of_the_operations_count(number):
    layers = [nn.Conv2d(1, 1, 3), nn.Conv2d(1, 1, 3, padding=1), nn.Conv2d(1, 1, 3, dilation=2), nn.ReLU(), nn.GELU()]
    assert [number(layer, 1) for layer in layers] == [0, 1, 2, 3, 4]
    assert number(nn.Sequential(nn.ReLU(), nn.GELU()), 1) == 5
    assert number(nn.Sequential(nn.GELU(), nn.ReLU()), 1) == 6


class Wrapped(nn.Module):
    """A layer that is not a submodule."""

    def __init__(self, layer):
        super().__init__()
        self.layer = [layer]


def test_what_cannot_be_compared_is_not_remembered(number):
    wrapped = Wrapped(nn.Conv2d(1, 2, 3))
    assert [number(wrapped, 1) for _ in range(3)] == [0, 1, 2]
    hooked = nn.Conv2d(1, 2, 3)
    assert [number(hooked, 1) for _ in range(2)] == [3, 3]
    hooked.register_forward_hook(lambda module, inputs, output: output)
    assert [number(hooked, 1) for _ in range(2)] == [4, 5]
    replaced = nn.Conv2d(1, 2, 3)
    replaced.forward = lambda x: x
    assert [number(replaced, 1) for _ in range(2)] == [6, 7]
