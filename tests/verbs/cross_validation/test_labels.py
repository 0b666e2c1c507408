"""`densa doctor DATA --model RUN --folds K`: corrupted labels are found out of sample."""

import csv
import json

import numpy as np
import pytest

import densa
from densa import Legend, raster
from densa.errors import InputError
from densa.verbs.doctor import doctor

LEGEND = Legend(("ground", "roof"))


@pytest.fixture(scope="module")
def corrupted(tmp_path_factory):
    """Twelve images whose brightness is their class; two have labels that are wrong in a part."""
    folder = tmp_path_factory.mktemp("corrupted") / "data"
    rng = np.random.default_rng(0)
    for kind in ("images", "masks"):
        (folder / kind).mkdir(parents=True)
    for k in range(12):
        labels = np.zeros((32, 40), np.uint8)
        row, column = rng.integers(2, 14), rng.integers(2, 20)
        labels[row : row + 14, column : column + 16] = 1
        image = (60 + 120 * labels + rng.normal(0, 10, labels.shape)).clip(1, 254).astype(np.uint8)
        if k in (4, 9):
            labels[24:, 5 + k : 22 + k] = 1 - labels[24:, 5 + k : 22 + k]
        raster.write_bands(folder / "images" / f"image{k}.tif", image[None])
        raster.write_label_map(folder / "masks" / f"image{k}.png", labels, LEGEND)
    run = folder.parent / "run"
    densa.train(folder, model="pixel-forest", trees=3, samples=300, output=run, progress=False)
    return folder, run


def test_out_of_fold(corrupted, run_cli, tmp_path):
    folder, run = corrupted
    report = tmp_path / "report"
    code, out, _ = run_cli("doctor", folder, "--model", run, "--folds", "3", "-o", report, "--json")
    assert code == 0, out
    content = json.loads(out)["labels"]
    assert {one["name"] for one in content["images"][:2]} == {"image4", "image9"}
    assert {one["seen"] for one in content["images"]} == {False}
    assert len(content["images"]) == 12
    with (report / "label_images.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["name"] for row in rows] == [one["name"] for one in content["images"]]
    with (report / "label_regions.csv").open(newline="") as stream:
        assert next(csv.DictReader(stream))["name"] in {"image4", "image9"}
    page = (report / "report.html").read_text()
    assert "Labels and the model" in page
    assert "image4" in page
    assert len(list((report / "label_folds").glob("*/runs/pixel-forest/model.json"))) == 3
    splits = densa.datasets.SplitFile.read(report / "label_folds" / "splits.json")
    for fold in range(3):  # the model of a fold was not trained on its images
        record = json.loads((report / "label_folds" / str(fold) / "runs" / "pixel-forest" / "split.json").read_text())
        own = {entry.image.rsplit("/", 1)[-1] for entry in splits.entries if entry.part == str(fold)}
        assert not own & {entry["image"].rsplit("/", 1)[-1] for entry in record["train"]}


def test_a_model_that_saw_the_images_is_named(corrupted, run_cli):
    folder, run = corrupted
    code, out, err = run_cli("doctor", folder, "--model", run)
    assert code == 0, out
    assert "label-seen" in out
    assert f"{run} was trained on" in err
    assert "--folds 5" in err


def test_refusals(corrupted):
    folder, _ = corrupted
    with pytest.raises(InputError, match="folds needs `model`"):
        doctor(folder, folds=3, progress=False)
