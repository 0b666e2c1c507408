import pytest

from densa.errors import InputError
from densa.networks import NETWORKS, build
from densa.training import PAPER, TrainConfig, recipe

# Figures of the papers and their released solvers.
FIGURES = {
    "fcn32s": {"optimizer": "sgd", "momentum": 0.99, "batch_size": 1, "learning_rate": 1e-10, "weight_decay": 5e-4,
               "schedule": "constant", "loss_scale": "sum", "bias_rate": 2, "steps": 100_000, "class_weights": "none"},
    "fcn16s": {"learning_rate": 1e-12, "momentum": 0.99, "steps": 100_000, "loss_scale": "sum"},
    "fcn8s": {"learning_rate": 1e-14, "momentum": 0.99, "steps": 100_000, "loss_scale": "sum"},
    "deconvnet": {"learning_rate": 0.01, "batch_size": 8, "accumulation": 8, "patch_size": 224, "momentum": 0.9,
                  "weight_decay": 5e-4, "steps": 20_000, "sampling": "single-objects", "flip_columns": True,
                  "flip_rows": False, "recalibrate": True},
    "segnet": {"learning_rate": 1e-3, "momentum": 0.9, "batch_size": 5, "loss_scale": "mean", "class_weights": "none",
               "patch_size": (360, 480), "weight_decay": 5e-4, "bias_rate": 2, "steps": 40_000,
               "model_arguments": {"dropout": 0.5}},
    "segnet-basic": {"learning_rate": 0.1, "momentum": 0.9, "batch_size": 12, "loss_scale": "mean", "steps": 10_000,
                     "class_weights": "median-frequency"},
    "bayesian-segnet": {"learning_rate": 1e-3, "batch_size": 4, "steps": 60_000},
    "deeplab-largefov": {"learning_rate": 1e-3, "batch_size": 20, "classifier_rate": 10, "bias_rate": 2,
                         "schedule": "step", "step_factor": 0.1, "weight_decay": 5e-4, "patch_size": 321},
    "deeplabv2-aspp": {"learning_rate": 2.5e-4, "batch_size": 10, "schedule": "poly", "poly_power": 0.9,
                       "steps": 20_000, "classifier_rate": 10, "bias_rate": 2, "patch_size": 321},
    "deeplabv3": {"learning_rate": 0.007, "batch_size": 16, "schedule": "poly", "poly_power": 0.9, "steps": 30_000,
                  "patch_size": 513, "scale": 1.0, "flip_columns": True, "classifier_rate": 1},
    "deeplabv3plus": {"learning_rate": 0.007, "batch_size": 16, "schedule": "poly", "steps": 30_000, "patch_size": 513},
    "dilated-context": {"learning_rate": 1e-5, "batch_size": 1, "momentum": 0.9, "patch_size": 480},
    "unet": {"momentum": 0.99, "batch_size": 1, "elastic": 10, "border_weight": 10, "border_sigma": 5},
    "unet-valid": {"momentum": 0.99, "batch_size": 1, "elastic": 10, "border_weight": 10, "patch_size": 388},
    "patch-cnn": {"sampling": "balanced", "patch_size": 1, "width": 48},
    "dilated6": {"learning_rate": 0.01, "weight_decay": 1e-3, "momentum": 0.9, "batch_size": 128, "steps": 150_000,
                 "sampling": "anchors", "anchor_crop": 25, "anchor_stride": 5, "optimizer": "sgd",
                 "model_arguments": {"norm_momentum": 0.001}},
    "dilated6-rate6": {"learning_rate": 0.01, "weight_decay": 1e-3},
    "dense-dilated6": {"learning_rate": 0.01, "weight_decay": 1e-3, "width": 32},
    "dilated6-pooling": {"learning_rate": 0.01, "weight_decay": 1e-3},
    "dilated8-pooling": {"learning_rate": 0.01, "weight_decay": 5e-3, "batch_size": 25, "step_factor": 0.5,
                         "context": "multi-fixed:45,55,65,75,85", "anchor_crop": 50, "anchor_stride": 25},
}  # fmt: skip


