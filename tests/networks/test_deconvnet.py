import pytest
import torch
from torch import nn
from torch.nn import functional as F

from densa.errors import InputError
from densa.networks.deconvnet import DeconvNet
from densa.operators import receptive_field


def test_parameter_totals_of_the_paper():
    with torch.device("meta"):
        network, other = DeconvNet(3, 21), DeconvNet(3, 11)

    def of(kind, part=network):
        return sum(p.numel() for m in part.modules() if isinstance(m, kind) for p in m.parameters())

    assert of((nn.Conv2d, nn.ConvTranspose2d)) == 251772245
    assert of(nn.BatchNorm2d) == 33408
    assert [of(nn.Conv2d, network.fc6), of(nn.Conv2d, network.fc7)] == [102764544, 16781312]
    assert of(nn.ConvTranspose2d, network.fc6_deconv) == 102760960
    total = sum(p.numel() for p in network.parameters())
    assert total == 251805653
    assert total - sum(p.numel() for p in other.parameters()) == 10 * 65  # 64 C + C


def test_map_sizes_of_the_paper():
    shapes = []

    def note(_, inputs, output):
        shapes.append((inputs[0].shape[1], output.shape[1], output.shape[-1]))

    with torch.device("meta"):
        network = DeconvNet(3, 21).eval()
        for module in network.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                module.register_forward_hook(note)
        assert network(torch.empty(1, 3, 224, 224)).shape == (1, 21, 224, 224)
    encoder = [(3, 64, 224), (64, 64, 224), (64, 128, 112), (128, 128, 112)]
    encoder += [(128, 256, 56), (256, 256, 56), (256, 256, 56), (256, 512, 28), (512, 512, 28), (512, 512, 28)]
    middle = [*[(512, 512, 14)] * 3, (512, 4096, 1), (4096, 4096, 1), (4096, 512, 7), *[(512, 512, 14)] * 3]
    decoder = [(512, 512, 28), (512, 512, 28), (512, 256, 28), (256, 256, 56), (256, 256, 56), (256, 128, 56)]
    decoder += [(128, 128, 112), (128, 64, 112), (64, 64, 224), (64, 64, 224), (64, 21, 224)]
    assert shapes == encoder + middle + decoder


def test_every_layer_but_the_scores_is_normalised_from_scale_1_and_shift_0_001():
    network = DeconvNet(3, 21, width=1)
    norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm2d)]
    n_layers = sum(isinstance(m, nn.Conv2d | nn.ConvTranspose2d) for m in network.modules())
    assert len(norms) == n_layers - 1 == 29
    assert all((m.weight == 1).all() and torch.allclose(m.bias, torch.tensor(0.001)) for m in norms)


@pytest.mark.parametrize("size", [(193, 193), (194, 224), (225, 260)])
def test_sizes_from_193(size):
    network = DeconvNet(2, 3, width=1).eval()
    with torch.no_grad():
        assert network(torch.randn(1, 2, *size)).shape == (1, 3, *size)


def test_cells_at_fc6():
    """H / 32 - 6, rounded up as the poolings are."""
    with torch.device("meta"):
        network, rows = DeconvNet(1, 2, width=1).eval(), []
        network.fc6.register_forward_hook(lambda _, inputs, output: rows.append(output.shape[-2]))
        for side in (193, 224, 225, 360, 480, 512):
            network(torch.empty(1, 1, side, 193))
    assert rows == [1, 1, 2, 6, 9, 10]


def test_a_stride_1_deconvolution_is_a_convolution_with_the_flipped_kernel():
    deconvolution, convolution = nn.ConvTranspose2d(3, 4, 3, padding=1), nn.Conv2d(3, 4, 3, padding=1)
    with torch.no_grad():
        convolution.weight.copy_(deconvolution.weight.transpose(0, 1).flip(2, 3))
        convolution.bias.copy_(deconvolution.bias)
        x = torch.randn(1, 3, 6, 7)
        torch.testing.assert_close(deconvolution(x), convolution(x))


def test_a_narrower_dense_layer():
    with torch.device("meta"):
        network = DeconvNet(3, 11, dense_width=1024)
    assert network.fc6[0].out_channels == network.fc7[0].out_channels == network.fc6_deconv[0].in_channels == 1024


def test_a_gradient_reaches_every_parameter():
    torch.manual_seed(0)
    network = DeconvNet(4, 3, width=2)
    F.cross_entropy(network(torch.randn(1, 4, 225, 226)), torch.randint(3, (1, 225, 226))).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())


