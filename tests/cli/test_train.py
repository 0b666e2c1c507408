"""`densa train`: recipes, first weights, stages, and what it says to a mistake."""

import json
import pickle
import urllib.error

import numpy as np
import pytest
import torch
import yaml

from densa import raster
from densa.legend import Legend

QUICK = ["--steps", 1, "--patch-size", 32, "--batch-size", 2, "--precision", "float32", "--device", "cpu"]


def test_fcn_in_three_stages(run_cli, squares, tmp_path):
    previous = []
    for name in ("fcn32s", "fcn16s", "fcn8s"):
        folder = tmp_path / name
        code, _, err = run_cli("train", squares, "-o", folder, "--model", name, *previous, "--width", 1, *QUICK)
        assert code == 0, err
        if previous:
            assert f"first weights: {previous[1].name} of {previous[1]}; new: score_pool" in err
            record = json.loads((folder / "model.json").read_text())["training"]
            assert record["initial_weights"] == str(previous[1])
        previous = ["--weights", folder]


def test_deconvnet_in_two_stages(run_cli, squares, tmp_path):
    options = ["--model", "deconvnet", "--recipe", "paper", "--width", 1, "--model-argument", "dense_width=4"]
    fast = ["--steps", 1, "--batch-size", 2, "--accumulation", 1, "--device", "cpu", "--precision", "float32"]
    code, _, err = run_cli("train", squares, "-o", tmp_path / "1", *options, *fast)
    assert code == 0, err
    assert "the paper starts from VGG-16's ImageNet weights" in err
    second = ["--sampling", "objects", "--weights", tmp_path / "1"]
    code, _, err = run_cli("train", squares, "-o", tmp_path / "2", *options, *second, *fast)
    assert code == 0, err
    configs = [yaml.safe_load((tmp_path / name / "config.yaml").read_text()) for name in "12"]
    assert [config["sampling"] for config in configs] == ["single-objects", "objects"]
    assert [config["milestones"] for config in configs] == [[0.45, 0.9], [0.25, 0.5, 0.75]]
    assert configs[1]["model_arguments"] == {"dense_width": 4}


def test_a_recipe_is_resolved_in_config_yaml_and_a_rerun_repeats_it(run_cli, squares, tmp_path):
    options = ["--model", "deeplab-largefov", "--recipe", "paper", "--width", 2, "--learning-rate", 0.01]
    code, _, err = run_cli("train", squares, "-o", tmp_path / "a", *options, *QUICK, "--steps", 2)
    assert code == 0, err
    config = yaml.safe_load((tmp_path / "a" / "config.yaml").read_text())
    chosen = ("recipe", "optimizer", "learning_rate", "classifier_rate", "bias_rate", "weight_decay", "width")
    assert [config[name] for name in chosen] == ["paper", "sgd", 0.01, 10.0, 2.0, 0.0005, 2]
    assert config["model_arguments"] == {"normalisation": "none"}
    code, _, err = run_cli("train", "--config", tmp_path / "a" / "config.yaml", "-o", tmp_path / "b")
    assert code == 0, err
    first, second = ((tmp_path / name / "model.safetensors").read_bytes() for name in "ab")
    assert first == second


@pytest.mark.parametrize("sampling", ["balanced", "single-objects", "objects"])
def test_other_patches_train_and_resume(run_cli, squares, tmp_path, sampling):
    options = ["--model", "patch-cnn", "--width", 2, "--sampling", sampling, *QUICK, "--patch-size", "3x5"]
    code, _, err = run_cli("train", squares, "-o", tmp_path / "run", *options, "--steps", 2)
    assert code == 0, err
    code, _, err = run_cli("train", "--resume", "-o", tmp_path / "run")
    assert code == 0, err


def test_dry_run_shows_the_recipe(run_cli, squares, tmp_path):
    options = ["--model", "deconvnet", "--recipe", "paper", "--patch-size", 100, "--width", 2]
    code, out, err = run_cli("train", squares, "-o", tmp_path / "run", *options, "--dry-run", "--json")
    assert code == 0, err
    plan = json.loads(out)
    assert plan["input_size"] == [193, 193]  # the smallest that the network takes
    assert (plan["patches_per_step"], plan["steps"], plan["sampling"]) == (64, 20_000, "single-objects")
    assert "Noh" in plan["recipe_source"]
    assert any("ImageNet" in note for note in plan["notes"])
    assert run_cli("train", squares, "-o", tmp_path / "run", *options, "--dry-run")[0] == 0