def _paper(model, **given):
    return TrainConfig.of(data="x", model=model, recipe="paper", **given)


def test_every_network_has_a_paper_recipe():
    assert set(PAPER) == set(FIGURES) == set(NETWORKS)
    for rows in PAPER.values():
        assert sum(not row.when for row in rows) == 1
        assert all(row.source for row in rows)


@pytest.mark.parametrize("model", FIGURES)
def test_the_papers_figures(model):
    config = _paper(model)
    assert {name: getattr(config, name) for name in FIGURES[model]} == FIGURES[model]
    assert (config.warmup, config.clip_norm) == ((0, 0) if model != "patch-cnn" else (0.03, 5))
    assert config.width == {"patch-cnn": 48, "dense-dilated6": 32}.get(model, 64)
    build(model, 3, 2, **{**config.architecture.arguments, "width": 1})  # its arguments are the network's


def test_stages_are_chosen_by_what_is_given():
    at_once = _paper("fcn8s", model_arguments={"at_once": True})
    assert (at_once.learning_rate, at_once.steps) == (1e-10, 300_000)
    assert at_once.model_arguments == {"normalisation": "none", "at_once": True}
    second = _paper("deconvnet", sampling="objects")
    assert (second.steps, second.milestones) == (40_000, (0.25, 0.5, 0.75))  # divided by 10 every 10 000 steps
    first = _paper("deconvnet")
    assert [round(m * first.steps) for m in first.milestones] == [9000, 18_000]
    front = _paper("dilated-context", model_arguments=["context=none"])
    assert (front.learning_rate, front.batch_size, front.steps) == (1e-3, 14, 60_000)
    largefov = _paper("deeplab-largefov")
    assert [round(m * largefov.steps) for m in largefov.milestones] == [2000, 4000]
    for model in ("dilated6", "dilated8-pooling"):  # stairs every 50 000 steps
        dynamic = _paper(model)
        stairs = [round(m * dynamic.steps) for m in dynamic.milestones]
        assert stairs == list(range(50_000, dynamic.steps, 50_000))


def test_what_is_given_wins():
    config = _paper("segnet", learning_rate=0.5, patch_size="100x120", steps=3)
    assert (config.learning_rate, config.patch_size, config.steps, config.momentum) == (0.5, (100, 120), 3, 0.9)
    batch = _paper("fcn32s", model_arguments={"normalisation": "batch", "dropout": 0.1})
    assert batch.model_arguments == {"normalisation": "batch", "dropout": 0.1}


@pytest.mark.parametrize("model", FIGURES)
def test_config_yaml_has_the_recipe_resolved(tmp_path, model):
    config = _paper(model)
    path = tmp_path / "config.yaml"
    path.write_text(config.to_yaml())
    assert TrainConfig.from_yaml(path) == config
    changed = TrainConfig.from_yaml(path, seed=4)
    assert changed.flat() == {**config.flat(), "seed": 4}
    assert TrainConfig.from_yaml(path, recipe="paper") == config
    with pytest.raises(InputError, match=r"all settings of recipe=paper; leave out recipe=default"):
        TrainConfig.from_yaml(path, recipe="default")


def test_the_default_is_the_configuration_s_own():
    assert TrainConfig.of(data="x", model="segnet") == TrainConfig(data="x", model="segnet")


def test_unknown_names_get_the_nearest():
    with pytest.raises(InputError, match="unknown recipe 'papre'; did you mean paper"):
        recipe("papre", "unet")
    with pytest.raises(InputError, match="unknown network 'fcn8'; did you mean fcn8s"):
        TrainConfig.of(data="x", model="fcn8", recipe="paper")
    with pytest.raises(InputError, match="choose from auto, default, paper"):
        recipe("zzz", "unet")
