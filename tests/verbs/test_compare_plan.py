"""Runs that cannot be compared, and what is compared on which images."""

import shutil

import pytest

from densa import datasets
from densa.errors import InputError
from densa.training import TrainConfig
from densa.verbs.compare_plan import entries_of, plan

QUICK = {"model": "pixel-forest", "trees": 2, "samples": 200}


@pytest.fixture
def forest(loose, tmp_path):
    from densa.training import train_from_config

    return train_from_config(TrainConfig.of(data=loose, **QUICK), tmp_path / "forest", progress=False).folder


def test_a_run_that_held_out_other_images_is_refused(loose, forest):
    """Wherever the data lies now."""
    entries = entries_of(f"pixel-boosting,{forest}")
    moved = loose.rename(loose.with_name("moved"))
    for seed in range(1, 4):
        with pytest.raises(InputError, match=r"held out other images: it was trained on . of the 2 images"):
            plan(entries, "val", {"data": moved, "split_seed": seed}, None)
    assert len(plan(entries, "val", {"data": moved}, None).chosen) == 2


def test_trained_models_alone_are_compared_on_what_none_was_trained_on(loose, forest):
    entries = entries_of(str(forest))
    for seed in range(3):
        found = plan(entries, None, {"data": loose, "split_seed": seed}, None)
        assert (found.split, found.measured_on.images, found.measured_on.of) == ("val", 2, 12)


def test_a_split_by_block_is_refused(squares, tmp_path):
    """Its training pixels lie in the very images of the comparison."""
    config = TrainConfig.of(data=squares, split_block=100, model="unet")
    run = tmp_path / "run"
    run.mkdir()
    (run / "config.yaml").write_text(config.to_yaml())
    by_block = r"config.yaml splits the images themselves into blocks \(split_block 100\); evaluate each run by itself"
    for models in ("unet", "pixel-forest"):
        entries = entries_of(models)
        with pytest.raises(InputError, match=by_block):
            plan(entries, None, {"data": squares}, run / "config.yaml")


def test_a_copy_of_the_data_is_the_data(squares, trained, tmp_path):
    elsewhere = tmp_path / "copy"
    shutil.copytree(squares, elsewhere)
    found = plan(entries_of(str(trained)), None, {"data": elsewhere}, None)
    assert isinstance(found.chosen, datasets.Dataset)
    assert found.split == "val"
    assert found.measured_on.trained_on is False


def test_a_shallow_method_takes_its_own_options(loose, forest):
    """By name, beside a network that has none of them, and from a config.yaml."""
    entries = entries_of("unet,pixel-forest,pixel-boosting")
    configs = plan(entries, None, {"data": loose, "trees": 3, "boosting_rate": 0.25}, None).configs
    assert (configs["pixel-forest"].trees, configs["pixel-boosting"].boosting_rate) == (3, 0.25)
    assert configs["unet"] == plan(entries, None, {"data": loose}, None).configs["unet"]
    entries, stored = entries_of("pixel-forest"), forest / "config.yaml"
    found = plan(entries, None, {"data": loose, "trees": 3}, stored).configs["pixel-forest"]
    assert (found.trees, found.samples) == (3, QUICK["samples"])
