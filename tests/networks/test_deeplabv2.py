import pytest
import torch

from densa.errors import InputError
from densa.networks.deeplab_largefov import DeepLabLargeFOV
from densa.networks.deeplabv2 import DeepLabV2
from densa.operators import receptive_field


@pytest.mark.parametrize(
    ("backbone", "n_classes", "total"), [("vgg16", 21, 37877652), ("vgg16", 11, 37836652), ("resnet101", 21, 44048532)]
)
def test_parameter_totals_of_the_paper(backbone, n_classes, total):
    with torch.device("meta"):
        network = DeepLabV2(3, n_classes, backbone=backbone, normalisation="none")
    assert sum(p.numel() for p in network.parameters()) == total
    if backbone == "resnet101":
        assert sum(p.numel() for p in network.branches.parameters()) == 1548372


def test_sizes_and_rates():
    seen = []
    with torch.device("meta"):
        network = DeepLabV2(3, 21).eval()
        assert network.branches[0].register_forward_hook(lambda _, i, o: seen.append((i[0].shape[1:], o.shape[1:])))
        assert network(torch.empty(1, 3, 321, 330)).shape == (1, 21, 321, 330)
    assert seen == [((2048, 41, 42), (21, 41, 42))]
    assert [branch.dilation for branch in network.branches] == [(r, r) for r in (6, 12, 18, 24)]
    assert {block.conv2.dilation for block in network.backbone.layer3} == {(2, 2)}
    assert {block.conv2.dilation for block in network.backbone.layer4} == {(4, 4)}
    small = DeepLabV2(3, 2, width=1, backbone="vgg16", rates="2,4,8,12")
    assert [branch[0].dilation[0] for branch in small.branches] == [2, 4, 8, 12]


def test_branches_are_summed():
    """One branch that is LargeFOV's and three that are silent give LargeFOV's scores; twice the branch, twice those."""
    torch.manual_seed(0)
    single = DeepLabLargeFOV(2, 3, width=1).eval().double()
    network = DeepLabV2(2, 3, width=1, backbone="vgg16").eval().double()
    network.features.load_state_dict(single.features.state_dict())
    for branch in network.branches:
        for parameter in branch.parameters():
            torch.nn.init.zeros_(parameter)
    network.branches[1].load_state_dict(single.classifier.state_dict())
    x = torch.randn(1, 2, 20, 33, dtype=torch.float64)
    with torch.no_grad():
        torch.testing.assert_close(network(x), single(x), rtol=0, atol=1e-12)
        network.branches[3].load_state_dict(single.classifier.state_dict())
        network.branches[3][0].dilation = network.branches[3][0].padding = (12, 12)
        torch.testing.assert_close(network(x), 2 * single(x), rtol=0, atol=1e-12)


def test_field():
    """227 of the features, 2 * 24 * 8 of the widest branch, 8 of the enlargement."""
    field = receptive_field(DeepLabV2(1, 2, width=1, backbone="vgg16"), 1)
    assert (field.size, field.stride, field.offset, field.reach) == (227 + 384 + 8, 8, 0, 312)


def test_what_is_refused():
    with pytest.raises(InputError, match="vgg16, resnet50, resnet101, got 'vgg19'"):
        DeepLabV2(3, 2, backbone="vgg19")
    with pytest.raises(InputError, match="rates must be 4 whole numbers"):
        DeepLabV2(3, 2, rates="6,12")
    with pytest.raises(InputError, match="built for 3 bands"):
        DeepLabV2(3, 2, width=1, backbone="vgg16")(torch.zeros(1, 1, 8, 8))
