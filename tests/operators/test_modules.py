import torch
from torch import nn

from densa.networks import BayesianSegNet, DeepLabV3, PatchCNN, UNetValid
from densa.operators.modules import network_rules, without_data


def test_a_plain_module_has_the_defaults():
    rules = network_rules(nn.Conv2d(3, 2, 1))
    assert [rules.input_side(side) for side in (1, 7, 64)] == [1, 7, 64]
    assert (rules.margin, rules.stated_margin, rules.needs_float32) == (0, None, False)
    assert rules.freeze_context is None
    assert rules.monte_carlo is None


def test_a_margin_alone_says_which_input_is_needed():
    plain = nn.Conv2d(3, 2, 5)
    plain.margin = 2
    rules = network_rules(plain)
    assert (rules.margin, rules.stated_margin, rules.input_side(7)) == (2, 2, 11)
    assert plain(torch.zeros(1, 3, 11, 11)).shape[-1] == 7


def test_what_networks_state():
    assert network_rules(UNetValid(1, 2, width=1)).input_side(5) == 204
    assert network_rules(PatchCNN(1, 2, width=1)).margin == 32
    deeplab = network_rules(DeepLabV3(1, 2, width=1, backbone="resnet50"))
    assert deeplab.needs_float32
    assert deeplab.freeze_context is not None
    assert network_rules(BayesianSegNet(1, 2, width=1)).monte_carlo is not None


def test_a_copy_without_data():
    network = nn.Sequential(nn.Conv2d(3, 2, 1), nn.BatchNorm2d(2)).train()
    twin = without_data(network)
    assert not twin.training
    assert network.training
    assert all(tensor.is_meta for tensor in twin.state_dict().values())
    assert [tensor.shape for tensor in twin.state_dict().values()] == [t.shape for t in network.state_dict().values()]
