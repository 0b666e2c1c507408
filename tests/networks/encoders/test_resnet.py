from collections import OrderedDict

import pytest
import torch
from torch import nn

from densa.errors import InputError
from densa.networks.deeplabv3 import DeepLabV3
from densa.networks.encoders.resnet import BLOCKS, ResNet, rates_of
from densa.operators import receptive_field


def torchvision_resnet(name, width):
    """A state dict as torchvision writes it, of a narrower network."""
    torch.manual_seed(1)
    state = OrderedDict()

    def put(convolution, normalisation, *shape):
        state[f"{convolution}.weight"] = torch.randn(shape)
        for kind in ("weight", "bias", "running_mean", "running_var"):
            state[f"{normalisation}.{kind}"] = torch.rand(shape[0])
        state[f"{normalisation}.num_batches_tracked"] = torch.tensor(7)

    put("conv1", "bn1", width, 3, 7, 7)
    n_in = width
    for stage, n_blocks in enumerate(BLOCKS[name]):
        n = width * 2**stage
        for block in range(n_blocks):
            place = f"layer{stage + 1}.{block}"
            put(f"{place}.conv1", f"{place}.bn1", n, n_in, 1, 1)
            put(f"{place}.conv2", f"{place}.bn2", n, n, 3, 3)
            put(f"{place}.conv3", f"{place}.bn3", 4 * n, n, 1, 1)
            if block == 0:
                put(f"{place}.downsample.0", f"{place}.downsample.1", 4 * n, n_in, 1, 1)
            n_in = 4 * n
    state["fc.weight"], state["fc.bias"] = torch.randn(1000, n_in), torch.randn(1000)
    return state


@pytest.mark.parametrize(("name", "total", "n_tensors"), [("resnet50", 23508032, 159), ("resnet101", 42500160, 312)])
def test_parameter_totals(name, total, n_tensors):
    with torch.device("meta"):
        network = ResNet(3, name=name)
    assert sum(p.numel() for p in network.parameters()) == total
    assert len(list(network.parameters())) == n_tensors
    assert network.n_features == 2048


@pytest.mark.parametrize("name", sorted(BLOCKS))
def test_names_and_shapes_are_torchvisions(name):
    own, theirs = ResNet(3, name=name, width=1).state_dict(), torchvision_resnet(name, 1)
    assert [*own, "fc.weight", "fc.bias"] == [*theirs]
    assert all(own[key].shape == theirs[key].shape for key in own)


def test_sizes_and_rates():
    """513 -> 33 at output stride 16, 65 at 8; the stage's rate times the multi-grid in all of its 3x3 convolutions."""
    with torch.device("meta"):
        x = torch.empty(1, 3, 513, 40)
        found = {}
        for stride in (32, 16, 8):
            network = ResNet(3, name="resnet50", width=1, output_stride=stride, multi_grid=(1, 2, 4))
            stages = [getattr(network, f"layer{i}") for i in (1, 2, 3, 4)]
            found[stride] = network(x).shape[-2], [[block.conv2.dilation[0] for block in stage] for stage in stages]
    ones = [[1] * 3, [1] * 4]
    assert found[32] == (17, [*ones, [1] * 6, [1, 2, 4]])
    assert found[16] == (33, [*ones, [1] * 6, [2, 4, 8]])
    assert found[8] == (65, [*ones, [2] * 6, [4, 8, 16]])


@pytest.mark.parametrize(("name", "size"), [("resnet50", 427), ("resnet101", 971)])
def test_field(name, size):
    """7, 11, then 2 * step per 3x3 convolution; the first of a stage counts in the step before its stride."""
    by_hand, step = 11, 4
    for stage, n_blocks in enumerate(BLOCKS[name]):
        for block in range(n_blocks):
            by_hand += 2 * step
            if stage > 0 and block == 0:
                step *= 2
    field = receptive_field(ResNet(1, name=name, width=1), 1)
    assert (field.size, field.stride, field.offset) == (by_hand, 32, 0) == (size, 32, 0)


@pytest.mark.parametrize("n_bands", [1, 3, 4])
def test_published_weights_load(tmp_path, n_bands):
    state = torchvision_resnet("resnet50", 2)
    torch.save(state, tmp_path / "resnet50.pth")
    network = DeepLabV3(n_bands, 2, width=2, backbone="resnet50")
    network.load_weights(tmp_path / "resnet50.pth")
    own = network.backbone.state_dict()
    first = own.pop("conv1.weight")
    assert all(torch.equal(own[key], state[key]) for key in own if not key.endswith("tracked"))
    expected = {1: state["conv1.weight"].sum(1, keepdim=True), 3: state["conv1.weight"]}
    expected[4] = state["conv1.weight"][:, [0, 1, 2, 0]] * 0.75
    torch.testing.assert_close(first, expected[n_bands])


def test_weights_of_the_other_depth_are_refused(tmp_path):
    for name in BLOCKS:
        torch.save(torchvision_resnet(name, 1), tmp_path / f"{name}.pth")
    with pytest.raises(InputError, match=r"it has no layer3\.6\.conv1\.weight"):
        DeepLabV3(3, 2, width=1, backbone="resnet101").load_weights(tmp_path / "resnet50.pth")
    with pytest.raises(InputError, match=r"the network has no layer3\.6\.conv1\.weight"):
        DeepLabV3(3, 2, width=1, backbone="resnet50").load_weights(tmp_path / "resnet101.pth")


def test_an_undilated_block_adds_its_input():
    """With the last normalisation's scale at zero a block without projection is a ReLU."""
    block = ResNet(3, name="resnet50", width=2).layer2[1].eval()
    nn.init.zeros_(block.bn3.weight)
    x = torch.randn(1, 16, 5, 6)
    assert torch.equal(block(x), x.relu())


def test_what_is_refused():
    with pytest.raises(InputError, match="resnet50, resnet101, got 'resnet18'"):
        ResNet(3, name="resnet18")
    with pytest.raises(InputError, match="output_stride must be one of 32, 16, 8, got 4"):
        ResNet(3, output_stride=4)
    assert rates_of("1, 2,4", what="multi_grid", count=3) == (1, 2, 4)
    for text in ("1,2", "1,2,x", "1,2,-4", "0,1,2", "", 3):
        with pytest.raises(InputError, match='multi_grid must be 3 whole numbers from 1, such as "1,2,4"'):
            rates_of(text, what="multi_grid", count=3)
