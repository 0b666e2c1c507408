"""Runs that cannot be compared."""

import shutil
from dataclasses import replace
from functools import partial

import pytest

from densa import datasets
from densa.errors import InputError
from densa.training import TrainConfig
from densa.verbs import compare as compare_methods


def test_a_run_that_held_out_other_images_is_refused(squares, trained):
    entries = compare_methods.entries_of(str(trained))
    given = {"data": squares, "split_seed": 4}
    with pytest.raises(InputError, match="held out other images"):
        compare_methods.plan(entries, "val", given, None)
    assert isinstance(compare_methods.plan(entries, "val", {"data": squares}, None).chosen, datasets.Dataset)


def test_a_split_by_block_is_refused(squares, tmp_path):
    """Its training pixels lie in the very images of the comparison."""
    config = TrainConfig.of(data=squares, split_block=100, model="unet")
    run = tmp_path / "run"
    run.mkdir()
    (run / "config.yaml").write_text(config.to_yaml())
    by_block = r"config.yaml splits the images themselves into blocks \(split_block 100\); evaluate each run by itself"
    for models in ("unet", "pixel-forest"):
        entries = compare_methods.entries_of(models)
        with pytest.raises(InputError, match=by_block):
            compare_methods.plan(entries, None, {"data": squares}, run / "config.yaml")


def test_a_run_on_blocks_is_refused(squares, trained, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(trained, run)
    config = TrainConfig.from_yaml(run / "config.yaml")
    plan = partial(compare_methods.plan, compare_methods.entries_of(str(run)), None, train_config=None)
    (run / "config.yaml").write_text(replace(config, split_block=100).to_yaml())
    with pytest.raises(InputError, match="densa evaluate"):
        plan(given={"data": squares})
    elsewhere = tmp_path / "copy"
    shutil.copytree(squares, elsewhere)
    assert plan(given={"data": elsewhere}).split == "val"  # other data, of which the run saw nothing
