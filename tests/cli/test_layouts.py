"""Layouts and void through the command line: said in one line, chosen by --layout, refused in one line."""

import json

import numpy as np
import pytest
from PIL import Image

from densa import Legend, datasets, raster

QUICK = ["--model", "pixel-forest", "--trees", 2, "--samples", 200, "--features", "bands"]


@pytest.fixture
def write(tmp_path):
    def save(name, content):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, tuple):
            content = np.random.default_rng(len(name)).integers(1, 255, (*content, 3))
        Image.fromarray(np.asarray(content).astype(np.uint8)).save(path)
        return path

    return save


@pytest.fixture
def cityscapes(write, tmp_path):
    for split, city in (("train", "aachen"), ("train", "ulm"), ("val", "lindau")):
        stem = f"{city}_000000_000019"
        write(f"leftImg8bit/{split}/{city}/{stem}_leftImg8bit.png", (16, 24))
        mask = np.random.default_rng(3).choice([0, 7, 8, 11], (16, 24))
        write(f"gtFine/{split}/{city}/{stem}_gtFine_labelIds.png", mask)
    return tmp_path


def test_a_layout_is_read_by_every_verb_that_opens_data(run_cli, cityscapes, tmp_path):
    """Also where classes of its table do not occur."""
    said = "layout cityscapes: images in leftImg8bit/, labels in gtFine/*_gtFine_labelIds.png"
    code, out, err = run_cli("train", cityscapes, "-o", tmp_path / "run", *QUICK, "--json")
    assert code == 0, err
    assert said in err
    assert said in json.loads(out)["taken"][0]
    assert "16 of 19 classes have no labelled pixel in the training images" in err
    code, out, err = run_cli("evaluate", tmp_path / "run", cityscapes, "--json")
    assert code == 0, err
    found = json.loads(out)
    assert said in err
    assert said in found["measured_on"]["taken"][0]
    assert len(found["classes"]) == 19
    code, out, err = run_cli("train", cityscapes, "-o", tmp_path / "all", "--classes", "all", "--dry-run", "--json")
    assert code == 0, err
    plan = json.loads(out)
    assert (len(plan["classes"]), plan["layout"]) == (30, "cityscapes")
    assert any(said in note for note in plan["notes"])


def test_two_layouts_are_refused_until_one_is_named(run_cli, cityscapes, write, tmp_path):
    for name in ("images/a.png", "images/b.png"):
        write(name, (16, 24))
        write(name.replace("images", "masks"), np.eye(16, 24))
    code, _, err = run_cli("train", tmp_path, "-o", tmp_path / "run", *QUICK)
    assert (code, err.count("\n")) == (2, 1)
    assert "holds several layouts: cityscapes (" in err
    assert "and pairs (" in err
    assert "--layout cityscapes" in err
    code, _, err = run_cli("train", tmp_path, "-o", tmp_path / "run", *QUICK, "--layout", "pairs")
    assert code == 0, err
    assert "layout pairs: images in images/, masks in masks/" in err
    assert "layout: pairs" in (tmp_path / "run" / "config.yaml").read_text()
    code, _, err = run_cli("evaluate", tmp_path / "run", tmp_path, "--layout", "Pairs")
    assert code == 0, err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--layout", "citscapes"], "--layout must be one of"),
        (["--layout", "isprs"], "has not the layout isprs"),
        (["--classes", "some"], "--classes must be 'train' or 'all', got 'some'"),
        (["--ignore", "#12"], "--ignore must be a value, a colour such as #RRGGBB"),
        (["--ignore", "river"], "--ignore must be a value, a colour or one of the classes"),
        (["--ignore", "1,2"], "--ignore must be a value, a colour such as #RRGGBB"),
    ],
)
def test_mistakes_are_one_line(run_cli, cityscapes, tmp_path, options, said):
    code, _, err = run_cli("train", cityscapes, "-o", tmp_path / "run", *QUICK, *options)
    assert (code, err.count("\n")) == (2, 1), err
    assert said in err


def test_what_is_ignored_and_what_is_a_class_is_shown(run_cli, write, tmp_path):
    rng = np.random.default_rng(0)
    for name in ("a", "b", "c", "d"):
        write(f"images/{name}.png", (16, 24))
        colors = np.array([(0, 0, 0), (9, 200, 30), (200, 9, 30)])
        write(f"masks/{name}.png", colors[rng.integers(0, 3, (16, 24))])
    code, _, err = run_cli("train", tmp_path, "-o", tmp_path / "run", *QUICK, "--dry-run", "--json")
    code, out, err = run_cli("train", tmp_path, "-o", tmp_path / "run", *QUICK)
    assert code == 0, err
    assert "densa: classes inferred from 4 masks, with their share of the pixels" in err
    assert "#000000" in err
    assert "where it means not labelled: --ignore '#000000'" in err
    ignore = ["--ignore", "0,0,0", "--ignore", "#123456"]
    code, out, err = run_cli("train", tmp_path, "-o", tmp_path / "run", "--overwrite", *QUICK, *ignore)
    assert code == 0, err
    assert "not labelled (#000000, #123456)" in err
    code, out, err = run_cli("evaluate", tmp_path / "run", tmp_path, "--json")  # the model knows what it ignores
    assert code == 0, err
    assert [row["name"] for row in json.loads(out)["classes"]] == ["#09C81E", "#C8091E"]
    assert json.loads(out)["share_without_label"] > 0.2


