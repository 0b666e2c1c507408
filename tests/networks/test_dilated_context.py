import pytest
import torch
from torch import nn

from densa.errors import InputError
from densa.networks.dilated_context import RATES, DilatedContext, context_module
from densa.networks.fcn import FCN32s
from densa.operators import receptive_field


@pytest.mark.parametrize(
    ("n_classes", "context", "total"),
    [
        (21, "none", 134346581),
        (21, "large", 141149720),
        (21, "basic", 134346581 + 28392),
        (11, "none", 134305611),
        (11, "basic", 134313443),
    ],
)
def test_parameter_totals_of_the_paper(n_classes, context, total, n_parameters):
    with torch.device("meta"):
        assert n_parameters(DilatedContext(3, n_classes, context=context, normalisation="none")) == total


def test_parameter_totals_of_the_module(n_parameters):
    with torch.device("meta"):
        found = [n_parameters(context_module(*given)) for given in ((21,), (11,), (21, "large"))]
    assert found == [28392, 7832, 6803139]


def test_map_sizes_of_the_front_end():
    """900 -> 896 -> 448 -> 444 -> 222 -> 216 -> 108 -> 102 -> 90 -> 66."""
    rows = []
    with torch.device("meta"):
        network = DilatedContext(3, 21, width=1, context="none", normalisation="none").eval()
        ends = [3, 4, 8, 9, 15, 16, 22, 29]
        for number in ends:
            network.features[number].register_forward_hook(lambda _, i, output: rows.append(output.shape[-2]))
        network.score.register_forward_hook(lambda _, i, output: rows.append(output.shape[-2]))
        assert network(torch.empty(1, 3, 900, 380)).shape == (1, 21, 528, 8)
    assert rows == [896, 448, 444, 222, 216, 108, 102, 90, 66]


def test_fields():
    """Of the context module 3, 5, 9, 17, 33, 65, 67, 67 cells; of the front end 380 pixels every 8."""
    module = context_module(2)
    layers = [i for i, layer in enumerate(module) if isinstance(layer, nn.Conv2d)]
    module[0] = nn.Identity()  # on an image as large as need be
    sizes = [receptive_field(nn.Sequential(*module[: i + 1]), 2).size for i in layers]
    assert sizes == [3, 5, 9, 17, 33, 65, 67, 67]
    network = DilatedContext(1, 2, width=1, context="none")
    front = receptive_field(nn.Sequential(network.features, network.classifier, network.score), 1)
    assert (front.size, front.stride, front.offset) == (380, 8, 189.5)  # 186 + 3.5, the middle of the cell's 8 pixels
    field = receptive_field(DilatedContext(1, 2, width=1), 1)
    assert (field.size, field.stride, field.offset, field.halo) == (380 + 66 * 8 + 8, 8, 186, 464)


def test_every_tap_of_the_module_counts():
    """67 of 67 cells along a row: rates that grow from 1 leave no gaps."""
    seen = {0}
    for rate in RATES:
        seen = {place + tap for place in seen for tap in (-rate, 0, rate)}
    assert sorted(seen) == list(range(-33, 34))
    module = context_module(1)
    for layer in module:
        if isinstance(layer, nn.Conv2d):
            nn.init.ones_(layer.weight)
    impulse = torch.zeros(1, 1, 71, 71)
    impulse[..., 35, 35] = 1
    with torch.no_grad():
        reached = module(impulse)[0, 0] > 0
    assert reached.sum() == 67 * 67
    assert reached[2:69, 2:69].all()


def test_field_as_an_impulse_finds_it(probe_field):
    torch.manual_seed(0)
    network = DilatedContext(1, 1, width=1).eval()
    probe_field(network, torch.zeros(1, 1, network.input_side(960), 380), rows=(480, 485), side=960)


