import pytest
import torch

from densa.errors import InputError
from densa.networks import NETWORKS, build
from densa.operators import receptive_field

NAMES = ("dilated6", "dilated6-rate6", "dense-dilated6", "dilated6-pooling", "dilated8-pooling")
FIELDS = dict(zip(NAMES, (37, 56, 56, 68, 102), strict=True))
# (bands, classes) -> parameters.
SIX = {(3, 2): 1_386_562, (3, 7): 1_387_847, (4, 6): 1_389_190, (5, 6): 1_390_790}
DENSE = {(3, 2): 815_778, (3, 7): 818_023, (4, 6): 818_374, (5, 6): 819_174}
EIGHT = {(3, 2): 2_087_362, (3, 7): 2_088_647, (4, 6): 2_089_990, (5, 6): 2_091_590}
TOTALS = {
    "dilated6": SIX,
    "dilated6-rate6": SIX,
    "dilated6-pooling": SIX,
    "dense-dilated6": DENSE,
    "dilated8-pooling": EIGHT,
}


def _n_parameters(network):
    return sum(p.numel() for p in network.parameters())


@pytest.mark.parametrize("name", NAMES)
def test_parameter_totals_of_the_paper(name):
    with torch.device("meta"):
        for (n_bands, n_classes), total in TOTALS[name].items():
            assert _n_parameters(build(name, n_bands, n_classes)) == total


@pytest.mark.parametrize("name", NAMES)
def test_receptive_field(name):
    with torch.device("meta"):
        field = receptive_field(build(name, 3, 2), 3)
    assert field.size == FIELDS[name]
    assert field.stride == 1


def _response(name, side, at):
    """Rows and columns of the image that decide the output pixel (at, at), found by gradients."""
    torch.manual_seed(0)
    network = build(name, 1, 2, width=4).double().eval()
    for module in network.modules():  # positive weights on a positive image: no gradient is cut off or cancels out
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.uniform_(module.weight, 0.5, 1)
        if isinstance(module, torch.nn.MaxPool2d):
            # Of a maximum, one of nine gets the gradient: the mean, of the same support, gives all of them some.
            module.forward = lambda x: torch.nn.functional.avg_pool2d(x, 3, stride=1, padding=1)
    image = torch.rand(1, 1, side, side, dtype=torch.float64, requires_grad=True)
    network(image)[0, 0, at, at].backward()
    seen = image.grad[0, 0].nonzero()
    return seen.min(dim=0).values.tolist(), seen.max(dim=0).values.tolist(), len(seen)


@pytest.mark.parametrize("name", NAMES)
def test_impulse_response_is_the_receptive_field_without_gaps(name):
    size = FIELDS[name]
    first, last, n_seen = _response(name, side := size + 9, at := side // 2)
    height, width = (b - a + 1 for a, b in zip(first, last, strict=True))
    assert (height, width) == (size, size)
    assert n_seen == size * size or name == "dilated6"  # rates 1 to 6 read every pixel of their field
    # The 4x4 kernels reach one more pixel after than before wherever 3 times the rate is odd.
    assert first == [first[0]] * 2
    assert (last[0] - at) - (at - first[0]) == (1 if size % 2 == 0 else 0)


def test_a_kernel_of_four_is_padded_by_one_before_and_two_after():
    third = build("dilated6-rate6", 3, 2, width=2).layers[2]
    assert third[0].padding == (4, 5, 4, 5)  # rate 3: nine pixels
    x = torch.randn(1, 2, 9, 9)
    expected = torch.nn.functional.conv2d(
        torch.nn.functional.pad(x, (4, 5, 4, 5)), third[1].weight, third[1].bias, dilation=3
    )
    assert torch.allclose(third[1](third[0](x)), expected)


@pytest.mark.parametrize("name", NAMES)
def test_logits_have_the_size_of_the_image(name):
    with torch.device("meta"):
        network = build(name, 3, 2, width=1).eval()
        for side in range(7, 104):  # one axis 7 to 103, the other 104 to 200
            assert network(torch.empty(1, 3, side, 207 - side, device="meta")).shape == (1, 2, side, 207 - side)
    with torch.no_grad():
        network = build(name, 3, 2, width=2).eval()
        for side in (1, 7, 25, 44):
            assert network(torch.randn(1, 3, side, side + 1)).shape == (1, 2, side, side + 1)
            assert network.input_side(side) == side


def test_normalisation_is_without_scale_and_makes_the_bias_inert():
    torch.manual_seed(0)
    network = build("dilated6-pooling", 3, 2, width=2, norm_momentum=0.001)
    assert (network.layers[0][0].bias == 0.1).all()
    network.double()
    norms = [m for m in network.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert {(m.affine, m.eps, m.momentum) for m in norms} == {(False, 1e-3, 0.001)}
    x = torch.randn(2, 3, 12, 12, dtype=torch.float64)
    before = network(x)
    with torch.no_grad():
        network.layers[0][0].bias += 1  # the first layer is padded: its bias is added after the padding
    torch.testing.assert_close(network(x), before, rtol=0, atol=1e-12)


def test_dense_connections_feed_all_outputs_before():
    layers = build("dense-dilated6", 3, 2).layers
    convolutions = [next(m for m in layer if isinstance(m, torch.nn.Conv2d)) for layer in layers]
    assert [c.in_channels for c in convolutions] == [3, 32, 64, 128, 192, 320]
    assert build("dense-dilated6", 3, 2).classifier.in_channels == 448


def test_width_scales_and_bad_arguments_are_refused():
    assert set(NAMES) <= set(NETWORKS)
    assert _n_parameters(build("dilated6", 3, 2, width=8)) < 30_000
    with pytest.raises(InputError, match="norm_momentum must be more than 0"):
        build("dilated6", 3, 2, norm_momentum=0.0)
    with pytest.raises(InputError, match="built for 3 bands"):
        build("dense-dilated6", 3, 2, width=1)(torch.zeros(1, 4, 8, 8))
