from fractions import Fraction

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from densa.errors import InputError
from densa.networks import fcn
from densa.networks.encoders.vgg import stages
from densa.networks.fcn import FCN8s, FCN16s, FCN32s
from densa.operators import receptive_field

ALL = [FCN32s, FCN16s, FCN8s]


@pytest.mark.parametrize(
    ("kind", "n_classes", "total"),
    [(FCN32s, 21, 134346581), (FCN16s, 21, 134357354), (FCN8s, 21, 134362751), (FCN8s, 11, 134314081)],
)
def test_parameter_totals_of_the_paper(kind, n_classes, total, n_parameters):
    with torch.device("meta"):
        assert n_parameters(kind(3, n_classes, normalisation="none")) == total
        # A scale and a shift for each of the 4224 maps of the thirteen convolutions.
        assert n_parameters(kind(3, n_classes)) == total + 2 * 4224


def test_parameter_totals_of_the_parts(n_parameters):
    with torch.device("meta"):
        network = FCN32s(3, 21, normalisation="none")
    found = [n_parameters(part) for part in (network.features, network.classifier[0], network.classifier[3])]
    assert found == [14714688, 102764544, 16781312]
    with torch.device("meta"):
        learned = FCN8s(3, 21, normalisation="none", upsampling="learned")
    assert n_parameters(learned) == 134362751 + 2 * 21 * 4 * 4  # two kernels a class; the last enlargement is fixed


@pytest.mark.parametrize(
    ("side", "pools", "fc6", "up32", "fused"),
    [
        (224, [211, 106, 53, 27, 14], 8, 288, [(18, 27), 304, (38, 53), 312]),
        (360, [279, 140, 70, 35, 18], 12, 416, [(26, 35), 432, (54, 70), 440]),
        (480, [339, 170, 85, 43, 22], 16, 544, [(34, 43), 560, (70, 85), 568]),
        (500, [349, 175, 88, 44, 22], 16, 544, [(34, 44), 560, (70, 88), 568]),
    ],
)
def test_sizes_of_the_paper(side, pools, fc6, up32, fused):
    """Pools, fc6, then what is enlarged beside what is added to it."""

    def rows_of(network, names):
        rows = []
        for name in names:
            network.get_submodule(name).register_forward_hook(lambda _, i, output: rows.append(output.shape[-2]))
        assert network(image).shape == (1, 5, side, 40)
        return rows

    with torch.device("meta"):
        image = torch.empty(1, 3, side, 40)
        coarse, middle, fine = (kind(3, 5, width=1, normalisation="none").eval() for kind in ALL)
        pooled = [x.shape[-2] for x in stages(coarse.features, image)]
        assert rows_of(coarse, ["score_fr", "upscore"]) == [fc6, up32]
        assert rows_of(middle, ["upscore2", "score_pool4", "upscore16"]) == [*fused[0], fused[1]]
        names = ["upscore2", "score_pool4", "upscore_pool4", "score_pool3", "upscore8"]
        assert rows_of(fine, names) == [*fused[0], *fused[2], fused[3]]
    assert pooled == pools


def test_crops_follow_from_the_places_of_the_maps():
    """Row t of a map lies at start + step * t of the image; the crop is what makes two maps start at one place."""

    def slide(start, step, kernel, stride, padding):
        return start + step * (Fraction(kernel - 1, 2) - padding), step * stride

    def enlarge(start, step, factor):
        step /= factor
        return start - step * Fraction(2 * factor - 1, 2), step

    place, pools = (Fraction(0), Fraction(1)), {}
    for stage, n in enumerate((2, 2, 3, 3, 3)):
        for i in range(n):
            place = slide(*place, 3, 1, 100 if stage == i == 0 else 1)
        place = pools[stage + 1] = slide(*place, 2, 2, 0)
    scores = slide(*place, 7, 1, 0)
    assert -scores[0] / scores[1] == Fraction("-0.390625")
    assert -pools[4][0] / pools[4][1] == Fraction("5.71875")
    assert -pools[3][0] / pools[3][1] == Fraction("11.9375")

    def begins(inner, outer):  # at which row of the outer map
        assert inner[1] == outer[1]
        return (inner[0] - outer[0]) / outer[1]

    image = (Fraction(0), Fraction(1))
    assert begins(image, enlarge(*scores, 32)) == fcn.CROP_32S == 19
    at_16 = enlarge(*scores, 2)
    assert begins(at_16, pools[4]) == fcn.CROP_POOL4 == 5
    assert begins(image, enlarge(*at_16, 16)) == fcn.CROP_16S == 27
    at_8 = enlarge(*at_16, 2)
    assert begins(at_8, pools[3]) == fcn.CROP_POOL3 == 9
    assert begins(image, enlarge(*at_8, 8)) == fcn.CROP_8S == 31


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("size", [(1, 1), (2, 37), (33, 65)])
def test_any_size(kind, size):
    network = kind(2, 3, width=1).eval()
    with torch.no_grad():
        assert network(torch.randn(1, 2, *size)).shape == (1, 3, *size)


def test_fields_of_the_layers():
    """3, 5, 6 / 2 ... 404 / 32, and where the first row of each pooling lies."""
    features = FCN32s(1, 1, width=1, normalisation="none").features
    sizes = [receptive_field(features[: i + 1], 1) for i, m in enumerate(features) if not isinstance(m, nn.ReLU)]
    assert [field.size for field in sizes] == [
        3, 5, 6, 10, 14, 16, 24, 32, 40, 44, 60, 76, 92, 100, 132, 164, 196, 212,
    ]  # fmt: skip
    assert [field.stride for field in sizes if field.size in (6, 16, 44, 100, 212)] == [2, 4, 8, 16, 32]
    dense = receptive_field(nn.Sequential(*features, FCN32s(1, 1, width=1).classifier), 1)
    assert (dense.size, dense.stride) == (404, 32)


