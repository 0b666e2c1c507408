import json
import os

import pytest

import densa
from densa import networks, pages, segmenter
from densa.errors import InputError
from densa.legend import Legend

HOSTILE = '<img src="https://elsewhere/x.png"> | [a](b) `c`\n# d'


def model(folder, names=("ground", "roof")):
    network = networks.build("segnet", 3, len(names), width=1)
    architecture = segmenter.Architecture("segnet", {"width": 1})
    segmenter.save_model(folder, network, architecture, Legend(names), segmenter.BandContract(3))
    return folder


def metrics(names=("ground", "roof"), **changes):
    """The part of a metrics.json that a card reads."""
    return {
        "measured_on": {"text": "test: 3 images", "trained_on": False},
        "mean_iou": 0.5,
        "rules": {"void": "ignore", "absent": "skip", "no_class_predicted_pixels": [1] * len(names)},
        "confusion_matrix": [[5000 if i == j else 0 for j in range(len(names))] for i in range(len(names))],
        "classes": [{"name": name, "iou": 0.5, "accuracy": 0.6} for name in names],
        "intervals": {
            "unit": {"text": "12 images", "number": 12},
            "mean_iou": {"bca": [0.4, 0.6], "percentile": [0.3, 0.7]},
            "classes": [{"name": name, "accuracy": {"units": 12}} for name in names],
        },
        **changes,
    }


def section(card, title):
    return next(one for one in card.sections if one.title == title)


def test_a_run_with_an_evaluation(trained, squares, tmp_path):
    densa.evaluate(trained, squares, output=tmp_path / "report", progress=False)
    card = pages.model_card(trained, tmp_path / "report")
    numbers = json.loads((tmp_path / "report" / "metrics.json").read_text(encoding="utf-8"))
    rows = {row[0]: row[1:] for row in section(card, "Scores").rows}
    assert rows["mean IoU"][0] == f"{numbers['mean_iou']:.4f}"
    low, high = numbers["intervals"]["mean_iou"]["bca"]
    assert rows["mean IoU"][1] == f"{low:.4f} to {high:.4f}"
    assert rows["recall of square (" + str(sum(numbers["confusion_matrix"][1])) + " pixels)"]
    data = section(card, "Data and split")
    assert f"data set: {squares}" in data.lines
    assert [row[:3] for row in data.rows] == [("training", "3", "3"), ("validation", "2", "2")]
    assert ("width", "2") in [row[:2] for row in section(card, "Training").rows]
    assert any("parameters" in row for row in section(card, "Cost").rows)
    assert section(card, "Input").lines[0] == "1 band of uint8"
    limits = section(card, "Limits").lines
    assert "trained on 3 images only" in limits
    assert any("independent units only" in line for line in limits)
    assert ("expected calibration error", f"{numbers['calibration']['ece']:.4f}") in section(card, "Calibration").rows


def test_the_digest_is_of_the_images_not_of_their_place(trained, tmp_path):
    import shutil

    before = section(pages.model_card(trained), "Data and split").rows
    moved = shutil.copytree(trained, tmp_path / "moved")
    split = json.loads((moved / "split.json").read_text(encoding="utf-8"))
    for entry in split["train"]:
        entry["image"] = entry["path"] = "/elsewhere/" + entry["name"]
    split["train"].reverse()
    (moved / "split.json").write_text(json.dumps(split), encoding="utf-8")
    assert section(pages.model_card(moved), "Data and split").rows == before
    split["train"][0]["pixels"] = "0" * 64
    (moved / "split.json").write_text(json.dumps(split), encoding="utf-8")
    assert section(pages.model_card(moved), "Data and split").rows != before


def test_what_is_not_known_is_said(tmp_path):
    card = pages.model_card(model(tmp_path / "model"))
    assert section(card, "Scores").rows == ()
    assert section(card, "Scores").lines[0].startswith("not measured")
    assert "nothing is known of the quality of the labels: no evaluation" in section(card, "Limits").lines
    assert "no split.json: which images the model saw is not recorded" in section(card, "Data and split").lines
    assert "no config.yaml: the settings are not recorded" in section(card, "Training").lines


@pytest.mark.parametrize(
    ("changes", "limit"),
    [
        ({"confusion_matrix": [[9000, 0], [0, 0]]}, "roof: measured on 1 pixel only"),
        (
            {
                "confusion_matrix": [[9000, 0], [0, 0]],
                "rules": {"no_class_predicted_pixels": [0, 0]},
            },
            "roof: no labelled pixel in the evaluation, its quality is not known",
        ),
        ({"measured_on": {"trained_on": True}}, "the scores are of images that the model was trained on"),
        ({"measured_on": {}}, "whether the scores are of images that the model was trained on is not known"),
        (
            {
                "intervals": {
                    "unit": {"number": 4},
                    "classes": [{"accuracy": {"units": 20}}, {"accuracy": {"units": 1}}],
                }
            },
            "roof: measured in 1 unit only",
        ),
    ],
)
def test_limits_of_an_evaluation(tmp_path, changes, limit):
    folder = model(tmp_path / "model")
    (folder / "metrics.json").write_text(json.dumps(metrics(**changes)), encoding="utf-8")
    assert limit in section(pages.model_card(folder), "Limits").lines


def test_the_newest_evaluation_of_this_model_is_taken(tmp_path):
    folder = model(tmp_path / "model")
    for k, (name, names) in enumerate(
        {"old": ("ground", "roof"), "new": ("ground", "roof"), "other": ("a", "b")}.items()
    ):
        (folder / name).mkdir()
        path = folder / name / "metrics.json"
        path.write_text(json.dumps(metrics(names, mean_iou=0.1 * (k + 1))), encoding="utf-8")
        os.utime(path, (1000 + k, 1000 + k))
    assert section(pages.model_card(folder), "Scores").rows[0] == ("mean IoU", "0.2000", "0.4000 to 0.6000")
    with pytest.raises(InputError, match="is of the classes a, b, the model has ground, roof"):
        pages.model_card(folder, folder / "other")


def test_hostile_names_stay_text(tmp_path):
    folder = model(tmp_path / "model", (HOSTILE, "roof"))
    (folder / "metrics.json").write_text(json.dumps(metrics((HOSTILE, "roof"))), encoding="utf-8")
    text, page = (
        path.read_text(encoding="utf-8") for path in pages.write_card(pages.model_card(folder), tmp_path / "out")
    )
    for written in (text, page):
        assert "<img" not in written
    assert "[a](b)" not in text
    assert "\n# d" not in text
    row = next(line for line in text.splitlines() if line.startswith("| IoU of"))
    assert row.replace("\\|", "").count("|") == 4


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("split.json", "{", "split.json cannot be read"),
        ("split.json", "[]", "must hold an object of JSON"),
        ("split.json", "[" * 200_000, "split.json cannot be read"),
        ("config.yaml", "a: [", "config.yaml cannot be read"),
        ("config.yaml", "- 1", "must hold `option: value` lines"),
        ("config.yaml", b"\xff\xfe", "config.yaml cannot be read"),
    ],
)
def test_damaged_files_are_named(tmp_path, name, content, message):
    folder = model(tmp_path / "model")
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError, match=message):
        pages.model_card(folder)


def test_a_folder_without_a_model(tmp_path):
    with pytest.raises(InputError, match=r"must be a run or model folder with a model\.json"):
        pages.model_card(tmp_path)
