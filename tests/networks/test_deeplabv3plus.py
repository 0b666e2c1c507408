"""DeepLabv3+: sizes, an image by heart, encoders of both DeepLabs, exactness without image pooling."""

import pytest
import torch

from densa.networks import DeepLabV3, DeepLabV3Plus
from densa.operators import receptive_field

pytestmark = pytest.mark.usefixtures("one_thread")


def test_channels_of_the_paper():
    network = DeepLabV3Plus(3, 21, encoder="resnet50")
    assert network.reduce[0].weight.shape == (48, 256, 1, 1)
    assert [layer[0].weight.shape for layer in network.refine] == [(256, 304, 3, 3), (256, 256, 3, 3)]
    assert network.projection[0].weight.shape == (256, 1280, 1, 1)


@pytest.mark.parametrize("size", [(64, 96), (65, 97), (50, 33)])
@pytest.mark.parametrize("encoder", ["efficientnet-lite0", "resnet50", "vgg16"])
def test_any_size(size, encoder):
    network = DeepLabV3Plus(3, 4, width=4, encoder=encoder, image_pooling="none").eval()
    with torch.no_grad():
        assert network(torch.zeros(1, 3, *size)).shape == (1, 4, *size)


def test_an_image_by_heart(scene, mean_iou_by_heart):
    torch.manual_seed(0)
    network = DeepLabV3Plus(3, 3, width=8, encoder="efficientnet-lite0", image_pooling="none")
    image, labels = scene()
    assert mean_iou_by_heart(network, image, labels, 80) >= 0.95


@pytest.mark.parametrize("network", [DeepLabV3, DeepLabV3Plus])
def test_the_field_is_bounded_without_image_pooling(network):
    bounded = receptive_field(network(3, 2, width=2, encoder="efficientnet-lite0", image_pooling="none").eval(), 3)
    assert not bounded.whole_image
    whole = receptive_field(network(3, 2, width=2, encoder="efficientnet-lite0").eval(), 3)
    assert whole.whole_image


def test_pooling_of_the_image_can_be_frozen():
    torch.manual_seed(0)
    network = DeepLabV3Plus(3, 2, width=2, encoder="efficientnet-lite0").eval()
    image = torch.rand(1, 3, 64, 80)
    with torch.no_grad():
        before = network(image)
        network.freeze_context(image)
        torch.testing.assert_close(network(image), before)
