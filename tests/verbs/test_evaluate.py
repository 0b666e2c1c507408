"""`densa evaluate`: intervals of its scores."""

import numpy as np
import pytest

import densa
from densa import raster
from densa.legend import Legend

LEGEND = Legend(("ground", "square"))


def write_maps(folder, rng, names, *, wrong=0.1, shape=(40, 40)):
    """Label maps of squares with wrong pixels."""
    for name in names:
        target = np.zeros(shape, np.uint8)
        target[5:20, 8:30] = 1
        target = np.where(rng.random(shape) < wrong, 1 - target, target).astype(np.uint8)
        path = folder / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        raster.write_label_map(path, target, LEGEND)
    return folder


@pytest.fixture
def maps(tmp_path, rng):
    names = [f"{i:02d}" for i in range(12)]
    return write_maps(tmp_path / "maps", rng, names), write_maps(tmp_path / "masks", rng, names, wrong=0)


def test_every_number_has_an_interval(maps, tmp_path, capsys):
    report = densa.evaluate(*maps, output=tmp_path / "report", progress=False, resamples=500)
    found = report.intervals
    assert found.table.text == "12 images"
    for name in ("mean_iou", "global_accuracy", "class_average", "boundary_f1", "frequency_weighted_iou", "kappa"):
        value = getattr(report.summary, name, report.boundary.value)
        assert found.of(name).low < value < found.of(name).high
    for name in ("iou", "accuracy", "precision", "f1"):
        for k, value in enumerate(getattr(report.summary, name)):
            assert found.of(name, k).low < value < found.of(name, k).high
    page = (tmp_path / "report" / "report.html").read_text()
    low, high = found.of("mean_iou").low, found.of("mean_iou").high
    assert f"{100 * low:.1f} to {100 * high:.1f}" in page
    assert "bootstrap over 12 images" in page
    assert capsys.readouterr().err == ""
    again = densa.evaluate(*maps, progress=False, resamples=500)
    assert again.intervals.of("mean_iou") == found.of("mean_iou")
    other = densa.evaluate(*maps, progress=False, resamples=500, seed=1)
    assert other.intervals.of("mean_iou") != found.of("mean_iou")


def test_folders_of_masks_are_scenes(tmp_path, rng, capsys):
    names = [f"{scene}/{i}" for scene in "abc" for i in range(4)]
    masks = write_maps(tmp_path / "masks", rng, names, wrong=0)
    maps = write_maps(tmp_path / "maps", rng, names)
    report = densa.evaluate(maps, masks, progress=False, resamples=200)
    assert report.intervals.table.names == ("a", "b", "c")
    assert "densa: 3 scenes are fewer than 10 independent units" in capsys.readouterr().err
    by_image = densa.evaluate(maps, masks, progress=False, resamples=200, units="image")
    assert by_image.intervals.table.number == 12


def test_one_image_is_cut_into_blocks(tmp_path, rng, capsys):
    maps = write_maps(tmp_path / "maps", rng, ["scene"], shape=(300, 300), wrong=0.2)
    masks = write_maps(tmp_path / "masks", rng, ["scene"], shape=(300, 300), wrong=0)
    report = densa.evaluate(maps, masks, progress=False, resamples=200)
    assert report.intervals.table.kind == "block"
    assert report.intervals.of("mean_iou") is not None
    assert "boundary F1 and the further measures are of whole images and have no interval" in capsys.readouterr().err
    single = densa.evaluate(maps, masks, progress=False, units="image")
    assert single.intervals.of("mean_iou") is None
    assert "one independent unit only (1 image): no interval" in capsys.readouterr().err


def test_further_measures_have_intervals(maps, tmp_path):
    report = densa.evaluate(*maps, output=tmp_path / "report", progress=False, resamples=300)
    content = report.to_json()["intervals"]["measures"]
    for measure in report.further.measures():
        if measure.text == "undefined":
            continue
        low, high = content[measure.key]["bca"]
        assert low <= measure.value <= high
    assert set(content) == {measure.key for measure in report.further.measures()}
    few = densa.evaluate(*maps, progress=False, resamples=300, measures="dice")
    assert list(few.to_json()["intervals"]["measures"]) == ["dice_pooled", "dice_per_image"]
    assert "measures" not in densa.evaluate(*maps, progress=False, measures="none").to_json()["intervals"]


def test_no_intervals(maps, tmp_path):
    report = densa.evaluate(*maps, output=tmp_path / "report", progress=False, intervals=False)
    assert report.intervals is None
    assert "intervals" not in report.to_json()
    assert "95 % intervals" not in (tmp_path / "report" / "report.html").read_text()
