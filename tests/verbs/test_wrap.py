"""Any network as a segmenter: exact tiles where its context is bounded, blended windows where it is not."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import densa
from densa import raster
from densa.engine import Blended
from densa.errors import InputError

sys.path.insert(0, str(Path(__file__).parent))
from own_networks import ResNetFPN, TinyTransformer

NAMES = ("ground", "roof", "tree")


@pytest.fixture
def image(rng):
    return rng.integers(0, 255, (230, 310, 3)).astype(np.uint8)


def _wrapped(network, **options):
    torch.manual_seed(0)
    bands = densa.segmenter.BandContract(3, mean=(120.0,) * 3, std=(60.0,) * 3)
    return densa.wrap(network, legend=NAMES, bands=bands, device="cpu", precision="float32", **options)


def _equal_outside_ties(segmenter, image, tile_size):
    with_tiles = densa.predict(segmenter, image, tile_size=tile_size)
    whole = densa.predict(segmenter, image, tile_size=-(-310 // segmenter.stride) * segmenter.stride)
    best = np.sort(segmenter.probabilities(np.moveaxis(image, -1, 0)), axis=0)
    sure = best[-1] - best[-2] > 1e-4
    assert sure.mean() > 0.98
    np.testing.assert_array_equal(np.asarray(with_tiles)[sure], np.asarray(whole)[sure])
    np.testing.assert_allclose(with_tiles.confidence, whole.confidence, atol=2e-5)


def test_a_feature_pyramid_is_measured_and_its_tiles_are_exact(image, capsys):
    torch.manual_seed(1)
    segmenter = _wrapped(ResNetFPN(3, 3).eval())
    assert "measured" in capsys.readouterr().err
    assert segmenter.stride == 8
    # three stages of 3 x 3 pairs: (1 + 2) + 2 (1 + 2) + 4 (1 + 2) = 21 px, and up to two cells of 8 px by interpolation
    assert 21 <= segmenter.halo <= 64
    _equal_outside_ties(segmenter, image, 64)
    with densa.raster.from_array(image) as opened:
        assert densa.reports.find_seams(segmenter, opened, (64, 128)).differing == 0


def test_a_halo_that_is_declared_too_small_shows(image):
    """So the test of exactness can fail."""
    torch.manual_seed(1)
    segmenter = _wrapped(ResNetFPN(3, 3).eval(), halo=0, stride=8)
    with densa.raster.from_array(image) as opened:
        assert densa.reports.find_seams(segmenter, opened, (64, 128)).differing > 0


def test_a_transformer_is_predicted_in_blended_windows(image, capsys):
    torch.manual_seed(1)
    segmenter = _wrapped(TinyTransformer(3, 3).eval(), window=64)
    assert "blended" in capsys.readouterr().err
    assert isinstance(segmenter, Blended)
    one, two = (densa.predict(segmenter, image, tile_size=size) for size in (64, 128))
    np.testing.assert_array_equal(np.asarray(one), np.asarray(two))


def test_operations_with_rules_are_computed(capsys):
    segmenter = _wrapped(nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 3, 5, padding=2)))
    assert "computed" in capsys.readouterr().err
    assert (segmenter.halo, segmenter.stride) == (3, 1)


def test_a_wrapped_network_writes_tiles_like_any_model(image, tmp_path):
    torch.manual_seed(1)
    segmenter = _wrapped(ResNetFPN(3, 3).eval(), progress=False)
    raster.write_bands(tmp_path / "scene.tif", np.moveaxis(image, -1, 0))
    done = densa.predict(
        segmenter, tmp_path / "scene.tif", output=tmp_path / "map.tif", tile_size=64, probabilities=True
    )
    assert set(done.files) == {"labels", "probabilities"}
    labels, legend = raster.read_label_map(tmp_path / "map.tif")
    assert legend.class_names == NAMES
    assert (labels == np.asarray(densa.predict(segmenter, image))).mean() > 0.999


@pytest.mark.parametrize(
    ("network", "options", "said"),
    [
        (nn.Conv2d(3, 5, 1), {}, "legend must name 5 classes"),
        (nn.Conv2d(4, 3, 1), {}, "takes no image of 3 bands"),
        (nn.Flatten(), {}, "must give"),
        (nn.Conv2d(3, 3, 1), {"halo": 8}, "declared together"),
        (nn.Conv2d(3, 3, 1), {"halo": 3, "stride": 2}, "multiple of the stride"),
    ],
)
def test_mistakes(network, options, said):
    with pytest.raises(InputError, match=said):
        _wrapped(network, **options)


def test_published_libraries_where_they_are_installed(image):
    smp = pytest.importorskip("segmentation_models_pytorch")
    network = smp.FPN("resnet18", encoder_weights=None, in_channels=3, classes=3).eval()
    _equal_outside_ties(_wrapped(network), image, 64)


def test_torchvision_where_it_is_installed(image):
    models = pytest.importorskip("torchvision.models.segmentation")
    network = models.lraspp_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=3).eval()
    assert isinstance(_wrapped(network), Blended)  # it pools over the whole image
