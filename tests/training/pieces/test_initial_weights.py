import urllib.error

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from densa import raster
from densa.errors import InputError
from densa.legend import Legend
from densa.networks import NETWORKS, build
from densa.networks.encoders.vgg import vgg16_classifier, vgg16_features
from densa.networks.weights import adapt_bands
from densa.segmenter import Architecture, BandContract, save_model
from densa.training import TrainConfig, load_initial_weights, train_from_config
from densa.training.pieces.initial_weights import class_parameters


def _bands(n):
    return BandContract(n_bands=n, names=tuple(map(str, range(n))), mean=(0.0,) * n, std=(1.0,) * n, dtype="uint8")


def _save(folder, name, *, n_bands=3, n_classes=3, seed=0, **arguments):
    """A model folder of a network whose every tensor is away from its first value."""
    torch.manual_seed(seed)
    network = build(name, n_bands, n_classes, **arguments)
    for tensor in network.state_dict().values():
        if tensor.is_floating_point():
            tensor.add_(torch.rand_like(tensor) * 0.1)
    legend = Legend(tuple(map(str, range(n_classes))))
    save_model(folder, network, Architecture(name, arguments), legend, _bands(n_bands))
    return network.eval()


def _fresh(name, n_bands=3, n_classes=3, **arguments):
    torch.manual_seed(9)
    return build(name, n_bands, n_classes, **arguments), Architecture(name, arguments)


def _torchvision(path, *, normalised, width=1):
    torch.manual_seed(2)
    features = vgg16_features(3, width=width, normalisation="batch" if normalised else "none")
    classifier = vgg16_classifier(8 * width, 64 * width)
    state = {f"features.{k}": v for k, v in features.state_dict().items()}
    state |= {f"classifier.{k}": v.flatten(1) if v.dim() == 4 else v for k, v in classifier.state_dict().items()}
    torch.save(state, path)
    return state


@pytest.mark.parametrize(
    ("coarse", "fine", "stride", "crop", "middle"),
    [("fcn32s", "fcn16s", 32, 19, 0.25), ("fcn16s", "fcn8s", 16, 27, 0.25), ("fcn32s", "fcn8s", 32, 19, 0.125)],
)
def test_a_finer_network_begins_with_the_coarser_ones_scores(tmp_path, coarse, fine, stride, crop, middle):
    """The new scores are zero: what is left is the enlargement by steps, which cuts the corners at the cells' centres.

    Between two centres, linear interpolation twice over is linear interpolation, `middle` to each side of the half.
    """
    trained = _save(tmp_path, coarse, width=1)
    network, architecture = _fresh(fine, width=1)
    said = load_initial_weights(network, architecture, tmp_path, n_bands=3, n_classes=3)
    assert f"{coarse} of {tmp_path}; new: " in said
    new = [layer for layer in ("score_pool4", "score_pool3") if not hasattr(trained, layer) and hasattr(network, layer)]
    assert new
    assert all(f"{layer}.weight" in said for layer in new)
    assert not any(p.any() for layer in new for p in getattr(network, layer).parameters())
    with torch.no_grad():
        x = torch.randn(1, 3, 96, 128)
        expected, got = trained(x), network.eval()(x)
    places = [(torch.arange(n) + crop - (stride - 0.5)) / stride for n in (96, 128)]
    inner = [(place % 1 - 0.5).abs() <= middle for place in places]
    assert all(its.sum() > n * middle for its, n in zip(inner, (96, 128), strict=True))
    tolerance = 1e-6 * float(expected.abs().max())
    at = (slice(None), slice(None), inner[0][:, None] & inner[1])
    torch.testing.assert_close(got[at], expected[at], rtol=0, atol=tolerance)
    assert (got.argmax(1) == expected.argmax(1)).float().mean() > 0.9


def test_a_stage_goes_on_from_the_same_classes(tmp_path):
    _save(tmp_path, "fcn32s", width=1, n_classes=4)
    network, architecture = _fresh("fcn16s", width=1)
    with pytest.raises(InputError, match="3 bands and 4 classes, these data have 3 and 3"):
        load_initial_weights(network, architecture, tmp_path, n_bands=3, n_classes=3)


def test_a_front_end_goes_on_to_its_context(tmp_path):
    trained = _save(tmp_path, "dilated-context", width=1, context="none")
    network, architecture = _fresh("dilated-context", width=1)
    said = load_initial_weights(network, architecture, tmp_path, n_bands=3, n_classes=3)
    assert "context.1.weight" in said
    assert torch.equal(network.score.weight, trained.score.weight)


