import pytest
import torch
from torch import nn
from torch.nn import functional as F

from densa.errors import InputError
from densa.networks.deeplabv3 import DeepLabV3
from densa.operators import receptive_field


def lively(**arguments):
    """A network whose scores vary as a trained one's do."""
    torch.manual_seed(0)
    network = DeepLabV3(2, 3, width=2, backbone="resnet50", **arguments).train()
    nn.init.normal_(network.score.weight)
    with torch.no_grad():
        network(torch.randn(4, 2, 64, 72))
    return network.eval()


@pytest.mark.parametrize(("backbone", "total"), [("resnet101", 58040661), ("resnet50", 39048533)])
def test_parameter_totals_of_the_paper(backbone, total, n_parameters):
    with torch.device("meta"):
        network = DeepLabV3(3, 21, backbone=backbone)
    parallel = [*network.branches, network.pooling]
    convolutions = sum(n_parameters(branch[0]) for branch in parallel)
    norms = sum(n_parameters(branch[1]) for branch in parallel)
    assert (convolutions, norms) == (15204352, 2560)
    assert (n_parameters(network.projection), n_parameters(network.score)) == (328192, 5397)
    assert n_parameters(network) - n_parameters(network.backbone) == 15540501
    assert n_parameters(network) == total


@pytest.mark.parametrize(("output_stride", "cells", "rates"), [(16, 33, (6, 12, 18)), (8, 65, (12, 24, 36))])
def test_sizes_and_rates(output_stride, cells, rates):
    seen = []
    with torch.device("meta"):
        network = DeepLabV3(3, 21, backbone="resnet50", output_stride=output_stride).eval()
        network.projection.register_forward_hook(lambda _, i, o: seen.extend([i[0].shape[1:], o.shape[1:]]))
        assert network(torch.empty(1, 3, 513, 40)).shape == (1, 21, 513, 40)
    width = 40 // output_stride + (40 % output_stride > 0)
    assert seen == [(1280, cells, width), (256, cells, width)]
    assert [branch[0].dilation[0] for branch in network.branches] == [1, *rates]
    assert [block.conv2.dilation[0] for block in network.backbone.layer4] == [
        32 // output_stride * k for k in (1, 2, 4)
    ]
    assert network.output_stride == output_stride


def test_the_same_weights_serve_at_both_output_strides():
    fine, coarse = (DeepLabV3(2, 3, width=1, backbone="resnet50", output_stride=stride) for stride in (8, 16))
    fine.load_state_dict(coarse.state_dict())
    assert all(torch.equal(a, b) for a, b in zip(fine.parameters(), coarse.parameters(), strict=True))


def test_fields():
    """11 + 3 * 8 + (8 + 3 * 16) + (16 + 5 * 32) + 2 * 16 * (2 + 4 + 8), then 2 * 16 * 18 of ASPP, then 16."""
    pooled, frozen = (
        receptive_field(DeepLabV3(1, 2, width=1, backbone="resnet50", image_pooling=kind), 1)
        for kind in ("image", "frozen")
    )
    assert pooled.whole_image
    assert not frozen.whole_image
    assert (pooled.local_reach, pooled.size) == (frozen.local_reach, frozen.size)
    assert (frozen.size, frozen.stride, frozen.offset, frozen.halo) == (715 + 576 + 16, 16, 0, 672)
    with pytest.raises(InputError, match="depends on the whole image"):
        _ = pooled.halo


def test_field_as_an_impulse_finds_it(probe_field):
    network = lively(image_pooling="frozen")
    probe_field(network, torch.zeros(1, 2, 1408, 4), rows=(704 + 5,))


def test_image_pooling_is_the_mean_of_the_image():
    network = lively()
    image = torch.randn(1, 2, 50, 61)
    with torch.no_grad():
        before = network(image)
        features = network.backbone(image)
        by_hand = network.pooling(features.flatten(2).mean(2)[..., None, None])
        seen = []
        network.projection.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
        network(image)
        torch.testing.assert_close(seen[0][:, -8:], by_hand.expand(-1, -1, 4, 4))
        padded = network(F.pad(image, (0, 0, 0, 16), value=9.0))  # far away, yet it changes everything
    assert not torch.allclose(padded[..., :2, :], before[..., :2, :], atol=1e-3)


def test_a_frozen_context_of_the_image_itself_changes_nothing():
    network = lively()
    images = torch.randn(2, 2, 50, 61)
    with torch.no_grad():
        before = network(images[:1])
        network.freeze_context(images[:1])
        torch.testing.assert_close(network(images[:1]), before)
        assert network.image_pooling == "frozen"
        assert not network.training
        first = network.context.clone()
        network.freeze_context(images)
        assert not torch.equal(network.context, first)
        network.freeze_context(images[:1])
        assert torch.equal(network.context, first)
    assert not receptive_field(network, 2).whole_image


def test_a_frozen_context_is_part_of_the_model():
    network = lively()
    image = torch.randn(1, 2, 40, 40)
    network.freeze_context(image)
    fresh = DeepLabV3(2, 3, width=2, backbone="resnet50", image_pooling="frozen").eval()
    assert not fresh.context.any()
    fresh.load_state_dict(network.state_dict())
    with torch.no_grad():
        assert torch.equal(fresh(image), network(image))


@pytest.mark.parametrize("size", [(1, 1), (2, 37), (33, 65)])
@pytest.mark.parametrize("output_stride", [8, 16])
def test_any_size(size, output_stride):
    network = DeepLabV3(2, 3, width=1, backbone="resnet50", output_stride=output_stride).eval()
    with torch.no_grad():
        assert network(torch.randn(1, 2, *size)).shape == (1, 3, *size)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: DeepLabV3(3, 2, width=1, output_stride=32), "output_stride must be 16 or 8, got 32"),
        (lambda: DeepLabV3(3, 2, width=1, multi_grid="1,2"), "multi_grid must be 3 whole numbers"),
        (lambda: DeepLabV3(3, 2, width=1, image_pooling="mean"), "image_pooling must be"),
        (lambda: DeepLabV3(3, 2, width=1, backbone="vgg16"), "backbone must be one of resnet50"),
        (lambda: DeepLabV3(3, 2, width=1)(torch.zeros(2, 1, 8, 8)), "built for 3 bands"),
        (lambda: DeepLabV3(3, 2, width=1)(torch.zeros(1, 3, 64, 64)), "batches of two or more"),
        (
            lambda: DeepLabV3(3, 2, width=1, image_pooling="none").freeze_context(torch.zeros(1, 3, 8, 8)),
            "no image pooling",
        ),
    ],
)
def test_what_is_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()
