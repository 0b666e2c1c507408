import pickle
import urllib.error
from collections import OrderedDict

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from densa.errors import InputError
from densa.networks.deconvnet import DeconvNet
from densa.networks.deeplab_largefov import DeepLabLargeFOV
from densa.networks.encoders.vgg import vgg16_features
from densa.networks.fcn import FCN8s, FCN32s
from densa.networks.weights import PUBLISHED, adapt_bands, load_weights, read_weights

# torchvision's names: numbers of the convolutions in `features`, without and with batch normalisation.
PLAIN = [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28]
NORMALISED = [0, 3, 7, 10, 14, 17, 20, 24, 27, 30, 34, 37, 40]


def torchvision_vgg16(width, *, normalised=False):
    """A state dict as torchvision writes it, of a narrower network: dense layers are matrices, 1000 classes follow."""
    torch.manual_seed(1)
    state = OrderedDict()
    channels = [3, *[width] * 2, *[2 * width] * 2, *[4 * width] * 3, *[8 * width] * 6]
    for i, number in enumerate(NORMALISED if normalised else PLAIN):
        state[f"features.{number}.weight"] = torch.randn(channels[i + 1], channels[i], 3, 3)
        state[f"features.{number}.bias"] = torch.randn(channels[i + 1])
        if normalised:
            for name in ("weight", "bias", "running_mean", "running_var"):
                state[f"features.{number + 1}.{name}"] = torch.rand(channels[i + 1])
    for number, (n_out, n_in) in {0: (64, 392), 3: (64, 64), 6: (15, 64)}.items():
        state[f"classifier.{number}.weight"] = torch.randn(n_out * width, n_in * width)
        state[f"classifier.{number}.bias"] = torch.randn(n_out * width)
    return state


@pytest.fixture
def plain(tmp_path):
    path = tmp_path / "vgg16.pth"
    torch.save(torchvision_vgg16(1), path)
    return path


@pytest.fixture
def normalised(tmp_path):
    path = tmp_path / "vgg16_bn.safetensors"
    save_file(torchvision_vgg16(1, normalised=True), path)
    return path


def test_the_features_have_torchvisions_names_and_total():
    for normalisation, numbers in (("none", PLAIN), ("batch", NORMALISED)):
        with torch.device("meta"):
            features = vgg16_features(3, normalisation=normalisation)
        kernels = [i for i, layer in enumerate(features) if isinstance(layer, nn.Conv2d)]
        assert kernels == numbers
        assert sum(p.numel() for p in features.parameters()) == 14714688 + (8448 if normalisation == "batch" else 0)


def test_plain_weights_load_with_dense_layers_as_convolutions(plain):
    network, stored = FCN8s(3, 2, width=1, normalisation="none"), read_weights(plain)
    before = network.score_fr.weight.clone()
    network.load_weights(plain)
    assert torch.equal(network.features[28].weight, stored["features.28.weight"])
    assert torch.equal(network.classifier[3].weight[..., 0, 0], stored["classifier.3.weight"])
    assert torch.equal(network.score_fr.weight, before)
    # A 7 x 7 map through the convolution is the matrix times the map, channel, row, column.
    x = torch.randn(1, 8, 7, 7)
    expected = stored["classifier.0.weight"] @ x.ravel() + stored["classifier.0.bias"]
    torch.testing.assert_close(network.classifier[0](x).ravel(), expected, rtol=1e-4, atol=1e-4)


def test_normalised_weights_load_from_safetensors(normalised):
    network, stored = FCN32s(3, 2, width=1), read_weights(normalised)
    network.load_weights(str(normalised))
    for name in ("0.weight", "41.running_var", "1.bias"):
        assert torch.equal(network.state_dict()[f"features.{name}"], stored[f"features.{name}"])


def test_plain_weights_load_into_a_normalised_network(plain):
    """As the papers of DeconvNet and SegNet do: convolution by convolution, the normalisation stays fresh."""
    network, stored = DeconvNet(3, 2, width=1), read_weights(plain)
    network.load_weights(plain)
    for own, its in zip(NORMALISED, PLAIN, strict=True):
        assert torch.equal(network.features[own].weight, stored[f"features.{its}.weight"])
    assert torch.equal(network.fc6[0].weight.flatten(1), stored["classifier.0.weight"])
    assert torch.equal(network.fc7[0].weight.flatten(1), stored["classifier.3.weight"])
    assert (network.features[1].weight == 1).all()


def test_dense_layers_are_decimated_for_largefov(plain, normalised, tmp_path):
    """Every fourth of 64 neurons; of fc6's taps rows and columns 0, 3, 6, and of fc7's inputs those that are left."""
    for path, normalisation in ((plain, "none"), (plain, "batch"), (normalised, "batch")):
        network, stored = DeepLabLargeFOV(3, 2, width=1, normalisation=normalisation), read_weights(path)
        score = network.classifier[6].weight.clone()
        network.load_weights(path)
        fc6, fc7 = network.classifier[0], network.classifier[3]
        for n in range(16):
            matrix = stored["classifier.0.weight"][4 * n].view(8, 7, 7)
            for i in range(3):
                for j in range(3):
                    assert torch.equal(fc6.weight[n, :, i, j], matrix[:, 3 * i, 3 * j])
            assert torch.equal(fc7.weight[n, :, 0, 0], stored["classifier.3.weight"][4 * n, ::4])
        assert torch.equal(fc6.bias, stored["classifier.0.bias"][::4])
        assert torch.equal(fc7.bias, stored["classifier.3.bias"][::4])
        assert torch.equal(network.classifier[6].weight, score)
    features = {k: v for k, v in read_weights(plain).items() if k.startswith("features")}
    torch.save(features, tmp_path / "features.pth")
    with pytest.raises(InputError, match=r"it has no classifier\.0\.weight"):
        DeepLabLargeFOV(3, 2, width=1, normalisation="none").load_weights(tmp_path / "features.pth")