@pytest.mark.parametrize("name", ["unet", "segnet", "deeplabv3"])
def test_a_warm_start_takes_all_but_the_classifier(tmp_path, name):
    arguments = {"width": 2} | ({"backbone": "resnet50"} if name == "deeplabv3" else {})
    trained = _save(tmp_path, name, **arguments).state_dict()
    same, architecture = _fresh(name, **arguments)
    assert load_initial_weights(same, architecture, tmp_path, n_bands=3, n_classes=3).endswith(str(tmp_path))
    assert all(torch.equal(value, trained[key]) for key, value in same.state_dict().items())
    other, _ = _fresh(name, n_classes=5, **arguments)
    before = {key: value.clone() for key, value in other.state_dict().items()}
    said = load_initial_weights(other, architecture, tmp_path / "model.safetensors", n_bands=3, n_classes=5)
    fresh = class_parameters(architecture, 3, 5)
    assert len(fresh) == 2
    assert f"3 classes then, 5 now: fresh {', '.join(sorted(fresh))}" in said
    for key, value in other.state_dict().items():
        assert torch.equal(value, before[key] if key in fresh else trained[key]), key


@pytest.mark.parametrize("n_bands", [1, 4, 13])
def test_a_warm_start_on_other_bands_adapts_the_first_kernel(tmp_path, n_bands):
    trained = _save(tmp_path, "unet", width=2)
    network, architecture = _fresh("unet", n_bands=n_bands, width=2)
    said = load_initial_weights(network, architecture, tmp_path, n_bands=n_bands, n_classes=3)
    assert f"3 bands then, {n_bands} now: adapted down.0.0.weight" in said
    kernel = network.down[0][0].weight
    assert torch.equal(kernel, adapt_bands(trained.down[0][0].weight, n_bands))
    assert torch.equal(network.head.weight, trained.head.weight)
    assert kernel.shape[1] == n_bands


def test_another_architecture_names_the_first_parameter(tmp_path):
    _save(tmp_path, "unet", width=2)
    for name, arguments, said in (
        ("segnet", {"width": 2}, "have no encoder.0.0.weight"),
        ("unet", {"width": 4}, r"down.0.0.weight has the shape \(2, 3, 3, 3\) there and \(4, 3, 3, 3\) here"),
        ("unet", {"width": 2, "normalisation": "none"}, "have no down.0.0.bias"),
    ):
        network, architecture = _fresh(name, **arguments)
        before = {key: value.clone() for key, value in network.state_dict().items()}
        with pytest.raises(InputError, match=f"another architecture: .*{said}"):
            load_initial_weights(network, architecture, tmp_path, n_bands=3, n_classes=3)
        assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())


@pytest.mark.parametrize("normalised", [False, True])
@pytest.mark.parametrize("name", ["fcn8s", "deconvnet", "deeplab-largefov", "segnet", "bayesian-segnet"])
def test_torchvisions_vgg16_from_a_file(tmp_path, name, normalised):
    stored = _torchvision(tmp_path / "vgg.pth", normalised=normalised)
    network, architecture = _fresh(name, n_bands=4, width=1)
    said = load_initial_weights(network, architecture, str(tmp_path / "vgg.pth"), n_bands=4, n_classes=3)
    assert "vgg.pth" in said
    own = network.state_dict()
    kernels = [value for key, value in stored.items() if key.startswith("features") and value.dim() == 4]
    part = "encoder." if "segnet" in name else "features."
    loaded = [value for key, value in own.items() if key.startswith(part) and value.dim() == 4]
    assert all(torch.equal(a, b) for a, b in zip(loaded[1:], kernels[1:], strict=True))
    torch.testing.assert_close(loaded[0][:, 3], kernels[0][:, 0] * 0.75)
    if normalised:
        means = [value for key, value in stored.items() if key.endswith("running_mean")]
        its = [value for key, value in own.items() if key.startswith(part) and key.endswith("running_mean")]
        assert all(torch.equal(a, b) for a, b in zip(its, means, strict=True))


