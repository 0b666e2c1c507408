import json

import pytest

from densa.errors import InputError
from densa.training import TrainConfig, train_from_config
from densa.training.from_config import plan_from_config


def _config(folder, **changes):
    values = {"data": folder, "width": 1, "steps": 1, "patch_size": 16, "batch_size": 2, "device": "cpu"}
    return TrainConfig.of(**values | changes)


def test_run_and_its_config(tmp_path, scenes_folder):
    config = _config(scenes_folder)
    result = train_from_config(config, tmp_path, progress=False)
    assert result.steps == 1
    assert TrainConfig.from_yaml(tmp_path / "config.yaml") == config
    architecture = json.loads((tmp_path / "model.json").read_text())["architecture"]
    assert architecture == {"name": "unet", "arguments": {"width": 1}}


def test_one_value_per_channel_has_no_statistics(tmp_path, scenes_folder):
    with pytest.raises(InputError, match="larger patch_size or batch_size"):
        train_from_config(_config(scenes_folder, batch_size=1), tmp_path, progress=False)


def test_plan(scenes_folder):
    plan = plan_from_config(_config(scenes_folder, batch_size=3, accumulation=2))
    assert plan["images"] == {"train": 4, "val": 2}
    assert (plan["bands"], plan["classes"], plan["patches_per_step"]) == (3, ["ground", "square"], 6)


def test_no_training_images(tmp_path):
    with pytest.raises(InputError):
        train_from_config(_config(tmp_path), tmp_path / "run", progress=False)


def test_what_borders_take_for_objects_is_said(tmp_path, scenes_folder, capsys):
    config = _config(scenes_folder, border_weight=10.0)
    train_from_config(config, tmp_path, progress=True)
    said = capsys.readouterr().err
    assert "densa: border weights are of the label masks' connected components" in said
    assert "objects that touch get no border" in said
    assert not any("border" in note for note in plan_from_config(_config(scenes_folder))["notes"])
