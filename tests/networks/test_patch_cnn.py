import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from densa.errors import InputError
from densa.legend import Legend
from densa.networks.patch_cnn import PatchCNN
from densa.operators import receptive_field
from densa.operators.dense_evaluation import patch_size, scan_patches
from densa.segmenter import BandContract
from tests.segmenter.exact import Float64Segmenter


def trained(**arguments):
    """A network whose normalisation has statistics of its own."""
    torch.manual_seed(0)
    network = PatchCNN(3, 4, width=6, **arguments)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean, std=0.2)
            nn.init.uniform_(module.running_var, 0.5, 2)
    return network.eval()


@pytest.mark.parametrize(("size", "maps"), [(65, [62, 28, 10, 2, 1, 1]), (95, [92, 42, 18, 6, 1, 1])])
def test_map_sizes_and_parameters_of_the_paper(size, maps):
    """N4 of the paper: 95, 92, 46, 42, 21, 18, 9, 6, 3, 1; 48 maps, 200 neurons, 2 classes of one band."""
    with torch.device("meta"):
        network = PatchCNN(1, 2, patch_size=size, normalisation="none")
    convolutions = [m for m in network.layers if isinstance(m, nn.Conv2d)]
    side, found = size, []
    for number, layer in enumerate(convolutions):
        side -= layer.kernel_size[0] - 1
        found.append(side)
        side //= 2 if number < 4 else 1
    assert found == maps
    assert [m.out_channels for m in convolutions] == [48, 48, 48, 48, 200, 2]
    kernels = [16, 16, 25, 16, 1] if size == 65 else [16, 25, 16, 16, 9]
    by_hand = 48 * kernels[0] + 48 + sum(48 * 48 * k + 48 for k in kernels[1:4]) + 200 * 48 * kernels[4] + 200 + 402
    assert sum(p.numel() for p in network.parameters()) == by_hand


@pytest.mark.parametrize("size", [65, 95])
@pytest.mark.parametrize("normalisation", ["batch", "none"])
def test_dense_is_the_scan(size, normalisation):
    network = trained(patch_size=size, normalisation=normalisation).double()
    images = torch.randn(1, 3, size + 17, size + 6, dtype=torch.float64)
    with torch.no_grad():
        dense = network(images).softmax(dim=1)
        scanned = scan_patches(network, images, size).softmax(dim=1)
    assert dense.shape == (1, 4, 18, 7)
    assert float(dense.std()) > 0.05  # the probabilities are not all alike
    assert float((dense - scanned).abs().max()) <= 1e-12


def test_a_patch_gives_its_centre():
    """The segmenter's probabilities of a whole image, mirrored at its border, are those of the patches cut from it."""
    network = trained()
    legend = Legend(("a", "b", "c", "d"))
    bands = BandContract(3, mean=(100.0,) * 3, std=(50.0,) * 3)
    image = np.random.default_rng(0).integers(0, 255, (3, 40, 48), dtype=np.uint8)
    probabilities = Float64Segmenter(network, legend, bands).probabilities(image)
    network, pixels = network.double(), torch.from_numpy(bands.normalise(image))[None].double()
    mirrored = F.pad(pixels, [32] * 4, mode="reflect")
    with torch.no_grad():
        for row, column in ((0, 0), (20, 31), (39, 47)):
            patch = mirrored[..., row : row + 65, column : column + 65]
            expected = network(patch).softmax(dim=1)[0, :, 0, 0].numpy()
            np.testing.assert_allclose(probabilities[:, row, column], expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("size", [65, 95])
def test_receptive_field_is_the_patch(size):
    network = trained(patch_size=size)
    field = receptive_field(network, 3)
    assert (field.size, field.stride, field.offset, field.halo) == (size, 1, size // 2, size // 2)
    half = size // 2
    image = torch.randn(1, 3, 3 * size, size)
    seen = []
    with torch.no_grad():
        for row in (half - 1, half, 2 * half, 3 * half, 3 * half + 1):  # output row `half` has its centre at 2 * half
            probe = image.clone()
            probe[..., row, :] = torch.nan
            seen.append(bool(torch.isnan(network(probe))[0, 0, half, 0]))
    assert seen == [False, True, True, True, False]


def test_training_on_patches_is_training_on_the_image_they_are_from():
    """Without batch statistics, the gradient of one dense loss is that of the same patches in a batch."""
    torch.manual_seed(0)
    network = PatchCNN(2, 3, width=3, normalisation="none").double()
    image, labels = torch.randn(1, 2, 68, 67, dtype=torch.float64), torch.randint(3, (1, 4, 3))
    patches = image.unfold(2, 65, 1).unfold(3, 65, 1)[0].permute(1, 2, 0, 3, 4).reshape(-1, 2, 65, 65)
    gradients = []
    for logits, target in ((network(image), labels), (network(patches), labels.reshape(-1, 1, 1))):
        gradients.append(torch.autograd.grad(F.cross_entropy(logits, target), list(network.parameters())))
    assert network(patches).shape == (12, 3, 1, 1)
    for dense, of_patches in zip(*gradients, strict=True):
        torch.testing.assert_close(dense, of_patches)


def test_a_gradient_reaches_every_parameter():
    torch.manual_seed(0)
    network = PatchCNN(4, 3, width=4)
    F.cross_entropy(network(torch.randn(2, 4, 70, 72)), torch.randint(3, (2, 6, 8))).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())


def test_sizes_it_takes():
    network = PatchCNN(1, 2, width=1)
    assert [network.input_side(n) for n in (1, 64)] == [65, 128]
    assert patch_size(nn.Sequential(*network.layers)) == 65  # the dilated layers span the same patch


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: PatchCNN(3, 2, patch_size=64), "65, 95, got 64"),
        (lambda: PatchCNN(3, 2, normalisation="layer"), "normalisation"),
        (lambda: PatchCNN(3, 0), "n_classes"),
        (lambda: PatchCNN(3, 2, width=1)(torch.zeros(1, 3, 64, 80)), "at least 65x65 pixels, got 64x80"),
        (lambda: PatchCNN(3, 2, width=1)(torch.zeros(1, 1, 80, 80)), "built for 3 bands"),
    ],
)
def test_what_is_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()
