import json
import os
import pickle
import stat

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from densa.errors import InputError
from densa.legend import Legend
from densa.networks import build
from densa.segmenter import Architecture, BandContract, NetworkSegmenter, load_network_segmenter, read_model, save_model

LEGEND = Legend(("cell", "wall"), ((255, 0, 0), (0, 0, 255)))
BANDS = BandContract(4, names=("r", "g", "b", "nir"), mean=(90, 91, 92, 1000), std=(30, 31, 32, 400), dtype="uint16")


def save(folder, name="unet", **arguments):
    torch.manual_seed(1)
    arguments = {"width": 2, **arguments}
    network = build(name, 4, 2, **arguments)
    save_model(folder, network, Architecture(name, arguments), LEGEND, BANDS, training={"epochs": 3, "loss": 0.5})
    return network


@pytest.fixture
def folder(tmp_path):
    save(tmp_path / "model")
    return tmp_path / "model"


def edit(folder, **changes):
    path = folder / "model.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.mark.parametrize("name", ["unet", "unet-valid", "segnet"])
def test_round_trip(tmp_path, name, rng):
    network = save(tmp_path / "model", name)
    image = rng.integers(0, 2000, (4, 50, 70)).astype(np.uint16)
    expected = NetworkSegmenter(network, LEGEND, BANDS, device="cpu", precision="float32").probabilities(image)
    state = torch.get_rng_state()
    loaded = load_network_segmenter(tmp_path / "model", build, device="cpu", precision="float32")
    assert torch.equal(state, torch.get_rng_state())
    np.testing.assert_array_equal(loaded.probabilities(image), expected)
    assert (loaded.legend, loaded.bands) == (LEGEND, BANDS)
    assert load_network_segmenter(tmp_path / "model", build, precision="bfloat16").dtype == torch.bfloat16


def test_the_description(folder):
    model = read_model(folder)
    assert model.architecture == Architecture("unet", {"width": 2})
    assert (model.legend, model.bands, model.halo, model.stride) == (LEGEND, BANDS, 112, 16)
    assert model.receptive_field["size"] == 204
    assert model.training == {"epochs": 3, "loss": 0.5}
    assert sorted(os.listdir(folder)) == ["model.json", "model.safetensors"]
    modes = {stat.S_IMODE((folder / name).stat().st_mode) for name in os.listdir(folder)}
    assert len(modes) == 1


def test_saving_again_replaces_the_model_and_nothing_else(folder):
    (folder / "config.yaml").write_text("seed: 0")
    save(folder, "segnet")
    assert read_model(folder).architecture.name == "segnet"
    load_network_segmenter(folder, build)
    assert sorted(os.listdir(folder)) == ["config.yaml", "model.json", "model.safetensors"]


def test_a_failed_save_leaves_the_old_model(folder, monkeypatch):
    def fail(tensors, path):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device", str(path))

    before = (folder / "model.safetensors").read_bytes()
    monkeypatch.setattr("densa.segmenter.model_folder.save_file", fail)
    with pytest.raises(InputError, match="No space left"):
        save(folder)
    assert (folder / "model.safetensors").read_bytes() == before
    assert sorted(os.listdir(folder)) == ["model.json", "model.safetensors"]


def test_a_training_record_must_be_json(tmp_path):
    network = build("unet", 4, 2, width=1)
    for record in ({"loss": float("nan")}, {"when": object()}):
        with pytest.raises(InputError, match="plain JSON"):
            save_model(tmp_path / "m", network, Architecture("unet", {"width": 1}), LEGEND, BANDS, training=record)


def test_not_a_model_folder(tmp_path, folder):
    with pytest.raises(InputError, match="does not exist"):
        load_network_segmenter(tmp_path / "none", build)
    torch.save({}, tmp_path / "model.pth")
    with pytest.raises(InputError, match="is a file; densa never loads pickled weights"):
        load_network_segmenter(tmp_path / "model.pth", build)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"it has no model\.json"):
        load_network_segmenter(tmp_path / "empty", build)
    (folder / "model.safetensors").unlink()
    with pytest.raises(InputError, match=r"it has no model\.safetensors"):
        load_network_segmenter(folder, build)