def test_no_change_reaches_farther_than_the_receptive_field():
    """A change of one row moves switches here and there: the rows that it reaches lie within the computed field."""
    torch.manual_seed(0)
    network = DeconvNet(1, 2, width=2).eval()
    for module in network.modules():  # a wider response than that of fresh weights
        if isinstance(module, nn.BatchNorm2d):
            nn.init.constant_(module.bias, 0.2)
    field = receptive_field(network, 1)
    assert (field.size, field.stride, field.offset, field.reach, field.halo) == (788, 32, 0, 403, 416)
    n, widest = 960, 0
    image = torch.randn(1, 1, n, 193)
    with torch.inference_mode():
        before = network(image)
        for row in (n // 2, n // 2 + 13, n // 2 + 31):
            changed = image.clone()
            changed[..., row, :] += 10 * torch.randn(193)
            moved = (network(changed) != before).any(dim=3).any(dim=1)[0].nonzero().ravel()
            widest = max(widest, int((moved - row).abs().max()))
    assert 0.8 * field.reach < widest <= field.reach


def aggregate_proposals(scores, windows, size, *, reduction="max", background=0):
    """Scores (C, H, W) of an image from those of crops of it, object proposals (section 4.3, equations 1 and 2).

    `scores` are (C, h, w) per crop, in whatever size it was shown; `windows` their (row, column, height, width).
    Outside of its window a crop's scores are 0; a pixel without a crop is background.
    """
    total, n_crops = scores[0].new_zeros(scores[0].shape[0], *size), torch.zeros(size, dtype=torch.int64)
    for crop, (row, column, height, width) in zip(scores, windows, strict=True):
        rows, columns = slice(row, row + height), slice(column, column + width)
        enlarged = F.interpolate(crop[None], size=(height, width), mode="bilinear", align_corners=False)[0]
        here = total[:, rows, columns]
        total[:, rows, columns] = here.maximum(enlarged) if reduction == "max" else here + enlarged
        n_crops[rows, columns] += 1
    if reduction == "mean":
        total /= n_crops.clamp(min=1)
    total[background, n_crops == 0] = 1
    return total


def test_proposals_of_an_image_are_labelled_in_the_size_of_the_crops():
    """The paper's use: each proposal is enlarged to 224 x 224, its scores go back to its window."""
    torch.manual_seed(0)
    network, image = DeconvNet(3, 4, width=1).eval(), torch.rand(3, 60, 80)
    windows = [(0, 0, 40, 50), (20, 30, 40, 50)]
    crops = [image[:, row : row + height, column : column + width] for row, column, height, width in windows]
    with torch.inference_mode():
        shown = F.interpolate(torch.stack(crops), size=(224, 224), mode="bilinear", align_corners=False)
        scores = list(network(shown).softmax(dim=1))
    found = aggregate_proposals(scores, windows, (60, 80))
    assert found.shape == (4, 60, 80)
    assert 0.249 < found[:, :40, :50].amax(dim=0).min() <= 1  # the largest of four probabilities
    assert found[0, 45, 10] == 1  # no proposal is there


def test_the_largest_score_of_the_proposals_counts():
    """0.2 and 0.7 give 0.7; where no proposal is, the background."""
    crops = [torch.full((3, 4, 4), 0.2), torch.full((3, 2, 2), 0.7)]
    crops[1][0] = 0
    windows = [(0, 0, 4, 4), (2, 2, 3, 4)]
    scores = aggregate_proposals(crops, windows, (6, 8))
    assert scores.shape == (3, 6, 8)
    torch.testing.assert_close(scores[:, 3, 3], torch.tensor([0.2, 0.7, 0.7]))
    torch.testing.assert_close(scores[:, 0, 0], torch.tensor([0.2, 0.2, 0.2]))
    torch.testing.assert_close(scores[:, 4, 5], torch.tensor([0.0, 0.7, 0.7]))
    assert scores[:, 5, 7].tolist() == [1, 0, 0]
    mean = aggregate_proposals(crops, windows, (6, 8), reduction="mean")
    torch.testing.assert_close(mean[:, 3, 3], torch.tensor([0.1, 0.45, 0.45]))
    below = aggregate_proposals([-crops[0]], windows[:1], (6, 8), background=2)
    assert below[:, 0, 0].tolist() == [0, 0, 0]  # the aggregate starts from zero
    assert below[:, 5, 0].tolist() == [0, 0, 1]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: DeconvNet(3, 2, width=1)(torch.zeros(1, 3, 192, 300)), "at least 193x193.*192x300; pad to 193x300"),
        (lambda: DeconvNet(3, 2, width=1)(torch.zeros(1, 4, 224, 224)), "built for 3 bands, got an image of 4"),
        (lambda: DeconvNet(3, 2, dense_width=0), "dense_width"),
    ],
)
def test_what_is_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_training_on_one_cell_is_refused():
    with pytest.raises(InputError, match="225x225"):
        DeconvNet(3, 2, width=1)(torch.zeros(1, 3, 224, 224))
