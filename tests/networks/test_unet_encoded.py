"""U-Net on an encoder: sizes, an image by heart, tiles and wholes, frozen statistics."""

import numpy as np
import pytest
import torch

from densa.errors import InputError
from densa.legend import Legend
from densa.networks import EncodedUNet, build
from densa.operators import receptive_field
from densa.segmenter import BandContract
from tests.segmenter.exact import Float64Segmenter

pytestmark = pytest.mark.usefixtures("one_thread")


def test_an_image_by_heart(scene, mean_iou_by_heart):
    torch.manual_seed(0)
    network = EncodedUNet(3, 3, encoder="efficientnet-lite0", width=8, output_stride=16)
    image, labels = scene()
    assert mean_iou_by_heart(network, image, labels, 60) >= 0.95


def test_every_size_that_the_network_takes():
    network = build("unet", 1, 2, encoder="efficientnet-lite0", width=2).eval()
    assert [network.input_side(side) for side in (1, 32, 33)] == [32, 32, 64]
    with pytest.raises(InputError, match="multiples of 32, got 40x64; pad to 64x64"):
        network(torch.zeros(1, 1, 40, 64))


def test_tiles_with_their_halo_are_pieces_of_the_whole():
    torch.manual_seed(0)
    network = EncodedUNet(1, 3, encoder="efficientnet-lite0", width=2, output_stride=16).eval()
    reach = receptive_field(network, 1).local_reach
    segmenter = Float64Segmenter(network, Legend(("a", "b", "c")), BandContract(1, (), (128.0,), (64.0,)))
    image = np.random.default_rng(0).integers(0, 256, (1, 512, 560)).astype(np.uint8)
    whole = segmenter.probabilities(image)
    start, halo = 240, -(-reach // 16) * 16
    part = segmenter.probabilities(image[..., start - halo :, start - halo :])[..., halo:, halo:]
    np.testing.assert_allclose(part, whole[..., start:, start:], rtol=0, atol=1e-13)
    narrow = segmenter.probabilities(image[..., start - 64 :, start - 64 :])[..., 64:, 64:]
    assert np.abs(narrow - whole[..., start:, start:]).max() > 1e-10  # the context matters


def test_frozen_statistics_stay_in_training():
    network = EncodedUNet(3, 2, encoder="efficientnet-lite0", width=2, output_stride=16)
    network.freezes_statistics = True
    before = {key: value.clone() for key, value in network.state_dict().items() if "running" in key}
    network.train()(torch.rand(2, 3, 32, 32)).sum().backward()
    changed = {key for key, value in network.state_dict().items() if "running" in key and (value != before[key]).any()}
    assert changed
    assert not any(key.startswith("encoder.") for key in changed)
