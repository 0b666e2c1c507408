"""A score says what it was measured on, and is never of training images without saying so."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from densa import raster
from densa.legend import Legend

LEGEND = Legend(("ground", "house"))
FOREST = ("--model", "pixel-forest", "--trees", 2, "--samples", 300)
UNET = ("--model", "unet", "--width", 1, "--steps", 1, "--patch-size", 16, "--batch-size", 2)


def write(root: Path, names, *, seed=0, size=(20, 24), suffix="tif") -> Path:
    """images/ and masks/ of images that differ."""
    rng = np.random.default_rng(seed)
    for kind in ("images", "masks"):
        (root / kind).mkdir(parents=True, exist_ok=True)
    for name in names:
        labels = np.zeros(size, np.uint8)
        labels[rng.integers(2, 8) :, rng.integers(2, 8) :] = 1
        image = rng.normal(60 + 100 * labels, 12).clip(0, 255).astype(np.uint8)
        Image.fromarray(image).save(root / "images" / f"{name}.{suffix}")
        raster.write_label_map(root / "masks" / f"{name}.png", labels, LEGEND)
    return root


@pytest.fixture
def data(tmp_path):
    return write(tmp_path / "data", [f"scene{i}" for i in range(10)])


@pytest.fixture
def train(run_cli, tmp_path):
    def do(data, name="run", *options, model=FOREST):
        code, _, err = run_cli("train", data, "-o", tmp_path / name, *model, *options)
        assert code == 0, err
        return tmp_path / name

    return do


@pytest.fixture
def measured(run_cli):
    """The entry of `evaluate --json` on what was measured."""

    def do(model, data, *options):
        code, out, err = run_cli("evaluate", model, data, "--json", *options)
        assert code == 0, err
        return json.loads(out)["measured_on"]

    return do


def test_the_run_is_measured_on_what_it_held_out(data, train, measured, run_cli, tmp_path):
    run = train(data)
    found = measured(run, data)
    assert (found["split"], found["images"], found["of"], found["trained_on"]) == ("val", 2, 10, False)
    _, out, _ = run_cli("evaluate", run, data, "-o", tmp_path / "report")
    assert "measured on val: 2 of 10 images; not trained on" in out
    assert "val: 2 of 10 images; not trained on" in (tmp_path / "report" / "report.html").read_text()
    assert json.loads((tmp_path / "report" / "metrics.json").read_text())["measured_on"] == found


@pytest.mark.parametrize("how", ["moved", "renamed", "copied", "rewritten", "linked", "subfolder"])
def test_training_images_are_known_again(data, train, measured, tmp_path, how):
    """In another folder, under other names, in another format, and from a folder of a few of them."""
    run = train(data)
    record = json.loads((run / "split.json").read_text())
    names = {name: {entry["name"] for entry in record[name]} for name in ("train", "val")}
    there = tmp_path / "there"
    if how == "moved":
        data.rename(there)
    elif how == "copied":
        shutil.copytree(data, there)
    else:
        for kind in ("images", "masks"):
            (there / kind).mkdir(parents=True)
        for i, path in enumerate(sorted((data / "images").iterdir())):
            mask, stem = data / "masks" / f"{path.stem}.png", path.stem
            if how == "renamed":
                stem = f"other{9 - i}"
                shutil.copy(path, there / "images" / f"{stem}.tif")
            elif how == "linked":
                (there / "images" / path.name).symlink_to(path)
            elif how == "rewritten":
                Image.open(path).save(there / "images" / f"{stem}.png")
            elif stem in sorted(names["train"])[:2] or stem in names["val"]:
                shutil.copy(path, there / "images" / path.name)
            else:
                continue
            shutil.copy(mask, there / "masks" / f"{stem}.png")
    found = measured(run, there)
    assert (found["split"], found["images"], found["trained_on"]) == ("val", 2, False)
    assert found["of"] == (4 if how == "subfolder" else 10)
    found = measured(run, there, "--split", "train")
    assert found["trained_on"] is True
    assert found["images"] == (2 if how == "subfolder" else 8)


def test_training_images_alone_are_labelled(data, train, run_cli, tmp_path):
    run = train(data)
    record = json.loads((run / "split.json").read_text())
    for entry in record["val"]:
        Path(entry["image"]).unlink()
        Path(entry["mask"]).unlink()
    for options in ((), ("--split", "train")):
        report = tmp_path / f"report{len(options)}"
        code, out, err = run_cli("evaluate", run, data, "-o", report, *options)
        assert code == 0, err
        assert out.startswith("TRAINING IMAGES: mean IoU")
        assert "measured on TRAINING IMAGES: train: 8 images; trained on" in out
        assert "TRAINING IMAGES" in (report / "report.html").read_text()
        assert json.loads((report / "metrics.json").read_text())["measured_on"]["trained_on"] is True
    code, _, err = run_cli("evaluate", run, data, "--split", "val")
    assert code == 2
    assert "no images of the split 'val'" in err


def test_a_held_out_folder_is_measured_as_a_whole(data, train, measured, run_cli, tmp_path):
    run = train(data)
    held = write(tmp_path / "held", [f"scene{i}" for i in range(7)], seed=5)  # the same names
    found = measured(run, held)
    assert (found["split"], found["images"], found["of"], found["trained_on"]) == ("all", 7, 7, False)
    code, _, err = run_cli("evaluate", run, held, "--split", "val")
    assert code == 2
    assert "leave split out" in err or "omit --split" in err or "leave --split out" in err


def test_a_superset_is_measured_on_what_is_new_and_what_was_held_out(data, train, measured):
    run = train(data)
    write(data, ["new1", "new2", "new3"], seed=9)
    found = measured(run, data)
    assert (found["split"], found["images"], found["of"], found["trained_on"]) == ("held out", 5, 13, False)
    assert "8 training images left out" in found["note"]


def test_copies_of_training_images_in_another_test_split_are_left_out(data, train, measured, tmp_path):
    run = train(data)
    other = tmp_path / "other"
    write(other / "test", ["a", "b", "c"], seed=3)
    seen = json.loads((run / "split.json").read_text())["train"][0]
    shutil.copy(seen["image"], other / "test" / "images" / "d.tif")
    shutil.copy(seen["mask"], other / "test" / "masks" / "d.png")
    found = measured(run, other)
    assert (found["split"], found["images"], found["of"]) == ("test", 3, 4)
    assert "1 training image left out" in found["note"]


def test_an_ensemble_was_trained_on_what_any_member_was(data, train, measured, run_cli, tmp_path):
    """Members that held out other images: what is left was seen by none."""
    runs = [train(data, f"run{seed}", "--split-seed", seed) for seed in (0, 1)]
    code, _, err = run_cli("ensemble", *runs, "-o", tmp_path / "both")
    assert code == 0, err
    seen = [{e["name"] for e in json.loads((run / "split.json").read_text())["train"]} for run in runs]
    unseen = 10 - len(seen[0] | seen[1])
    found = measured(tmp_path / "both", data)
    if unseen:
        assert (found["images"], found["trained_on"]) == (unseen, False)
    else:
        assert (found["images"], found["trained_on"]) == (10, True)


def test_a_model_without_a_record_says_what_is_not_known(data, train, measured, tmp_path):
    run = train(data)
    (run / "split.json").unlink()  # as runs of earlier versions: their configuration tells
    assert measured(run, data)["split"] == "val"
    (run / "config.yaml").unlink()
    found = measured(run, data)
    assert found["trained_on"] is None
    assert "not known which images the model was trained on" in found["text"]
    assert found["images"] == 10


def test_a_record_of_an_earlier_version_names_the_files(data, train, measured):
    run = train(data)
    record = json.loads((run / "split.json").read_text())
    for name in ("train", "val"):
        record[name] = [{key: e[key] for key in ("image", "mask", "page", "window")} for e in record[name]]
    (run / "split.json").write_text(json.dumps(record))
    found = measured(run, data)
    assert (found["split"], found["images"], found["trained_on"]) == ("val", 2, False)


def test_blocks_of_one_scene_are_measured_where_they_were_held_out(run_cli, train, measured, tmp_path):
    scene = write(tmp_path / "scene", ["a"], size=(500, 500))
    run = train(scene, "run", "--split-block", 250, model=UNET)
    held = json.loads((run / "split.json").read_text())["val"]
    scene.rename(tmp_path / "moved")
    found = measured(run, tmp_path / "moved")
    assert (found["split"], found["images"], found["trained_on"], found["windows"]) == ("val", len(held), False, True)


def test_first_weights_bring_their_training_images(data, train, measured, tmp_path):
    first = train(data, "first", model=UNET)
    other = write(tmp_path / "other", ["x", "y"], seed=4)
    second = train(other, "second", "--weights", first, "--val-fraction", 0, model=UNET)
    found = measured(second, data)
    assert (found["images"], found["trained_on"]) == (2, False)
    assert measured(second, data, "--split", "train")["images"] == 8


def test_maps_are_measured_on_a_split_that_is_named(data, run_cli, tmp_path):
    """All images of a data set without splits; maps without an image are counted."""
    maps = tmp_path / "maps"
    shutil.copytree(data / "masks", maps)
    shutil.copy(maps / "scene0.png", maps / "spare.png")
    code, out, err = run_cli("evaluate", maps, data, "--json")
    assert code == 0, err
    found = json.loads(out)["measured_on"]
    assert (found["split"], found["images"], found["of"], found["trained_on"]) == ("all", 10, 10, None)
    assert "1 label map without an image" in found["note"]
    code, _, err = run_cli("evaluate", maps, data, "--split", "val")
    assert code == 2
    assert "has no splits" in err
    (maps / "scene3.png").unlink()
    code, _, err = run_cli("evaluate", maps, data)
    assert code == 2
    assert "1 of 10 masks have no prediction" in err


def test_nothing_measured_is_no_score(data, train, run_cli, tmp_path):
    run = train(data)
    empty = tmp_path / "empty"
    shutil.copytree(data, empty)
    for path in (empty / "masks").iterdir():
        raster.write_label_map(path, np.full((20, 24), 255, np.uint8), LEGEND, overwrite=True)
    for model in (run, empty / "masks"):
        code, out, err = run_cli("evaluate", model, empty)
        assert (code, out) == (2, "")
        assert err.count("\n") == 1


def test_compare_says_what_it_measured_on(data, run_cli, tmp_path):
    asked = ("compare", data, "--models", "pixel-forest", "--accuracy-only", "--pictures", 0)
    code, out, err = run_cli(*asked, "-o", tmp_path / "report")
    assert code == 0, err
    assert "accuracy measured on val: 2 of 10 images" in out
    assert "Accuracy measured on val: 2 of 10 images" in (tmp_path / "report" / "comparison.html").read_text()
    code, out, err = run_cli(*asked, "-o", tmp_path / "seen", "--split", "train", "--json")
    assert code == 0, err
    assert json.loads(out)["measured_on"]["trained_on"] is True
    with (tmp_path / "seen" / "comparison.csv").open() as stream:
        assert next(row for row in csv.reader(stream) if row[1] == "pixel-forest")[0] == "measured on training images"


def test_a_kept_run_is_not_compared_on_what_it_was_trained_on(data, run_cli, tmp_path):
    """Images that were removed since change what is held out."""
    asked = ("compare", data, "--models", "pixel-forest", "--accuracy-only", "--pictures", 0, "-o", tmp_path / "report")
    assert run_cli(*asked)[0] == 0
    for entry in json.loads((tmp_path / "report" / "runs" / "pixel-forest" / "split.json").read_text())["val"]:
        Path(entry["image"]).unlink()
        Path(entry["mask"]).unlink()
    code, _, err = run_cli(*asked, "--overwrite")
    assert code == 2
    assert "held out other images" in err


@pytest.mark.parametrize("model", [FOREST, UNET])
def test_copies_among_the_validation_images_are_told_and_not_measured(data, run_cli, measured, tmp_path, model):
    """Of the same picture under two names."""
    for split in ("train", "val"):
        write(tmp_path / "own" / split, [f"{split}{i}" for i in range(3)], seed=len(split))
    for kind, suffix in (("images", "tif"), ("masks", "png")):
        copy = tmp_path / "own" / "val" / kind / f"twin.{suffix}"
        shutil.copy(tmp_path / "own" / "train" / kind / f"train1.{suffix}", copy)
    code, _, err = run_cli("train", tmp_path / "own", "-o", tmp_path / "run", *model)
    assert code == 0, err
    assert "1 validation images are copies of training images" in err
    assert "twin" in err
    asked = ("compare", tmp_path / "own", "--models", "pixel-forest", "--accuracy-only", "--pictures", 0)
    code, out, err = run_cli(*asked, "-o", tmp_path / "report")
    assert code == 0, err
    assert (
        "val: 3 of 7 images; not trained on; the weights were chosen on them; 1 copies of training images left" in out
    )
    found = measured(tmp_path / "run", tmp_path / "own")
    assert (found["split"], found["images"]) == ("val", 3)
    assert "1 training image left out" in found["note"]


def test_a_run_without_a_model_is_not_taken_for_label_maps(data, train, run_cli):
    run = train(data, model=UNET)
    (run / "model.json").unlink()
    code, _, err = run_cli("evaluate", run, data)
    assert code == 2
    assert "is a run without a model" in err
    assert "--resume" in err


def test_pages_of_a_stack_are_images(run_cli, measured, tmp_path):
    """Each is known again as a file of its own."""
    rng = np.random.default_rng(0)
    stacks = tmp_path / "stacks"
    for kind in ("images", "masks"):
        (stacks / kind).mkdir(parents=True)
        (tmp_path / "pages" / kind).mkdir(parents=True)
    for name in "abcde":
        pages = [rng.integers(0, 255, (16, 18)).astype(np.uint8) for _ in range(3)]
        for kind, values in (("images", pages), ("masks", [page // 128 for page in pages])):
            first, *others = map(Image.fromarray, values)
            first.save(stacks / kind / f"{name}.tif", save_all=True, append_images=others)
            for i, page in enumerate(values):
                Image.fromarray(page).save(tmp_path / "pages" / kind / f"{name}{i}.png")
    code, _, err = run_cli("train", stacks, "-o", tmp_path / "run", *FOREST)
    assert code == 0, err
    for data in (stacks, tmp_path / "pages"):
        found = measured(tmp_path / "run", data)
        assert (found["split"], found["images"], found["of"]) == ("val", 3, 15)