def test_help_is_in_groups(run_cli):
    code, out, _ = run_cli("train", "--help")
    assert code == 0
    headings = [line for line in out.splitlines() if line.endswith(":") and not line.startswith(" ")]
    assert headings == [
        "Arguments:", "Data:", "Model:", "Features:", "Superpixels:", "Samples:", "Trees:", "Run:", "Validation:",
        "Patches:", "Optimiser:", "Loss:", "Augmentation:", "Computation:", "Log:", "This call:", "Options:",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--model", "unnet"], "unknown network 'unnet'; did you mean unet"),
        (["--recipe", "papers"], "unknown recipe 'papers'; did you mean paper?"),
        (["--patch-size", "0"], "--patch-size must be a side in pixels, at least 1, or height and width"),
        (["--patch-size", "9x8x7"], "--patch-size must be a side"),
        (["--milestones", "0.5,2"], "milestones must be shares of the run"),
        (["--model-argument", "dropout"], "--model-argument must be NAME=VALUE"),
        (["--model-argument", "depth=3"], "network unet has no argument 'depth'; it has width"),
        (["--model-argument", "dropout=[1"], "--model-argument must be NAME=VALUE with a number"),
        (["--model-argument", "dropout=much"], "network unet cannot be built of {'width': 16, 'dropout': 'much'}"),
        (["--sampling", "some"], "sampling must be 'random', 'balanced'"),
        (["--loss-scale", "max"], "--loss-scale must be 'mean', 'image' or 'sum'"),
        (["--bias-rate", "0"], "--bias-rate must be greater than 0"),
        (["--weights", "imagenet"], "there are no published weights for unet"),
        (
            ["--model", "fcn8s", "--weights", "nothing.pth"],
            "there are no weights at nothing.pth; torchvision's: vgg16 ",
        ),
        (
            ["--model", "segnet", "--weights", "vgg16-397923af.pth"],
            "vgg16 at https://download.pytorch.org/models/vgg16",
        ),
        (["--sampling", "objects", "--border-background", "7"], "the background must be a class, from 0 to 1, got 7"),
    ],
)
def test_mistakes_are_one_line(refused, options, said):
    assert said in refused(*options)


def test_imagenet_offline_says_where_the_file_is(refused, monkeypatch):
    def offline(*arguments, **named):
        raise urllib.error.URLError("Name or service not known")

    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", offline)
    said = refused("--model", "fcn8s", "--width", 1, "--weights", "imagenet")
    assert "https://download.pytorch.org/models/vgg16_bn-6c64b313.pth" in said
    assert "give the file (vgg16_bn-6c64b313.pth) in place of the name" in said


def test_weights_of_another_architecture(refused, trained, tmp_path):
    assert "they have no encoder.0.0.weight" in refused("--model", "segnet", "--weights", trained)
    said = refused("--weights", trained, "--width", 3)
    assert "down.0.0.weight has the shape (2, 1, 3, 3) there and (3, 1, 3, 3) here" in said
    torch.save({"conv1.weight": torch.zeros(1)}, tmp_path / "other.pth")
    assert "it has no features." in refused("--model", "fcn8s", "--weights", tmp_path / "other.pth")
    # The weights' own width is taken where none is asked for; torchvision's is 64.
    torch.save({"conv1.weight": torch.zeros(2, 3, 7, 7)}, tmp_path / "narrow.pth")
    said = refused("--model", "deeplabv3", "--width", 4, "--weights", tmp_path / "narrow.pth")
    assert "conv1.weight has the shape (2, 1, 7, 7), the network's (4, 1, 7, 7)" in said or "it has no" in said


def test_weights_with_code_are_not_run(refused, tmp_path):
    class Evil:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    (tmp_path / "evil.pth").write_bytes(pickle.dumps({"a": Evil()}))
    said = refused("--model", "fcn8s", "--width", 1, "--weights", tmp_path / "evil.pth")
    assert "runs no code" in said
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("n_classes", [1, 2])
def test_one_class_has_nothing_to_be_told_from(run_cli, tmp_path, n_classes):
    (tmp_path / "images").mkdir()
    (tmp_path / "masks").mkdir()
    legend = Legend(("ground", "road")[:n_classes])
    for k in range(2):
        raster.write_bands(tmp_path / "images" / f"{k}.tif", np.full((1, 16, 16), 9 * k, np.uint8))
        raster.write_label_map(tmp_path / "masks" / f"{k}.png", np.zeros((16, 16), np.uint8), legend)
    code, _, err = run_cli("train", tmp_path, "-o", tmp_path / "run", "--width", 1, *QUICK, "--patch-size", 16)
    assert code == 2
    said = "there is one class, 'ground'" if n_classes == 1 else "pixels of 1 training image are of the class ground"
    assert said in err
    assert err.count("\n") == 1
    # Objects are what is not background.
    options = ["--width", 1, *QUICK, "--sampling", "objects"]
    code, _, err = run_cli("train", tmp_path, "-o", tmp_path / "run2", *options)
    assert code == 2
    assert "no object to crop" in err or "one class" in err or "are of the class" in err