@pytest.mark.parametrize("n_classes", [1, 3, 21])
def test_the_basic_module_begins_as_the_identity(n_classes):
    x = torch.rand(2, n_classes, 9, 14)
    module = context_module(n_classes)
    with torch.no_grad():
        assert torch.equal(module(x), x)
        assert torch.equal(module(-x), torch.zeros_like(x))


def test_the_large_module_begins_near_the_identity():
    """Each class's maps share its score: without the noise the module is the identity too."""
    torch.manual_seed(0)
    module = context_module(5, "large")
    channels = [layer.out_channels for layer in module if isinstance(layer, nn.Conv2d)]
    assert channels == [10, 10, 20, 40, 80, 160, 160, 5]
    x = torch.rand(1, 5, 9, 14)
    with torch.no_grad():
        close = module(x)
        for layer in module:
            if isinstance(layer, nn.Conv2d):
                layer.weight[layer.weight.abs() < 0.5 * layer.weight.abs().max()] = 0
        torch.testing.assert_close(module(x), x)
    assert 0 < (close - x).abs().max() < 0.3


def test_scores_lie_in_the_middle_of_their_pixels():
    """A front end that hands on the middle of what it sees is a picture of the image: an edge stays where it was."""
    network = DilatedContext(1, 1, width=1, context="none", normalisation="none").eval()
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.zeros_(module.weight)
            middle = module.kernel_size[0] // 2
            module.weight.data[0, 0, middle, middle] = 1
    image = torch.zeros(1, 1, 8 * 9 + 372, 380)
    image[..., 186 + 32 :, :] = 1
    with torch.no_grad():
        scores = network(image)[0, 0, :, 4]
    assert (scores[:28] == 0).all()
    assert (scores[36:] == 1).all()
    torch.testing.assert_close(scores[28:36], (torch.arange(8) + 0.5) / 8)


def test_the_second_stage_starts_from_a_trained_front_end():
    torch.manual_seed(0)
    front, network = (DilatedContext(2, 3, width=1, context=context).eval() for context in ("none", "basic"))
    network.initialise_from(front)
    x = torch.randn(1, 2, 388, 380)
    with torch.no_grad():
        cells = front.score(front.classifier(front.features(x))).relu()  # the module's first ReLU
        expected = nn.functional.interpolate(cells, scale_factor=8, mode="bilinear", align_corners=False)
        torch.testing.assert_close(network(x), expected)
    with pytest.raises(InputError, match=r"features.0.weight has the shape \(2, 2, 3, 3\) there"):
        network.initialise_from(DilatedContext(2, 3, width=2, context="none"))
    with pytest.raises(InputError, match=r"features.1.weight is missing there"):
        network.initialise_from(DilatedContext(2, 3, width=1, normalisation="none"))


def test_vgg_weights_load(tmp_path):
    other = FCN32s(3, 5, width=1, normalisation="none")
    state = {name: value for name, value in other.state_dict().items() if not name.startswith(("score", "upscore"))}
    torch.save(state, tmp_path / "vgg16.pth")
    network = DilatedContext(3, 2, width=1, normalisation="none")
    network.load_weights(tmp_path / "vgg16.pth")
    assert torch.equal(network.features[28].weight, other.features[28].weight)
    assert torch.equal(network.classifier[0].weight, other.classifier[0].weight)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: DilatedContext(3, 2, width=1)(torch.zeros(1, 3, 381, 400)), "got 381x400; pad to 388x404"),
        (lambda: DilatedContext(3, 2, width=1)(torch.zeros(1, 3, 64, 380)), "pad to 380x380"),
        (lambda: DilatedContext(3, 2, width=1)(torch.zeros(1, 4, 380, 380)), "built for 3 bands"),
        (lambda: DilatedContext(3, 2, context="huge"), "context must be"),
        (lambda: DilatedContext(3, 2, dropout=-1), "dropout"),
        (lambda: context_module(3, "none"), '"basic" or "large"'),
    ],
)
def test_what_is_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()
