"""`densa evaluate A B DATA`: several predictions of the same images."""

import json

import numpy as np
import pytest

import densa
from densa import raster
from densa.errors import InputError
from densa.legend import Legend

LEGEND = Legend(("ground", "square"))


def write(folder, labels, legend=LEGEND):
    folder.mkdir(parents=True, exist_ok=True)
    for i, values in enumerate(labels):
        raster.write_label_map(folder / f"{i:02d}.png", values, legend)
    return folder


@pytest.fixture
def masks(rng):
    return [rng.integers(0, 2, (6, 6)).repeat(5, 0).repeat(5, 1).astype(np.uint8) for _ in range(12)]


def wrong(masks, share, rng):
    return [np.where(rng.random(m.shape) < share, 1 - m, m).astype(np.uint8) for m in masks]


def test_differences_ranks_page_and_json(tmp_path, masks, rng, capsys):
    a, b, c = (
        write(tmp_path / name, wrong(masks, share, rng)) for name, share in zip("abc", (0.3, 0.1, 0.3), strict=True)
    )
    data = write(tmp_path / "masks", masks)
    found = densa.evaluate_several([a, b, c], data, output=tmp_path / "report", progress=False, resamples=1000)
    assert capsys.readouterr().err == ""
    assert found.paired.ranks("mean_iou") == [(2, 3), (1, 1), (2, 3)]
    alone = densa.evaluate(b, data, progress=False, resamples=1000)
    assert found.evaluations["b"].summary.mean_iou == alone.summary.mean_iou
    assert found.evaluations["b"].intervals.of("mean_iou") == alone.intervals.of("mean_iou")
    content = json.loads((tmp_path / "report" / "metrics.json").read_text())
    assert [run["name"] for run in content["runs"]] == ["a", "b", "c"]
    assert content["runs"][1]["mean_iou"] == alone.summary.mean_iou
    assert content["paired"]["best"]["mean_iou"] == "b"
    difference = content["paired"]["differences"][0]
    assert (difference["first"], difference["second"]) == ("a", "b")
    assert difference["mean_iou"]["p_holm"] < 0.05
    low, high = difference["mean_iou"]["interval"]["bca"]
    assert low < difference["mean_iou"]["difference"] < high
    page = (tmp_path / "report" / "report.html").read_text()
    assert "Evaluation of 3 runs" in page
    with pytest.raises(InputError, match="exists"):
        densa.evaluate_several([a, b], data, output=tmp_path / "report", progress=False)


def test_a_run_beside_label_maps_on_the_images_that_it_did_not_see(tmp_path, squares, trained, capsys):
    val = densa.datasets.open(squares)["val"]
    maps = tmp_path / "maps"
    maps.mkdir()
    for i, sample in enumerate(val.samples):
        raster.write_label_map(maps / f"{sample.image.stem}.png", 1 - val.labels(i), val.legend)
    found = densa.evaluate_several([trained, maps], squares, split="val", progress=False, resamples=200)
    run, map_ = found.evaluations.values()
    assert run.measured_on.split == "val"
    assert run.summary.mean_iou > map_.summary.mean_iou
    assert "fewer than 10 independent units" in capsys.readouterr().err


def test_folders_of_one_name_are_told_apart(tmp_path, masks, rng):
    a, b = (write(tmp_path / name / "maps", wrong(masks, 0.1, rng)) for name in "ab")
    data = write(tmp_path / "masks", masks)
    found = densa.evaluate_several([a, b], data, progress=False, resamples=100)
    assert list(found.evaluations) == [str(a), str(b)]


def test_bad_input(tmp_path, masks, rng):
    a, b = (write(tmp_path / name, wrong(masks, 0.1, rng)) for name in "ab")
    data = write(tmp_path / "masks", masks)
    with pytest.raises(InputError, match="given twice"):
        densa.evaluate_several([a, a], data)
    with pytest.raises(InputError, match="two runs"):
        densa.evaluate_several([a], data)
    with pytest.raises(InputError, match="must exist"):
        densa.evaluate_several([a, tmp_path / "missing"], data)
    found = densa.evaluate_several([a, b], data, progress=False, intervals=False)
    assert found.paired is None
    assert found.to_json()["paired"] is None


def test_what_is_of_one_run_only_is_refused(tmp_path, masks, rng):
    a, b = (write(tmp_path / name, wrong(masks, 0.1, rng)) for name in "ab")
    data = write(tmp_path / "masks", masks)
    for options in ({"by": "season"}, {"measures": ("dice",)}, {"error_blocks": 64}):
        with pytest.raises(InputError, match="is of one run or map"):
            densa.evaluate_several([a, b], data, **options)
    points = tmp_path / "points.csv"
    points.write_text("id,ref\n")
    with pytest.raises(InputError, match="evaluate each map by itself"):
        densa.evaluate_several([a, b], points)


def test_maps_that_number_the_classes_otherwise_are_refused(tmp_path, rng):
    legend = Legend(("a", "b", "c", "d"))
    masks = [rng.integers(0, 3, (20, 20)).astype(np.uint8) for _ in range(3)]
    data = write(tmp_path / "masks", masks, legend)
    right, shifted = write(tmp_path / "right", masks, legend), tmp_path / "shifted"
    shifted.mkdir()
    for i, values in enumerate(masks):
        raster.write_label_map(shifted / f"{i:02d}.png", values + 1, legend)
    with pytest.raises(InputError, match="numbered otherwise"):
        densa.evaluate_several([right, shifted], data, progress=False)
