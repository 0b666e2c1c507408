"""For every network: tiles give what the whole image gives."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from densa import networks, raster
from densa.engine import predict
from densa.legend import Legend
from densa.segmenter import BandContract, NetworkSegmenter
from tests.segmenter.exact import Float64Segmenter

LEGEND = Legend(("ground", "roof", "tree"))
BANDS = BandContract(2, ("red", "infrared"), (0.0, 0.0), (1.0, 1.0), "float32")
ARGUMENTS = {
    "patch-cnn": {"width": 4},
    "deconvnet": {"width": 2, "dense_width": 8},
    "deeplabv2-aspp": {"width": 4, "backbone": "resnet50"},
    "deeplabv3": {"width": 4, "backbone": "resnet50", "image_pooling": "none"},
    "deeplabv3plus": {"width": 4, "encoder": "efficientnet-lite0", "image_pooling": "none"},
}


def texture(shape):
    noise = np.random.default_rng(2).standard_normal(shape)
    return (3 * ndimage.gaussian_filter(noise, (0, 2, 2)) + 0.3 * noise).astype(np.float32)


def network(name):
    """Of random weights, its scores scaled such that classes are told apart as a trained network does."""
    torch.manual_seed(1)
    made = networks.build(name, 2, 3, **ARGUMENTS.get(name, {"width": 2})).eval()
    called, hooks = [], []
    with torch.no_grad():
        for module in made.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.running_mean.normal_(0, 0.1)
                module.running_var.uniform_(0.5, 1.5)
            if isinstance(module, torch.nn.Conv2d):
                if not module.weight.any():
                    module.weight.normal_()
                if module.out_channels == 3:
                    hooks.append(module.register_forward_hook(lambda made, *_: called.append(made)))
        image = torch.from_numpy(texture((2, made.input_side(700), made.input_side(50)))[None])
        found = made(image)[0].flatten(1)
        for scores in set(called) if name.startswith(("fcn", "deeplabv2")) else called[-1:]:  # these add several scores
            scores.weight *= 2 / found.std(dim=1)[:, None, None, None]
            if scores.bias is not None:
                scores.bias.zero_()
        if called[-1].bias is not None:
            called[-1].bias -= made(image)[0].flatten(1).mean(dim=1)
    for hook in hooks:
        hook.remove()
    return made


class Exact(Float64Segmenter):
    """In float64 also where a network would enlarge its scores in float32."""

    def probabilities(self, block, valid=None):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(torch.Tensor, "float", lambda values: values)
            return super().probabilities(block, valid)


def whole_and_tiled(segmenter, image, path, size):
    raster.write_bands(path, image, overwrite=True)
    found = []
    with raster.open(path) as opened:
        for tile_size in (None, size):
            probabilities = np.empty((3, *image.shape[1:]))
            windows = 0
            for tile in predict(segmenter, opened, tile_size=tile_size, windows=False):
                row, column, height, width = tile.window
                probabilities[:, row : row + height, column : column + width] = tile.probabilities
                windows += 1
            found.append((probabilities, windows))
    return found


def margin(probabilities):
    """How much the first class is ahead of the second."""
    ordered = np.sort(probabilities, axis=0)
    return ordered[-1] - ordered[-2]


# Families of which another network is tested in every run.
SLOW = {"bayesian-segnet", "deeplabv2-aspp", "deeplabv3", "deeplabv3plus", "dilated-context", "fcn16s", "fcn32s"}
NAMES = [pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW)) for name in sorted(networks.NETWORKS)]


@pytest.mark.parametrize("name", NAMES)
def test_tiles_equal_the_whole_image(name, tmp_path):
    """In float64 to 1e-12; in float32 as far as rounding of the whole image goes, on any processor."""
    made = network(name)
    exact = Exact(made, LEGEND, BANDS)
    assert not exact.whole_image
    # A long image: most tiles lie farther from both ends than the halo reaches.
    size = -(-48 // exact.stride) * exact.stride
    image = texture((2, 2 * exact.halo + 4 * size + 5, 37))
    (whole, n_whole), (tiled, n_tiles) = whole_and_tiled(exact, image, tmp_path / "image.tif", size)
    assert n_whole == 1
    assert n_tiles > 4
    assert np.abs(whole - tiled).max() < 1e-12
    clear = margin(whole) > 1e-12
    assert clear.mean() > 0.999
    assert (whole.argmax(axis=0) == tiled.argmax(axis=0))[clear].all()
    assert len(np.unique(whole.argmax(axis=0))) > 1

    used = NetworkSegmenter(made, LEGEND, BANDS, device="cpu", precision="float32")
    (rounded, _), (rounded_tiled, _) = whole_and_tiled(used, image, tmp_path / "image.tif", size)
    # Both differ from the exact probabilities by sums of roundings of the same kind, in another order. Where two values
    # of a pooling window are equal but for rounding, networks that keep its place may put the value elsewhere.
    rounding = 10 * np.abs(rounded - whole).max() + np.finfo(np.float32).eps
    assert rounding < 1e-3
    assert (np.abs(rounded_tiled - whole).max(axis=0) < rounding).mean() > 0.99
    clear = margin(whole) > 2 * rounding
    assert (whole.argmax(axis=0) == rounded_tiled.argmax(axis=0))[clear].mean() > 0.99


def test_a_halo_too_small_would_be_seen(tmp_path):
    """The test above finds what it is for."""
    segmenter = Exact(network("unet"), LEGEND, BANDS)
    segmenter.halo = 16
    image = np.random.default_rng(2).standard_normal((2, 300, 37)).astype(np.float32)
    (whole, _), (tiled, _) = whole_and_tiled(segmenter, image, tmp_path / "image.tif", 48)
    assert np.abs(whole - tiled).max() > 1e-6
