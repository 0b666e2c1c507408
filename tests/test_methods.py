"""The table of methods is complete, and what it describes can be made."""

import pytest

from densa.errors import InputError
from densa.methods import METHODS, describe, describe_run, ensemble, load
from densa.networks import NETWORKS


def test_every_network_is_in_the_table():
    assert {name for name, method in METHODS.items() if method.kind == "network"} == set(NETWORKS)
    assert METHODS["ensemble"].kind == "ensemble"


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_a_network_can_be_described(name):
    content = describe(name, 3, 5, width=4)
    assert content["parameters"] > 0
    assert content["halo"] % content["stride"] == 0
    assert content["receptive_field"] > 1


def test_description_follows_the_arguments():
    narrow, wide = (describe("unet", 1, 2, width=width)["parameters"] for width in (16, 64))
    assert wide == 31_030_658
    assert 15 < wide / narrow < 16.1


def test_a_model_that_is_not_there_is_said(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        load(tmp_path / "none")
    (tmp_path / "model.pth").write_bytes(b"\x80\x04")
    with pytest.raises(InputError, match="is a file"):
        load(tmp_path / "model.pth")


def test_an_ensemble_is_described_by_its_members(tmp_path):
    from densa.legend import Legend
    from densa.networks import build
    from densa.segmenter import Architecture, BandContract, save_model

    for name in ("unet", "segnet"):
        network = build(name, 3, 2, width=2)
        save_model(tmp_path / name, network, Architecture(name, {"width": 2}), Legend(("a", "b")), BandContract(3))
    ensemble([tmp_path / "unet", tmp_path / "segnet"], tmp_path / "both", weights=(1, 3))
    said, unet, segnet = (describe_run(tmp_path / name) for name in ("both", "unet", "segnet"))
    loaded = load(tmp_path / "both")
    assert (said["halo"], said["stride"]) == (loaded.halo, loaded.stride) == (224, 32)
    assert said["parameters"] == unet["parameters"] + segnet["parameters"]
    assert said["members"]["member-1"] == {"network": "segnet", "weight": 3}
    assert said["input"] == unet["input"]
    assert said["classes"] == ["a", "b"]


def test_what_is_no_network_has_no_size():
    for name in ("slic", "ensemble"):
        with pytest.raises(InputError, match=f"must be a network, got {name}"):
            describe(name, 3, 2)