class Bomb:
    def __reduce__(self):
        return (os._exit, (3,))


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_a_pickle_is_never_opened(folder, protocol):
    (folder / "model.safetensors").write_bytes(pickle.dumps(Bomb(), protocol))
    with pytest.raises(InputError, match="pickle under another name"):
        load_network_segmenter(folder, build)


def test_weights_of_torch_save(folder):
    torch.save(build("unet", 4, 2, width=2).state_dict(), folder / "model.safetensors")
    with pytest.raises(InputError, match="pickle under another name"):
        load_network_segmenter(folder, build)


@pytest.mark.parametrize(
    "damage", [lambda b: b"", lambda b: b[:100], lambda b: b[:-1], lambda b: b + b"x", lambda b: b"\xff" * 99]
)
def test_a_damaged_weights_file(folder, damage):
    path = folder / "model.safetensors"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(InputError, match="not a whole safetensors file"):
        load_network_segmenter(folder, build)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"architecture": {"name": "unet", "arguments": {"width": 4}}},
            r"down\.0\.0\.weight has the shape \(2, 4, 3, 3\)",
        ),
        (
            {"architecture": {"name": "segnet", "arguments": {"width": 2}}},
            "not of the network segnet: encoder.* is missing",
        ),
        ({"architecture": {"name": "unet", "arguments": {"width": 2, "normalisation": "none"}}}, "bias is missing"),
        ({"architecture": {"name": "unte", "arguments": {}}}, "did you mean unet"),
        ({"architecture": {"name": "unet", "arguments": {"deep": 2}}}, "no argument 'deep'"),
        ({"architecture": {"name": "unet", "arguments": {"width": 10**9}}}, "has the shape|cannot be built"),
        ({"architecture": {"name": "unet", "arguments": {"width": "wide"}}}, "width must be a whole number"),
        ({"legend": {"classes": [{"name": "a"}]}}, r"head\.weight has the shape|must be"),
        ({"legend": {"klasses": []}}, 'no list "classes"'),
        ({"format": "onnx"}, "format: Input should be 'densa-network'"),
        ({"version": 2}, "version"),
        ({"comment": "hello"}, "comment: Extra inputs"),
        ({"bands": {"n_bands": 3}}, r"bands\.names"),
        ({"stride": 0}, "stride"),
    ],
)
def test_a_description_of_something_else(folder, change, message):
    edit(folder, **change)
    with pytest.raises(InputError, match=message):
        load_network_segmenter(folder, build)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"classes": []}', "\x00\x01"])
def test_foreign_json(folder, text):
    (folder / "model.json").write_text(text)
    with pytest.raises(InputError, match=r"model\.json is not the description of a densa model"):
        load_network_segmenter(folder, build)
    with pytest.raises(InputError):
        read_model(folder)


def test_weights_that_were_changed(folder):
    path = folder / "model.safetensors"
    tensors = load_file(path)
    save_file({**tensors, "head.bias": tensors["head.bias"] + torch.tensor([3.0, 0])}, path)
    with pytest.raises(InputError, match="test block gives probabilities that differ"):
        load_network_segmenter(folder, build)
    save_file({**tensors, "head.bias": tensors["head.bias"] * float("nan")}, path)
    with pytest.raises(InputError, match="test block"):
        load_network_segmenter(folder, build)
    save_file({**tensors, "more": torch.zeros(1)}, path)
    with pytest.raises(InputError, match="no parameter more"):
        load_network_segmenter(folder, build)
    save_file({**tensors, "head.bias": tensors["head.bias"].double()}, path)
    with pytest.raises(InputError, match=r"head\.bias has the type F64"):
        load_network_segmenter(folder, build)
