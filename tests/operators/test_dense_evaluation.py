import pytest
import torch
from torch import nn

from densa.errors import InputError
from densa.operators.dense_evaluation import dilated_form, fragments, patch_size, scan_patches, shift_and_stitch


def toy():
    """The worked example of one row: conv [1, -1], max pooling 2, conv [1, 2]; along the columns nothing happens."""

    class Row(nn.Sequential):
        pass

    layers = Row(nn.Conv2d(1, 1, 2, bias=False), nn.MaxPool2d(2), nn.Conv2d(1, 1, 2, bias=False))
    with torch.no_grad():
        # The image is a row repeated: kernels act on the first row of their window alone.
        layers[0].weight.copy_(torch.tensor([[[[1.0, -1], [0, 0]]]]))
        layers[2].weight.copy_(torch.tensor([[[[1.0, 2], [0, 0]]]]))
    return layers


ROW = torch.tensor([1.0, 3, 2, 5, 4, 0, 6, 2]).expand(1, 1, 8, 8)


def test_worked_example():
    layers = toy()
    assert patch_size(layers) == 5
    with torch.no_grad():
        assert layers(ROW)[0, 0, 0].tolist() == [3, 9]  # one phase alone
        for dense in (
            scan_patches(layers, ROW, 5),
            dilated_form(layers)(ROW),
            fragments(layers, ROW),
            shift_and_stitch(layers, ROW, 2, 5),
        ):
            assert dense.shape == (1, 1, 4, 4)
            assert dense[0, 0].tolist() == [[3, 9, 9, 12]] * 4


def deep():
    """conv3, pool2, conv3, pool2, conv4: 3, 4, 8, 10, 22 pixels; with a normalisation that changes something."""
    torch.manual_seed(0)
    layers = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(4, 5, 3), nn.Tanh(), nn.MaxPool2d(2),
        nn.Conv2d(5, 2, 4),
    )  # fmt: skip
    layers[1].running_mean.normal_()
    layers[1].running_var.uniform_(0.5, 2)
    return layers.double().eval()


def test_sizes_and_dilations_by_hand():
    layers = deep()
    assert [patch_size(layers[:n]) for n in (1, 4, 5, 7, 8)] == [3, 4, 8, 10, 22]
    dense = [m for m in dilated_form(layers) if isinstance(m, nn.Conv2d | nn.MaxPool2d)]
    dilations = [m.dilation if isinstance(m.dilation, int) else m.dilation[0] for m in dense]
    assert dilations == [1, 1, 2, 2, 4]
    assert layers[4].dilation == (1, 1)  # the patch network stays as it was


@pytest.mark.parametrize("size", [(22, 22), (23, 31), (30, 27)])
def test_four_ways_are_one(size):
    layers = deep()
    images = torch.randn(2, 3, *size, dtype=torch.float64)
    with torch.no_grad():
        scanned = scan_patches(layers, images, 22, batch_size=7)
        assert scanned.shape == (2, 2, size[0] - 21, size[1] - 21)
        for dense in (dilated_form(layers)(images), fragments(layers, images), shift_and_stitch(layers, images, 4, 22)):
            torch.testing.assert_close(dense, scanned, rtol=1e-12, atol=1e-12)


def test_strided_and_dilated_convolutions_and_windows_of_three():
    torch.manual_seed(1)
    layers = nn.Sequential(
        nn.Conv2d(1, 3, 3, stride=2), nn.ReLU(), nn.MaxPool2d(3, 2), nn.Conv2d(3, 2, 2, dilation=2)
    ).double()
    size = patch_size(layers)
    assert size == 1 + 2 + 2 * 2 + 2 * 4
    images = torch.randn(1, 1, size + 9, size + 5, dtype=torch.float64)
    with torch.no_grad():
        scanned = scan_patches(layers, images, size)
        torch.testing.assert_close(dilated_form(layers)(images), scanned)
        torch.testing.assert_close(fragments(layers, images), scanned)
        torch.testing.assert_close(scan_patches(layers, images, size, rows=slice(2, 4)), scanned[:, :, 2:4])


def test_one_dense_gradient_is_the_sum_over_all_patches():
    torch.manual_seed(2)
    layers = nn.Sequential(nn.Conv2d(1, 3, 3), nn.Tanh(), nn.MaxPool2d(2), nn.Conv2d(3, 2, 3)).double()
    image, size = torch.randn(1, 1, 13, 14, dtype=torch.float64), patch_size(layers)
    weights = torch.randn(2, 14 - size, 15 - size, dtype=torch.float64)
    gradients = []
    for scores in (scan_patches(layers, image, size), dilated_form(layers)(image)):
        gradients.append(torch.autograd.grad((scores[0] * weights).sum(), list(layers.parameters())))
    for of_patches, dense in zip(*gradients, strict=True):
        torch.testing.assert_close(of_patches, dense)


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (nn.Conv2d(1, 1, 3, padding=1), "must have no padding"),
        (nn.Conv2d(1, 1, 3, padding="same"), "must have no padding"),
        (nn.MaxPool2d(2, ceil_mode=True), "not round up"),
        (nn.Linear(3, 2), "dense layers as convolutions"),
        (nn.Conv2d(1, 1, (3, 2)), "the same kernel, stride and dilation"),
    ],
)
def test_layers_that_break_the_equality(layer, message):
    with pytest.raises(InputError, match=message):
        dilated_form(nn.Sequential(layer))


def test_an_image_smaller_than_a_patch():
    with pytest.raises(InputError, match="at least 22, the size of a patch"):
        fragments(deep(), torch.zeros(1, 3, 21, 30).double())