@pytest.mark.parametrize("n_bands", [1, 4, 13])
def test_bands_are_adapted(plain, n_bands):
    network, stored = FCN32s(n_bands, 2, width=1, normalisation="none"), read_weights(plain)
    network.load_weights(plain)
    kernel = stored["features.0.weight"]
    assert torch.equal(network.features[0].weight, adapt_bands(kernel, n_bands))
    assert torch.equal(network.features[2].weight, stored["features.2.weight"])


def test_bands_by_hand():
    kernel = torch.tensor([1.0, 2, 3]).view(1, 3, 1, 1)
    assert adapt_bands(kernel, 1).ravel().tolist() == [6]
    assert adapt_bands(kernel, 3) is kernel
    assert adapt_bands(kernel, 4).ravel().tolist() == [0.75, 1.5, 2.25, 0.75]
    assert adapt_bands(kernel, 2).ravel().tolist() == [1.5, 3]


def test_the_first_parameter_that_differs_is_named_and_nothing_is_changed(plain, normalised, tmp_path):
    wide = FCN32s(3, 2, width=2, normalisation="none")
    before = wide.features[0].weight.clone()
    with pytest.raises(
        InputError, match=r"features.0.weight has the shape \(1, 3, 3, 3\), the network's \(2, 3, 3, 3\)"
    ):
        wide.load_weights(plain)
    assert torch.equal(wide.features[0].weight, before)
    with pytest.raises(InputError, match=r"has batch normalisation \(features.1.weight\), the network has none"):
        FCN32s(3, 2, width=1, normalisation="none").load_weights(normalised)
    state = torchvision_vgg16(1)
    del state["features.28.bias"]
    torch.save(state, tmp_path / "cut.pth")
    with pytest.raises(InputError, match=r"cut.pth is of another architecture: it has no features.28.bias"):
        FCN32s(3, 2, width=1, normalisation="none").load_weights(tmp_path / "cut.pth")
    state = torchvision_vgg16(1) | {"features.31.weight": torch.zeros(8, 8, 3, 3)}
    torch.save(state, tmp_path / "deep.pth")
    with pytest.raises(InputError, match=r"the network has no features\.31\.weight"):
        FCN32s(3, 2, width=1, normalisation="none").load_weights(tmp_path / "deep.pth")


def test_a_state_dict_may_be_wrapped(tmp_path):
    layer = nn.Linear(2, 3)
    wrapped = {"epoch": 3, "state_dict": {f"module.{k}": v for k, v in layer.state_dict().items()}}
    torch.save(wrapped, tmp_path / "checkpoint.pt")
    stored = read_weights(tmp_path / "checkpoint.pt")
    other = nn.Linear(2, 3)
    load_weights(other, stored, {"weight": "weight", "bias": "bias"}, source="checkpoint.pt")
    assert torch.equal(other.weight, layer.weight)


class Evil:
    def __reduce__(self):
        return (print, ("run",))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut", b"no weights at all"])
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_damaged_files(tmp_path, content, suffix):
    path = tmp_path / f"damaged{suffix}"
    path.write_bytes(content)
    with pytest.raises(InputError, match="damaged"):
        read_weights(path)


def test_no_code_is_run(tmp_path, capsys):
    path = tmp_path / "evil.pth"
    for write in (lambda: torch.save({"a": Evil()}, path), lambda: path.write_bytes(pickle.dumps(Evil()))):
        write()
        with pytest.raises(InputError, match="runs no code from weight files"):
            read_weights(path)
    assert capsys.readouterr().out == ""


def test_what_is_no_state_dict(tmp_path):
    torch.save([torch.zeros(2)], tmp_path / "list.pth")
    with pytest.raises(InputError, match="must hold tensors by name"):
        read_weights(tmp_path / "list.pth")


def test_a_missing_file_is_answered_by_where_to_get_it(tmp_path):
    with pytest.raises(InputError, match=f"no weights at .*; torchvision's: vgg16 at {PUBLISHED['vgg16']};"):
        read_weights(tmp_path / "vgg16-397923af.pth")
    with pytest.raises(InputError, match=f"resnet50 at {PUBLISHED['resnet50']}"):
        read_weights(tmp_path / "mine.pth")


def test_a_name_downloads_and_being_offline_is_answered_by_the_address(monkeypatch):
    asked = []

    def load(url, **settings):
        asked.append((url, settings["weights_only"], settings["check_hash"]))
        return torchvision_vgg16(1)

    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", load)
    network = FCN32s(3, 2, width=1, normalisation="none")
    network.load_weights("vgg16")
    assert asked == [(PUBLISHED["vgg16"], True, True)]

    def offline(url, **settings):
        raise urllib.error.URLError("Name or service not known")

    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", offline)
    with pytest.raises(InputError, match=f"vgg16_bn cannot be downloaded .*; get {PUBLISHED['vgg16_bn']}"):
        read_weights("vgg16_bn")


def test_published_addresses():
    """torchvision's own: the hash of the file stands in its name."""
    assert set(PUBLISHED) == {"vgg16", "vgg16_bn", "resnet50", "resnet101"}
    for name, url in PUBLISHED.items():
        assert torch.hub.HASH_REGEX.search(url.rsplit("/", 1)[1]).group(1)
        assert url.rsplit("/", 1)[1].startswith(f"{name}-")
