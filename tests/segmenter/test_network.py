import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from densa.errors import InputError
from densa.legend import Legend
from densa.networks import SegNet, UNet, UNetValid, build
from densa.segmenter import BandContract, NetworkSegmenter
from densa.segmenter.inference import choose_precision, prepare
from tests.segmenter.exact import Float64Segmenter, assert_same

LEGEND = Legend(("road", "roof", "tree"))


def make(kind, n_bands=3, width=2, seed=0, **arguments):
    """A network whose batch normalisation does something, and whose classes do not tie where no feature is positive."""
    torch.manual_seed(seed)
    network = kind(n_bands, 3, width=width, **arguments)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.5, 2)
            nn.init.normal_(module.bias, 0.1, 0.3)
        elif isinstance(module, nn.Conv2d) and module.out_channels == 3:
            nn.init.normal_(module.bias, std=0.3)
    return network


def segmenter(network, n_bands=3, precision="float32", **contract):
    return NetworkSegmenter(network, LEGEND, BandContract(n_bands, **contract), device="cpu", precision=precision)


@pytest.mark.parametrize("kind", [UNet, UNetValid, SegNet])
@pytest.mark.parametrize("n_pixels", [96, 160])
def test_tiled_equals_whole(kind, n_pixels, tiled, rng):
    """Core plus halo, origins on the stride: the same probabilities and labels as the image in one piece."""
    image = rng.standard_normal((3, 290, 170)).astype(np.float32)
    ours = Float64Segmenter(make(kind), LEGEND, BandContract(3))
    whole = ours.probabilities(image)
    assert_same(tiled(ours, image, -(-n_pixels // ours.stride)), whole, 1e-12)
    assert whole.std(axis=(1, 2)).min() > 0.01


@pytest.mark.parametrize("kind", [UNet, UNetValid])
def test_tiled_equals_whole_in_float32(kind, tiled, rng):
    """Tiles are about as far from the exact result as the whole image is, by rounding."""
    network, image = make(kind), rng.standard_normal((3, 290, 170)).astype(np.float32)
    ours = segmenter(network)
    whole, exact = ours.probabilities(image), Float64Segmenter(network, LEGEND, BandContract(3)).probabilities(image)
    rounding = float(np.abs(whole - exact).max())
    assert rounding < 1e-4
    assert_same(tiled(ours, image, 6), exact, 8 * rounding)


def test_tiled_equals_whole_in_float32_but_for_ties(tiled, rng):
    """SegNet's switches: rounding decides between two features that are all but equal, and few are."""
    network, image = make(SegNet), rng.standard_normal((3, 290, 170)).astype(np.float32)
    ours = segmenter(network)
    differing = np.abs(tiled(ours, image, 3) - ours.probabilities(image)).max(axis=0) > 1e-4
    assert differing.mean() < 1e-3


@pytest.mark.parametrize("kind", [UNet, SegNet])
def test_equals_the_plain_network(kind, rng):
    """Folded and channels last, a segmenter gives what the network itself gives."""
    network = make(kind, 4).eval()
    image = rng.standard_normal((4, 48, 80)).astype(np.float32)
    found = Float64Segmenter(network, LEGEND, BandContract(4)).probabilities(image)
    with torch.no_grad():
        expected = network.double()(torch.from_numpy(image)[None].double()).softmax(1)[0].numpy()
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)
    ours = segmenter(network.float(), 4)
    np.testing.assert_allclose(ours.probabilities(image), expected, rtol=0, atol=1e-4)


def test_the_valid_unet_sees_the_image_mirrored(rng):
    network = make(UNetValid).eval()
    image = rng.standard_normal((3, 132, 100)).astype(np.float32)
    padded = np.pad(image, ((0, 0), (92, 92), (92, 92)), mode="reflect")
    found = Float64Segmenter(network, LEGEND, BandContract(3)).probabilities(image)
    with torch.no_grad():
        expected = network.double()(torch.from_numpy(padded)[None].double()).softmax(1)[0].numpy()
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", [UNet, UNetValid, SegNet])
@pytest.mark.parametrize("size", [(1, 1), (1, 37), (5, 2), (33, 16)])
def test_any_block_size(kind, size, rng):
    found = segmenter(make(kind)).probabilities(rng.integers(0, 255, (3, *size)).astype(np.uint8))
    assert found.shape == (3, *size)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found.sum(axis=0), 1, rtol=1e-5)


def test_values_are_normalised_by_the_contract(rng):
    network = make(UNet, 2)
    image = rng.integers(0, 4000, (2, 32, 32)).astype(np.uint16)
    mean, std = (1000.0, 2000.0), (300.0, 500.0)
    scaled = (image - np.array(mean)[:, None, None]) / np.array(std)[:, None, None]
    expected = segmenter(network, 2).probabilities(scaled.astype(np.float32))
    found = segmenter(network, 2, mean=mean, std=std).probabilities(image)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


def test_invalid_pixels_count_as_the_mean(rng):
    ours = segmenter(make(UNet), mean=(5, 6, 7), std=(1, 2, 3))
    image = rng.standard_normal((3, 32, 48)).astype(np.float32)
    valid = rng.random((32, 48)) > 0.3
    filled = np.where(valid, image, np.array([5, 6, 7], np.float32)[:, None, None])
    expected = ours.probabilities(filled)
    np.testing.assert_array_equal(ours.probabilities(image, valid), expected)
    image[:, ~valid] = np.nan
    np.testing.assert_array_equal(ours.probabilities(image), expected)
    assert np.isfinite(expected).all()


def test_the_network_is_copied():
    network = make(UNet).train()
    ours = segmenter(network)
    image = np.ones((3, 16, 16), np.float32)
    before = ours.probabilities(image)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
    assert network.training
    np.testing.assert_array_equal(ours.probabilities(image), before)


def test_bands_that_do_not_fit():
    with pytest.raises(InputError, match=r"expects 3 bands .*got an image of 4"):
        segmenter(make(UNet)).probabilities(np.zeros((4, 16, 16)))
    with pytest.raises(InputError, match=r"\(bands, height, width\)"):
        segmenter(make(UNet)).probabilities(np.zeros((16, 16)))
    with pytest.raises(InputError, match="mask of valid pixels"):
        segmenter(make(UNet)).probabilities(np.zeros((3, 16, 16)), np.ones((16, 17), bool))


def test_a_legend_of_another_length_is_refused():
    ours = NetworkSegmenter(make(UNet), Legend(("a", "b")), BandContract(3), device="cpu")
    with pytest.raises(InputError, match="gives 3 classes, its legend has 2"):
        ours.probabilities(np.zeros((3, 16, 16)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"device": "tpu9"}, "device must be"),
        ({"precision": "float16"}, "precision must be"),
        pytest.param(
            {"device": "cuda"}, "no CUDA", marks=pytest.mark.skipif(torch.cuda.is_available(), reason="has CUDA")
        ),
    ],
)
def test_devices_and_precisions_that_are_not(arguments, message):
    with pytest.raises(InputError, match=message):
        NetworkSegmenter(make(UNet), LEGEND, BandContract(3), **arguments)