def test_sizes_are_padded_to_what_the_network_takes(run_cli, squares, tmp_path):
    """48 x 64 images, patches of 20: below and between the sizes that the networks take."""
    for name, arguments in (("unet", []), ("unet-valid", []), ("deeplab-largefov", []), ("dilated-context", [])):
        folder = tmp_path / name
        code, _, err = run_cli(
            "train", squares, "-o", folder, "--model", name, *arguments, "--width", 1, *QUICK, "--patch-size", "20x21"
        )
        assert code == 0, err
        assert "mean_iou" in (folder / "metrics.csv").read_text()


def test_strokes_train_a_network(run_cli, squares, tmp_path):
    """Only labelled pixels count, the classes are those of the file, and strokes are held out to validate."""
    images = sorted((squares / "train" / "images").iterdir())[:2]
    drawn = tmp_path / "strokes"
    drawn.mkdir()
    for image in images:
        mask = raster.read_mask(squares / "train" / "masks" / f"{image.stem}.png")
        strokes = [
            {"class": ("ground", "square")[k], "width": 1, "points": [[int(x), int(y)]]}
            for k in (0, 1)
            for y, x in np.argwhere(mask == k)[:: 20 + 200 * (1 - k)]
        ]
        content = {"classes": [{"name": "ground"}, {"name": "square"}], "strokes": strokes}
        (drawn / f"{image.stem}.json").write_text(json.dumps(content))
    folder = squares / "train" / "images"
    code, out, err = run_cli(
        "train", folder, "--strokes", drawn, "--model", "unet", "--width", 2, *QUICK, "-o", tmp_path / "run"
    )
    assert code == 0, err
    assert "images have no strokes and are left out" in err
    assert "strokes (ground " in err
    assert "validation mean IoU" in out
    config = yaml.safe_load((tmp_path / "run" / "config.yaml").read_text())
    assert config["sampling"] == "labelled"
    assert json.loads((tmp_path / "run" / "model.json").read_text())["legend"]["classes"][1]["name"] == "square"
    one = [images[0], "--strokes", drawn / f"{images[0].stem}.json", "--val-fraction", 0]
    code, out, err = run_cli("train", *one, "--dry-run", "--json", "-o", tmp_path / "no")
    assert code == 0, err
    assert json.loads(out)["images"] == {"train": 1}
    code, _, err = run_cli("train", *one, "--width", 2, *QUICK, "--line-width", 3, "-o", tmp_path / "two")
    assert code == 0, err


def test_strokes_have_options_of_their_own(refused, squares, tmp_path):
    (tmp_path / "s.json").write_text("{}")
    assert "--masks has no effect with strokes" in refused("--strokes", tmp_path / "s.json", "--masks", "masks")


def test_without_a_model_the_settings_are_chosen_and_explained(run_cli, squares, tmp_path):
    """The config.yaml holds what was chosen, so that it repeats the run on a machine where other things are chosen."""
    fast = ["--steps", 1, "--batch-size", 2, "--precision", "float32", "--device", "cpu"]
    code, out, err = run_cli("train", squares, "-o", tmp_path / "plan", "--dry-run", "--json", *fast)
    assert code == 0, err
    plan = json.loads(out)
    assert (plan["recipe"], plan["model"], plan["patches_per_step"]) == ("auto", "unet", 2)
    assert any(note.startswith("auto: model unet: one band is not a photograph's") for note in plan["notes"])
    code, _, err = run_cli("train", squares, "-o", tmp_path / "run", *fast)
    assert code == 0, err
    assert "densa: auto: flip_rows on" in err
    config = yaml.safe_load((tmp_path / "run" / "config.yaml").read_text())
    assert (config["recipe"], config["quarter_turns"], config["patch_size"]) == ("auto", True, 64)
    code, _, err = run_cli("train", "--config", tmp_path / "run" / "config.yaml", "-o", tmp_path / "again", *fast)
    assert code == 0, err
    assert "auto:" not in err
    assert yaml.safe_load((tmp_path / "again" / "config.yaml").read_text()) == config