def test_a_file_of_another_architecture(tmp_path):
    save_file({"conv1.weight": torch.zeros(64, 3, 7, 7)}, tmp_path / "resnet50.safetensors")
    for name in ("fcn8s", "segnet", "unet"):
        network, architecture = _fresh(name, width=1)
        with pytest.raises(InputError, match=r"is of another architecture: it has no \w+\.0"):
            load_initial_weights(network, architecture, tmp_path / "resnet50.safetensors", n_bands=3, n_classes=3)


def test_imagenet_is_downloaded_by_the_encoders_name(tmp_path, monkeypatch):
    asked = []

    def offline(url, **arguments):
        assert arguments["weights_only"]
        assert arguments["check_hash"]
        asked.append(url.rsplit("/", 1)[1].split("-")[0])
        raise urllib.error.URLError("no network")

    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", offline)
    monkeypatch.chdir(tmp_path)
    cases = [("fcn8s", {}), ("fcn8s", {"normalisation": "none"}), ("segnet", {}), ("deeplabv3", {}),
             ("deeplabv2-aspp", {"backbone": "resnet50"})]  # fmt: skip
    for name, arguments in cases:
        network, architecture = _fresh(name, width=1, **arguments)
        with pytest.raises(InputError, match=r"cannot be downloaded .*https://download.pytorch.org.* give the file"):
            load_initial_weights(network, architecture, "imagenet", n_bands=3, n_classes=3)
    assert asked == ["vgg16_bn", "vgg16", "vgg16_bn", "resnet101", "resnet50"]


def test_networks_without_published_weights_say_so():
    network, architecture = _fresh("unet", width=1)
    with pytest.raises(InputError, match=r"no published weights for unet; .*fcn8s"):
        load_initial_weights(network, architecture, "imagenet", n_bands=3, n_classes=3)


def test_the_width_is_that_of_the_weights(tmp_path):
    _save(tmp_path, "fcn32s", width=3, dropout=0.25)
    for model in ("fcn32s", "fcn16s"):
        config = TrainConfig.of(data="x", model=model, weights=str(tmp_path))
        assert config.architecture.arguments == {"width": 3, "dropout": 0.25}
    assert TrainConfig.of(data="x", model="fcn8s", weights="imagenet").width == 64
    assert TrainConfig.of(data="x", model="fcn8s", weights="imagenet", width=5).width == 5
    assert TrainConfig.of(data="x", model="fcn8s", weights=str(tmp_path / "none"), recipe="paper").width == 64


@pytest.mark.parametrize("name", NETWORKS)
def test_the_classifier_is_found_in_every_network(name):
    found = class_parameters(Architecture(name, {"width": 2}), 3, 4)
    assert found
    with torch.device("meta"):
        sizes = {key: value.shape for key, value in build(name, 3, 4, width=2).state_dict().items()}
    assert all(4 in sizes[key] for key in found)
    assert len(found) < len(sizes) / 2 or name == "dilated-context"


def test_a_run_on_another_data_set_begins_with_the_first_run(tmp_path, scenes_folder, capsys):
    """Fine-tuning through the configuration: two classes, then three, of one band."""
    base = {"width": 2, "steps": 2, "patch_size": 16, "batch_size": 2, "device": "cpu", "precision": "float32"}
    train_from_config(TrainConfig.of(data=scenes_folder, **base), tmp_path / "first", progress=False)
    for folder in ("images", "masks"):
        (tmp_path / "data" / folder).mkdir(parents=True)
    rng = np.random.default_rng(0)
    for k in range(2):
        labels = rng.integers(0, 3, (24, 24)).astype(np.uint8)
        raster.write_bands(tmp_path / "data" / "images" / f"{k}.tif", (labels * 80)[None])
        raster.write_label_map(tmp_path / "data" / "masks" / f"{k}.png", labels, Legend(("a", "b", "c")))
    config = TrainConfig.of(data=tmp_path / "data", weights=str(tmp_path / "first"), **base)
    whole = train_from_config(config, tmp_path / "second")
    assert whole.steps == 2
    said = capsys.readouterr().err
    assert "2 classes then, 3 now: fresh head.bias, head.weight" in said
    assert "3 bands then, 1 now" in said
    again = TrainConfig.from_yaml(tmp_path / "second" / "config.yaml")
    assert again == config
    train_from_config(again, tmp_path / "second", resume=True, progress=False)
    with pytest.raises(InputError, match="began with the weights"):
        train_from_config(
            TrainConfig.from_yaml(tmp_path / "second" / "config.yaml", weights="imagenet"),
            tmp_path / "second", resume=True, progress=False,
        )  # fmt: skip