def test_batch_normalisation_is_folded_away():
    for kind, n_norms in ((UNet, 18), (SegNet, 25)):
        network = make(kind)
        assert sum(isinstance(m, nn.BatchNorm2d) for m in network.modules()) == n_norms
        ready = prepare(network, 3, torch.device("cpu"), torch.float32)
        assert not any(isinstance(m, nn.BatchNorm2d) for m in ready.modules())
        assert not any(p.requires_grad for p in ready.parameters())


def test_folding_follows_the_calls_not_the_layout():
    """Normalisation that is not in a Sequential is folded; a convolution that is used twice keeps its own."""

    class Loose(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm_a, self.conv_a = nn.BatchNorm2d(4), nn.Conv2d(3, 4, 3, padding=1)
            self.conv_b, self.norm_b = nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4)

        def forward(self, x):
            x = self.norm_a(self.conv_a(x)).relu()
            return self.norm_b(self.conv_b(self.norm_b(self.conv_b(x))))

    torch.manual_seed(0)
    network = Loose().eval()
    for norm in (network.norm_a, network.norm_b):
        norm.running_mean.normal_()
        norm.running_var.uniform_(0.5, 2)
    ready = prepare(network, 3, torch.device("cpu"), torch.float32)
    assert [name for name, m in ready.named_modules() if isinstance(m, nn.BatchNorm2d)] == ["norm_b"]
    image = torch.randn(1, 3, 8, 9)
    with torch.no_grad():
        torch.testing.assert_close(ready(image), network(image))


def test_precision_auto():
    device = torch.device("cpu")
    assert choose_precision("float32", device) == torch.float32
    assert choose_precision("bfloat16", device) == torch.bfloat16
    assert choose_precision("auto", device) in {torch.float32, torch.bfloat16}
    assert segmenter(make(SegNet), precision="auto").dtype == torch.float32
    assert segmenter(make(UNet), precision="auto").dtype == choose_precision("auto", device)


def blobs(seed, side):
    """Discs and squares on a noisy ground, and their labels."""
    rng = np.random.default_rng(seed)
    labels = np.zeros((side, side), np.int64)
    y, x = np.mgrid[:side, :side]
    for kind in (1, 2):
        for row, column in rng.integers(0, side, (max(1, side * side // 1500), 2)):
            distance = np.hypot(y - row, x - column) if kind == 1 else np.maximum(abs(y - row), abs(x - column))
            labels[distance < 9] = kind
    colours = np.array([[-1.0, 0, 1], [1, -1, 0], [0, 1, -1]])
    image = colours[:, labels] + 0.1 * rng.standard_normal((3, side, side))
    return image.astype(np.float32), labels


def test_bfloat16_labels_agree_with_float32():
    """Labels of a briefly trained network, the same on every processor, agree on at least 99.9 % of the pixels."""
    torch.manual_seed(0)
    network = build("unet", 3, 3, width=8).double()
    optimizer = torch.optim.AdamW(network.parameters(), 5e-3)
    for step in range(40):
        images, labels = zip(*(blobs(1000 + 2 * step + i, 48) for i in range(2)), strict=True)
        scores = network(torch.from_numpy(np.stack(images)).double())
        loss = F.cross_entropy(scores, torch.from_numpy(np.stack(labels)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        optimizer.param_groups[0]["lr"] = 5e-3 * (1 - step / 40)
    network.float()
    image, labels = blobs(1, 320)
    exact = segmenter(network).probabilities(image).argmax(axis=0)
    quick = segmenter(network, precision="bfloat16").probabilities(image).argmax(axis=0)
    assert (exact == labels).mean() > 0.9
    assert (exact == quick).mean() >= 0.999
