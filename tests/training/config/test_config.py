import inspect

import pytest
import yaml

from densa.errors import InputError
from densa.options import options_of
from densa.shallow.settings import ShallowSettings
from densa.training import Augmentation, TrainConfig, Training, train


def test_yaml_round_trip_is_complete(tmp_path):
    config = TrainConfig.of(data="scenes", steps=5, model_arguments={"dropout": 0.5}, rotation=7, val_fraction=0.1)
    path = tmp_path / "config.yaml"
    path.write_text(config.to_yaml())
    assert TrainConfig.from_yaml(path) == config
    assert set(yaml.safe_load(path.read_text())) == set(options_of(TrainConfig)) - set(options_of(ShallowSettings))
    assert TrainConfig.from_yaml(path, steps=9).steps == 9


def test_every_option_of_training_is_a_keyword_of_train():
    keywords = inspect.signature(train).parameters
    assert set(options_of(Training)) <= set(keywords)
    assert all(keywords[name].default == one.default for name, one in options_of(Training).items())


def test_parts_of_a_configuration():
    config = TrainConfig.of(data="x", rotation=33, width=5, model="segnet")
    assert config.part(Augmentation).rotation == 33
    assert config.architecture.name == "segnet"
    assert config.architecture.arguments == {"width": 5}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"stepz": 3}, "there is no option stepz"),
        ({"steps": 0}, "steps must be greater than or equal to 1, got 0"),
        ({"schedule": "linear"}, "schedule must be 'cosine'"),
        ({"optimizer": "adam"}, "optimizer"),
        ({"learning_rate": -1}, "learning_rate"),
        ({"val_fraction": 1.0}, "val_fraction"),
        ({"momentum": 1.0}, "momentum"),
        ({"gain": 1.5}, "gain"),
        ({"model_arguments": {"width": 3}}, "width is an option of its own"),
        ({"patch_size": "wide"}, "patch_size"),
    ],
)
def test_refusals_name_the_option(values, said):
    with pytest.raises(InputError) as caught:
        TrainConfig.of(data="x", **values)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_bad_files(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        TrainConfig.from_yaml(tmp_path / "none.yaml")
    (tmp_path / "list.yaml").write_text("- 1\n")
    with pytest.raises(InputError, match="option: value"):
        TrainConfig.from_yaml(tmp_path / "list.yaml")
    (tmp_path / "empty.yaml").write_text("steps: 3\n")
    with pytest.raises(InputError, match="data is missing"):
        TrainConfig.from_yaml(tmp_path / "empty.yaml")