def test_a_model_or_a_width_of_ones_own_has_the_default_recipe(run_cli, squares, tmp_path):
    for options in (["--model", "segnet"], ["--width", 2], ["--recipe", "default"]):
        code, out, err = run_cli("train", squares, "-o", tmp_path / "plan", "--dry-run", "--json", *options)
        assert code == 0, err
        assert json.loads(out)["recipe"] == "default"
    code, out, err = run_cli(
        "train", squares, "-o", tmp_path / "plan", "--dry-run", "--json", "--model", "segnet", "--recipe", "auto"
    )
    assert code == 0, err
    plan = json.loads(out)
    assert (plan["recipe"], plan["model"]) == ("auto", "segnet")
    assert any("flip_rows" in note for note in plan["notes"])


@pytest.fixture
def stroked(squares, tmp_path):
    """An image, and the same strokes in pixels as GeoJSON and as JSON of densa."""
    image = sorted((squares / "train" / "images").iterdir())[0]
    mask = raster.read_mask(squares / "train" / "masks" / f"{image.stem}.png")
    features, strokes = [], []
    for k, name in enumerate(("ground", "square")):
        for y, x in np.argwhere(mask == k)[:: 20 + 200 * (1 - k)].tolist():
            strokes.append({"class": name, "width": 1, "points": [[x, y]]})
            point = {"type": "Point", "coordinates": [x + 0.5, y + 0.5]}
            features.append({"type": "Feature", "geometry": point, "properties": {"class": name, "width": 1}})
    (tmp_path / "s.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    content = {"classes": [{"name": "ground"}, {"name": "square"}], "strokes": strokes}
    (tmp_path / "s.json").write_text(json.dumps(content))
    return image, tmp_path / "s.geojson", tmp_path / "s.json", mask


@pytest.mark.parametrize("option", ["--labels", "--strokes"])
@pytest.mark.parametrize("kind", [1, 2])
def test_labels_and_strokes_are_one_thing(run_cli, stroked, tmp_path, option, kind):
    """Features of a layer and strokes in JSON mean the same, under either option: the forests are equal."""
    image = stroked[0]
    quick = ["--model", "pixel-forest", "--trees", 3, "--samples", 200, "--scales", "1", "--val-fraction", 0.25]
    code, out, err = run_cli("train", image, option, stroked[kind], *quick, "-o", tmp_path / "run")
    assert code == 0, err
    n_ground, n_square = (int(np.ceil((stroked[3] == k).sum() / (20 + 200 * (1 - k)))) for k in (0, 1))
    held = round(0.25 * n_ground), round(0.25 * n_square)
    assert f"(ground {held[0]} of {n_ground}, square {held[1]} of {n_square}) are held out" in err
    assert "validation mean IoU" in out
    code, out, err = run_cli(
        "evaluate", tmp_path / "run", image, "--labels", stroked[kind], "--json", "-o", tmp_path / "r"
    )
    assert code == 0, err
    assert json.loads(out)["mean_iou"] > 0.5


def test_features_hold_some_out_for_a_network(run_cli, stroked, tmp_path):
    call = ["train", stroked[0], "--labels", stroked[1]]
    code, _, err = run_cli(*call, "--model", "unet", "--width", 2, *QUICK, "-o", tmp_path / "run")
    assert code == 0, err
    assert "strokes (ground " in err
    split = json.loads((tmp_path / "run" / "split.json").read_text())
    assert len(split["train"]) == 1
    assert len(split["val"]) >= 1
    code, _, err = run_cli(
        "train",
        stroked[0],
        "--labels",
        stroked[1],
        "--background",
        "ground",
        "--dry-run",
        "--json",
        "-o",
        tmp_path / "no",
    )
    assert code == 0, err
    assert "are held out" not in err  # every pixel has a class: nothing is partial


def test_one_option_of_labels_is_given(run_cli, stroked, tmp_path):
    image, features, strokes, _ = stroked
    for options, said in (
        (["--labels", features, "--strokes", strokes], "strokes and labels are one thing"),
        (["--strokes", strokes, "--class-field", "class"], "--class-field has no effect on strokes"),
        (["--strokes", strokes, "--line-width", "6m"], "of strokes is in pixels, got 6m"),
    ):
        code, _, err = run_cli("train", image, *options, "--model", "unet", "-o", tmp_path / "no")
        assert (code, err.count("\n")) == (2, 1), err
        assert said in err