def test_masks_that_number_objects(run_cli, write, tmp_path):
    for k in range(4):
        mask = np.zeros((20, 30), np.uint8)
        for number in range(1, 8 + k):
            row, column = divmod(number - 1, 6)
            mask[1 + 5 * row : 4 + 5 * row, 1 + 5 * column : 4 + 5 * column] = number
        write(f"images/{k}.png", np.repeat(40 + 150 * (mask > 0)[..., None], 3, axis=2))
        write(f"masks/{k}.png", mask)
    code, _, err = run_cli("train", tmp_path, "-o", tmp_path / "run", *QUICK)
    assert (code, err.count("\n")) == (2, 1), err
    assert "object numbers, not classes: --instances" in err
    code, _, err = run_cli("train", tmp_path, "-o", tmp_path / "run", *QUICK, "--instances")
    assert code == 0, err
    code, out, err = run_cli("evaluate", tmp_path / "run", tmp_path, "--json")  # as the run read them
    assert code == 0, err
    assert [row["name"] for row in json.loads(out)["classes"]] == ["background", "object"]
    assert json.loads(out)["mean_iou"] > 0.9


def test_compare_takes_a_set_of_classes(run_cli, cityscapes, tmp_path):
    options = ["--models", "pixel-forest", "--accuracy-only", "--classes", "all", "--pictures", 0]
    code, _, err = run_cli("compare", cityscapes, *options, "-o", tmp_path / "report", "--dry-run", "--json")
    assert code == 0, err
    code, _, err = run_cli("compare", "--cost-only", "--models", "unet", "--classes", "all")
    assert code == 2
    assert "--classes must be a number, got all" in err


def test_plain_names_of_the_library(cityscapes):
    assert datasets.open(cityscapes, layout="Cityscapes", classes="all")["train"].legend.n_classes == 30


def test_channels_in_several_files_are_trained_on_and_predicted(run_cli, write, tmp_path):
    rng = np.random.default_rng(0)
    data = tmp_path / "data"
    for folder, case in (("imagesTr", "a"), ("imagesTr", "b"), ("imagesTs", "c")):
        mask = rng.integers(0, 2, (16, 24))
        for k in range(2):
            write(f"data/{folder}/{case}_{k:04}.tif", 60 + 100 * mask if k else rng.integers(0, 99, (16, 24)))
        if folder == "imagesTr":
            write(f"data/labelsTr/{case}.tif", mask)
    content = {"channel_names": {"0": "red", "1": "nir"}, "labels": {"no": 0, "yes": 1}, "file_ending": ".tif"}
    (data / "dataset.json").write_text(json.dumps(content))
    code, _, err = run_cli("train", data, "-o", tmp_path / "run", *QUICK, "--val-fraction", 0)
    assert code == 0, err
    assert "layout nnunet: images in imagesTr/ of the channels red, nir" in err
    code, _, err = run_cli("predict", tmp_path / "run", data / "imagesTs", "-o", tmp_path / "maps")
    assert code == 0, err
    assert "1 image read from files of the bands (red, nir)" in err
    assert [path.name for path in (tmp_path / "maps").iterdir()] == ["c.png"]
    code, out, err = run_cli("evaluate", tmp_path / "run", data, "--json")
    assert code == 0, err
    assert json.loads(out)["mean_iou"] > 0.9


def test_more_classes_than_label_maps_hold(run_cli, write, tmp_path):
    for name in ("a", "b"):
        write(f"images/{name}.png", (20, 20))
        (tmp_path / "masks").mkdir(exist_ok=True)
        Image.fromarray(np.arange(400, dtype=np.uint16).reshape(20, 20) % 300).save(tmp_path / "masks" / f"{name}.png")
    code, _, err = run_cli("train", tmp_path, "-o", tmp_path / "run", *QUICK)
    assert (code, err.count("\n")) == (2, 1)
    assert "299 values up to 299, a legend has at most 254 classes" in err
    (tmp_path / "classes.txt").write_text("\n".join(f"class {i}" for i in range(300)))
    code, _, err = run_cli("train", tmp_path, "-o", tmp_path / "run", *QUICK)
    assert (code, err.count("\n")) == (2, 1)
    assert "must have 1 to 254 classes, got 300: label maps are of 8 bits" in err


def test_values_of_a_folder_of_masks_are_ignored(run_cli, write, tmp_path):
    legend = Legend(("sky", "road", "tree"))
    truth = np.resize([0, 1, 2, 7], (12, 16))
    for name in ("a", "b"):
        write(f"truth/{name}.png", truth)
        (tmp_path / "maps").mkdir(exist_ok=True)
        labels = np.resize([0, 1, 2, 1], (12, 16)).astype(np.uint8)
        raster.write_label_map(tmp_path / "maps" / f"{name}.png", labels, legend)
    code, out, err = run_cli("evaluate", tmp_path / "maps", tmp_path / "truth", "--ignore", 7, "--json")
    assert code == 0, err
    found = json.loads(out)
    assert ([row["name"] for row in found["classes"]], found["mean_iou"]) == (["sky", "road", "tree"], 1.0)
    assert found["share_without_label"] == 0.25
    code, _, err = run_cli("evaluate", tmp_path / "maps", tmp_path / "truth", "--instances")
    assert (code, err.count("\n")) == (2, 1)
    assert "is a folder of masks; --instances has no effect" in err
