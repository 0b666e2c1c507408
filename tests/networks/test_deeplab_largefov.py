import pytest
import torch
from torch import nn
from torch.nn import functional as F

from densa.errors import InputError
from densa.networks.deeplab_largefov import DeepLabLargeFOV, atrous_vgg16, enlarge
from densa.networks.encoders.vgg import vgg16_features
from densa.operators import receptive_field


def test_parameter_totals_of_the_paper(n_parameters):
    with torch.device("meta"):
        network, normalised = DeepLabLargeFOV(3, 21, normalisation="none"), DeepLabLargeFOV(3, 21)
    parts = [network.features, *(network.classifier[i] for i in (0, 3, 6))]
    assert [n_parameters(part) for part in parts] == [14714688, 4719616, 1049600, 21525]
    assert n_parameters(network) == 20505429
    assert n_parameters(normalised) == 20505429 + 2 * 4224


def test_layers_of_the_paper():
    layers = DeepLabLargeFOV(3, 2, width=1, normalisation="none").features
    found = []
    for layer in layers:
        if isinstance(layer, nn.MaxPool2d):
            found.append(("pool", layer.kernel_size, layer.stride, layer.padding))
        elif isinstance(layer, nn.Conv2d):
            found.append((layer.kernel_size[0], layer.padding[0], layer.dilation[0]))
    one, two = (3, 1, 1), (3, 2, 2)
    halves, keeps = ("pool", 3, 2, 1), ("pool", 3, 1, 1)
    assert found == [one, one, halves, one, one, halves, *[one] * 3, halves, *[one] * 3, keeps, *[two] * 3, keeps]


def test_the_average_of_the_released_network():
    """pool5a by hand, before fc6: sums over 3 x 3 cells divided by nine, at the border too (Caffe counts its zeros)."""
    network = DeepLabLargeFOV(1, 2, width=1, normalisation="none").eval()
    seen = []
    network.classifier.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    network.features = nn.Identity()
    x = torch.arange(20.0).view(1, 1, 4, 5).repeat(1, 8, 1, 1)
    network.n_bands = 8
    with torch.no_grad():
        network(x)
    padded = F.pad(x, (1, 1, 1, 1))
    expected = sum(padded[..., i : i + 4, j : j + 5] for i in range(3) for j in range(3)) / 9
    torch.testing.assert_close(seen[0], expected)
    assert seen[0][0, 0, 0, 0] == pytest.approx((0 + 1 + 5 + 6) / 9)


def test_map_sizes():
    """321 -> 161 -> 81 -> 41 and no smaller; even sizes round up, as in Caffe: 480 -> 241 -> 121 -> 61."""
    with torch.device("meta"):
        features = atrous_vgg16(1, width=1, normalisation="none").eval()
        sizes = {}
        for side in (321, 480):
            x, rows = torch.empty(1, 1, side, 8), []
            for layer in features:
                x = layer(x)
                if isinstance(layer, nn.MaxPool2d):
                    rows.append(x.shape[-2])
            sizes[side] = rows
        network = DeepLabLargeFOV(3, 21).eval()
        assert network(torch.empty(2, 3, 321, 322)).shape == (2, 21, 321, 322)
    assert sizes == {321: [161, 81, 41, 41, 41], 480: [241, 121, 61, 61, 61]}


def test_fields_of_the_layers():
    network = DeepLabLargeFOV(1, 1, width=1, normalisation="none")
    layers = nn.Sequential(*network.features, network.pool5a, network.classifier[0])
    fields = [receptive_field(layers[: i + 1], 1) for i, m in enumerate(layers) if not isinstance(m, nn.ReLU)]
    assert [field.size for field in fields] == [
        3, 5, 7, 11, 15, 19, 27, 35, 43, 51, 67, 83, 99, 115, 147, 179, 211, 227, 243, 435,
    ]  # fmt: skip
    assert (fields[-1].stride, fields[-1].offset) == (8, 0)


def test_field_as_an_impulse_finds_it(probe_field):
    torch.manual_seed(0)
    network = DeepLabLargeFOV(1, 1, width=1).eval()
    field = receptive_field(network, 1)
    assert (field.size, field.stride, field.offset, field.reach, field.halo) == (435 + 8, 8, 0, 224, 224)
    probe_field(network, torch.randn(1, 1, 560, 8), rows=(281, 283, 287))


def test_leaving_strides_out_and_dilating_gives_the_same_cells():
    """Every 4th cell of the dilated features is what poolings with stride and no dilation give (valid part)."""
    torch.manual_seed(0)
    dilated = atrous_vgg16(1, width=2, normalisation="none").eval()
    plain = vgg16_features(1, width=2).eval()
    plain.load_state_dict(dilated.state_dict())
    stage = 1
    for number, layer in enumerate(plain):
        if isinstance(layer, nn.MaxPool2d):
            stride = (2, 2, 2, 2, 1)[stage - 1]  # pool4 with its stride, conv5 without dilation, pool5 kept
            plain[number] = nn.MaxPool2d(3, stride=stride, padding=1, ceil_mode=stage <= 3)
            stage += 1
    x = torch.randn(1, 1, 289, 289, dtype=torch.float64)
    with torch.no_grad():
        fine, coarse = dilated[:-1].double()(x), plain[:-1].double()(x)  # up to conv5
    assert fine.shape[-1] == 37
    assert coarse.shape[-1] == 19
    torch.testing.assert_close(fine[..., ::2, ::2][..., 4:-4, 4:-4], coarse[..., 4:-4, 4:-4], rtol=0, atol=1e-12)


def test_scores_are_enlarged_about_the_places_of_the_cells():
    x = torch.randn(1, 2, 5, 4)
    enlarged = enlarge(x, 8, (33, 25))
    torch.testing.assert_close(enlarged[..., ::8, ::8], x)
    torch.testing.assert_close(enlarged, F.interpolate(x, size=(33, 25), mode="bilinear", align_corners=True))
    torch.testing.assert_close(enlarged[..., 4, 0], (x[..., 0, 0] + x[..., 1, 0]) / 2)
    assert torch.equal(enlarge(x, 8, (30, 9)), enlarged[..., :30, :9])  # where the image ends moves nothing
    beyond = enlarge(x, 8, (40, 32))[..., 33:, :]
    torch.testing.assert_close(beyond, enlarge(x, 8, (40, 32))[..., 32:33, :].expand_as(beyond))
    assert enlarge(x.bfloat16(), 8, (33, 25)).dtype == torch.float32


@pytest.mark.parametrize("size", [(1, 1), (2, 37), (33, 65)])
def test_any_size(size):
    network = DeepLabLargeFOV(2, 3, width=1).eval()
    with torch.no_grad():
        assert network(torch.randn(1, 2, *size)).shape == (1, 3, *size)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: DeepLabLargeFOV(3, 2, width=1)(torch.zeros(1, 4, 8, 8)), "built for 3 bands, got an image of 4"),
        (lambda: DeepLabLargeFOV(3, 2, dropout=1.0), "dropout"),
        (lambda: DeepLabLargeFOV(3, 2, normalisation="group"), "normalisation"),
        (lambda: DeepLabLargeFOV(3, 0), "n_classes"),
    ],
)
def test_what_is_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()
