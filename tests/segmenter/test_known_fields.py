import pytest
import torch
from torch import nn

from densa.networks import build
from densa.operators import receptive_field
from densa.segmenter import known_fields
from densa.segmenter.known_fields import known_receptive_field


@pytest.fixture
def counted(monkeypatch):
    """Number of times that a field is worked out."""
    calls = []

    def count(network, n_bands):
        calls.append(n_bands)
        return receptive_field(network, n_bands)

    monkeypatch.setattr(known_fields, "receptive_field", count)
    monkeypatch.setattr(known_fields, "_fields", {})
    return calls


def test_once_for_every_structure(counted):
    first = known_receptive_field(build("unet", 3, 2, width=2), 3)
    assert first == receptive_field(build("unet", 3, 2, width=2), 3)
    assert known_receptive_field(build("unet", 3, 2, width=2).eval(), 3) is first
    with torch.device("meta"):
        assert known_receptive_field(build("unet", 3, 2, width=2), 3) is first
    assert len(counted) == 1


def test_other_settings_are_other_structures(monkeypatch):
    monkeypatch.setattr(known_fields, "receptive_field", lambda network, n_bands: object())
    options = [{}, {"output_stride": 8}, {"multi_grid": "1,1,1"}, {"image_pooling": "none"}, {"width": 2}]
    networks = [build("deeplabv3", 3, 2, **{"width": 1, "backbone": "resnet50", **o}) for o in options]
    fields = [known_receptive_field(network, 3) for network in networks]
    assert len(set(map(id, fields))) == len(options)
    assert [known_receptive_field(network, 3) for network in networks] == fields
    assert known_receptive_field(networks[0], 4) is not fields[0]
    networks[0].freeze_context(torch.zeros(1, 3, 33, 33))
    assert known_receptive_field(networks[0], 3) not in fields


class Blur(nn.Module):
    """A convolution whose reach is no setting that can be compared."""

    def __init__(self, layer):
        super().__init__()
        self.layer = [layer]

    def forward(self, x):
        return self.layer[0](x)


def test_what_cannot_be_compared_is_not_remembered(counted):
    assert known_receptive_field(Blur(nn.Conv2d(1, 2, 3, padding=1)), 1).reach == 1
    assert known_receptive_field(Blur(nn.Conv2d(1, 2, 5, padding=2)), 1).reach == 2
    hooked = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1))
    assert known_receptive_field(hooked, 1).reach == 1
    hooked[0].register_forward_hook(lambda module, inputs, output: nn.functional.avg_pool2d(output, 3, 1, 1))
    assert known_receptive_field(hooked, 1).reach == 2