@pytest.mark.parametrize(("kind", "reach", "halo"), [(FCN32s, 233, 256), (FCN16s, 241, 256), (FCN8s, 245, 256)])
def test_field_as_an_impulse_finds_it(kind, reach, halo, probe_field):
    torch.manual_seed(0)
    network = kind(1, 1, width=1).eval()
    field = receptive_field(network, 1)
    assert (field.stride, field.offset, field.reach, field.halo) == (32, 0, reach, halo)
    probe_field(network, torch.randn(1, 1, 640, 8), rows=(300, 313, 331))


def test_scores_begin_at_zero_and_upsampling_is_bilinear():
    network = FCN8s(3, 4, width=1).eval()
    with torch.no_grad():
        assert not network(torch.randn(1, 3, 20, 30)).any()
        network.score_fr.bias.copy_(torch.arange(4.0))
        logits = network(torch.randn(1, 3, 128, 160))
    constant = torch.arange(4.0).view(1, 4, 1, 1).expand_as(logits)
    torch.testing.assert_close(logits[..., 32:-32, 32:-32], constant[..., 32:-32, 32:-32])
    # At the border fewer scores overlap: all classes fade alike, and the most probable stays.
    assert torch.equal(logits.argmax(dim=1), constant.argmax(dim=1))


@pytest.mark.parametrize("upsampling", ["fixed", "learned"])
def test_stages_32s_16s_8s(upsampling):
    """A finer network starts from the coarser one's result; the bilinear steps differ a little from one big one."""
    torch.manual_seed(0)
    coarse = FCN32s(3, 4, width=2).eval()
    nn.init.normal_(coarse.score_fr.weight)
    middle, fine = (kind(3, 4, width=2, upsampling=upsampling).eval() for kind in (FCN16s, FCN8s))
    middle.initialise_from(coarse)
    fine.initialise_from(middle)
    assert torch.equal(fine.features[0].weight, coarse.features[0].weight)
    image = torch.randn(1, 3, 64, 96)
    with torch.no_grad():
        results = [network(image) for network in (coarse, middle, fine)]
        for other in results[1:]:
            assert float((other - results[0]).abs().mean()) < 0.1 * float(results[0].std())
        nn.init.normal_(middle.score_pool4.weight)
        fine.initialise_from(middle)
        assert torch.equal(fine.score_pool4.weight, middle.score_pool4.weight)
        assert not torch.equal(fine(image), results[2])
    with pytest.raises(
        InputError, match=r"FCN16s cannot start from that network: it has no (score_pool3|upscore_pool4)"
    ):
        middle.initialise_from(fine)
    with pytest.raises(InputError, match=r"score_fr.weight has the shape \(4, 128, 1, 1\) there and \(5, 128, 1, 1\)"):
        FCN16s(3, 5, width=2).initialise_from(coarse)


def test_all_at_once_scales_the_pools():
    torch.manual_seed(0)
    staged, at_once = (
        FCN8s(3, 2, width=1, normalisation="none", at_once=choice).eval().double() for choice in (False, True)
    )
    for layer in (staged.score_fr, staged.score_pool4, staged.score_pool3):
        nn.init.normal_(layer.weight)
    at_once.load_state_dict(staged.state_dict())
    with torch.no_grad():
        staged.score_pool4.weight *= 0.01
        staged.score_pool3.weight *= 0.0001
        image = torch.randn(1, 3, 40, 50, dtype=torch.float64)
        torch.testing.assert_close(staged(image), at_once(image), rtol=0, atol=1e-12)


def test_normalised_pools_need_no_factors():
    torch.manual_seed(0)
    staged, at_once = (FCN8s(3, 2, width=1, at_once=choice).eval() for choice in (False, True))
    for layer in (staged.score_fr, staged.score_pool4, staged.score_pool3):
        nn.init.normal_(layer.weight)
    at_once.load_state_dict(staged.state_dict())
    with torch.no_grad():
        image = torch.randn(1, 3, 40, 50)
        assert torch.equal(staged(image), at_once(image))


def test_a_gradient_reaches_every_parameter():
    torch.manual_seed(0)
    network = FCN8s(4, 3, width=2, dropout=0.0, upsampling="learned")
    for layer in (network.score_fr, network.score_pool4, network.score_pool3):
        nn.init.normal_(layer.weight, std=0.01)
    logits = network(torch.randn(2, 4, 45, 60))
    assert logits.shape == (2, 3, 45, 60)
    F.cross_entropy(logits, torch.randint(3, (2, 45, 60))).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())


@pytest.mark.parametrize("kind", ALL)
def test_what_is_refused(kind):
    with pytest.raises(InputError, match="built for 3 bands, got an image of 4"):
        kind(3, 2, width=1)(torch.zeros(1, 4, 8, 8))
    for arguments, name in (({"width": 0}, "width"), ({"dropout": 1.0}, "dropout"), ({"normalisation": "x"}, "norm")):
        with pytest.raises(InputError, match=name):
            kind(3, 2, **arguments)
    if kind is not FCN32s:
        with pytest.raises(InputError, match="upsampling"):
            kind(3, 2, upsampling="nearest")
