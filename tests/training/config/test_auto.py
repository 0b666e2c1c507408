import dataclasses

import pytest

from densa.training import Augmentation, Fingerprint, Machine, TrainConfig, auto_settings

STREETS = Fingerprint(
    n_images=367, height=360, width=480, n_bands=3, dtype="uint8", is_placed=False, class_shares=(0.7, 0.29, 0.01),
    labelled=0.96, by_rows=0.39, by_columns=0.04, object_px=143.0, numbers_objects=False,
)  # fmt: skip
CELLS = dataclasses.replace(
    STREETS, n_images=16, height=512, width=512, n_bands=1, class_shares=(0.6, 0.4), by_rows=0.01, by_columns=0.01
)
LAPTOP = Machine(n_processors=2, memory=8 * 2**30, has_gpu=False, has_weights=True)


def settings(data=STREETS, machine=LAPTOP, **given):
    return auto_settings(data, machine, given)[0]


def test_photographs_keep_their_shape_and_their_sky():
    found = settings(minutes=8)
    assert (found["encoder"], found["weights"], found["patch_size"]) == ("efficientnet-lite0", "imagenet", (288, 384))
    assert (found["flip_rows"], found["quarter_turns"], found["class_weights"]) == (False, False, "tempered")


def test_images_without_an_up_are_turned_in_square_patches():
    found = settings(CELLS)
    height = found["patch_size"]
    assert isinstance(height, int)
    assert height % 32 == 0
    assert found["quarter_turns"]
    assert "class_weights" not in found


def test_without_the_weights_the_network_begins_with_random_ones():
    found = settings(machine=dataclasses.replace(LAPTOP, has_weights=False))
    assert (found["weights"], found["encoder_rate"]) == ("none", 1.0)


@pytest.mark.parametrize(("n_bands", "encoded"), [(1, False), (3, True), (4, True), (13, False)])
def test_other_bands_are_not_photographs(n_bands, encoded):
    found = settings(dataclasses.replace(STREETS, n_bands=n_bands))
    assert ("encoder" in found) == encoded
    assert found["batch_size"] == (4 if encoded else 8)


def test_what_is_given_stays_and_is_not_explained():
    given = {"patch_size": 64, "class_weights": "none", "batch_size": 3, "encoder": "vgg16", "minutes": 8}
    found, reasons = auto_settings(STREETS, LAPTOP, given)
    assert not found.keys() & given.keys()
    assert "weights" not in found  # those of another encoder are its own matter
    assert not any("patch_size" in what or "batch_size" in what for what, _ in reasons)


def test_another_network_keeps_its_own_encoder():
    found = settings(model="segnet")
    assert not found.keys() & {"model", "encoder", "weights", "width"}
    assert found["flip_rows"] is False


@pytest.mark.parametrize("minutes", [0.1, 1, 3, 60])
def test_short_runs_have_smaller_steps(minutes):
    def pixels(minutes):
        found = settings(minutes=minutes)
        return found["batch_size"] * found["patch_size"][0] * found["patch_size"][1]

    assert pixels(minutes) <= pixels(100) == 4 * 288 * 384
    assert pixels(0.1) < pixels(1) < pixels(60)


def test_little_memory_and_gpus_change_the_batch():
    assert settings(machine=dataclasses.replace(LAPTOP, memory=2 * 2**30))["batch_size"] == 2
    assert settings(machine=dataclasses.replace(LAPTOP, has_gpu=True))["batch_size"] == 8


def test_every_setting_is_an_option_and_has_a_reason():
    found, reasons = auto_settings(STREETS, LAPTOP, {})
    config = TrainConfig.of(data="x", recipe="auto", **found)
    assert all(getattr(config, name) == value for name, value in found.items())
    assert config.part(Augmentation).scale == 0.5
    explained = ", ".join(what for what, _ in reasons)
    assert all(f"{name} " in explained for name in found)
    assert all(why for _, why in reasons)


def test_small_images_bound_the_patch():
    assert settings(dataclasses.replace(CELLS, height=100, width=70))["patch_size"] == 64
    assert settings(dataclasses.replace(CELLS, height=5, width=5))["patch_size"] == 32


def test_drawn_sizes_and_oblong_patches_are_left_alone():
    assert "patch_size" not in settings(CELLS, context="uniform:32-64")
    found = settings(CELLS, patch_size=(64, 96))
    assert found["flip_rows"]
    assert not found.keys() & {"quarter_turns", "rotation"}  # only squares can be turned
