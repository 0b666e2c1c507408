"""Calibration in `densa evaluate`: of runs, of folders with probabilities, of label maps alone."""

import json

import numpy as np
import pytest
from numpy.testing import assert_allclose

from densa import raster
from densa.legend import Legend
from densa.metrics import CalibrationCounts


@pytest.fixture
def maps(run_cli, trained, squares, tmp_path):
    """Label maps of the validation images, with probabilities."""
    code, _, err = run_cli("predict", trained, squares / "val" / "images", "-o", tmp_path / "maps", "--probabilities")
    assert code == 0, err
    return tmp_path / "maps"


def test_a_run_is_measured_with_its_probabilities(run_cli, trained, squares, tmp_path):
    code, out, err = run_cli("evaluate", trained, squares, "-o", tmp_path / "report")
    assert code == 0, err
    assert "calibration: ECE 0." in out
    assert "confidence     pixels  mean confidence   right" in out
    found = json.loads((tmp_path / "report" / "metrics.json").read_text())["calibration"]
    assert found["pixels"] == 2 * 48 * 64
    assert_allclose(sum(row["share_of_pixels"] for row in found["confidence_table"]), 1)
    for row in found["confidence_table"]:
        assert row["mean_confidence"] is None or row["from"] <= row["mean_confidence"] <= row["to"]
    gap = sum(abs(row["share_of_pixels"] * (row["mean_confidence"] - row["accuracy"]))
              for row in found["confidence_table"] if row["pixels"])  # fmt: skip
    assert 0 < gap < 0.5
    page = (tmp_path / "report" / "report.html").read_text()
    assert "Reliability diagram" in page
    assert f"{found['ece']:.4f}" in page


def test_stored_probabilities_are_measured(run_cli, trained, squares, maps):
    code, out, err = run_cli("evaluate", maps, squares, "--json")
    assert code == 0, err
    stored = json.loads(out)["calibration"]
    computed = json.loads(run_cli("evaluate", trained, squares, "--json")[1])["calibration"]
    assert stored["pixels"] == computed["pixels"]
    assert_allclose(stored["ece"], computed["ece"], atol=4e-3)  # 8 bits
    assert_allclose(stored["accuracy"], computed["accuracy"])
    code, out, _ = run_cli("evaluate", maps, squares / "val" / "masks", "--json")
    assert json.loads(out)["calibration"] == stored


def test_label_maps_alone_have_none_and_it_is_said(run_cli, squares, maps, tmp_path):
    for path in maps.glob("*.probabilities.tif*"):
        path.unlink()
    code, out, _ = run_cli("evaluate", maps, squares, "-o", tmp_path / "report")
    assert code == 0
    assert "calibration: not measured, there are no probabilities" in out
    assert "calibration" not in json.loads((tmp_path / "report" / "metrics.json").read_text())
    assert "Not measured: there are no probabilities of all" in (tmp_path / "report" / "report.html").read_text()


def test_bands_are_found_by_the_names_of_the_classes(run_cli, squares, maps):
    before = json.loads(run_cli("evaluate", maps, squares, "--json")[1])["calibration"]
    for path in sorted(maps.glob("*.probabilities.tif")):
        with raster.open(path) as image:
            values = image.read()[0]
        raster.write_bands(path, values[::-1], band_names=["square", "ground"], overwrite=True)
    assert json.loads(run_cli("evaluate", maps, squares, "--json")[1])["calibration"] == before


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.full((2, 48, 64), 200, np.uint8), "sum to 1 in every pixel, but those of 3072 of 3072 pixels do not"),
        (np.full((2, 48, 64), np.float32(3)), "their sums: from 6 to 6"),
        (np.full((3, 48, 64), np.float32(1 / 3)), "a band of probabilities for each of the 2 classes, got 3 bands"),
        (np.full((2, 48, 60), np.float32(0.5)), "the size of its mask, 48 x 64 pixels, got 48 x 60"),
    ],
)
def test_what_is_no_probability_is_one_line(run_cli, squares, maps, values, message):
    path = sorted(maps.glob("*.probabilities.tif"))[0]
    raster.write_bands(path, values, overwrite=True)
    code, _, err = run_cli("evaluate", maps, squares)
    assert code == 2
    last = err.splitlines()[-1]
    assert message in last
    assert path.name in last


def test_strips_do_not_matter(tmp_path, rng, monkeypatch):
    """A raster is read by strips; pixels without data are left out."""
    from densa.reports import calibration

    legend = Legend(("a", "b"))
    p = rng.random((50, 40)).astype(np.float32)
    values = np.stack([p, 1 - p])
    values[:, :2] = np.nan
    raster.write_bands(tmp_path / "p.tif", values, nodata=np.nan)
    target, predicted = rng.integers(0, 2, (2, 50, 40)).astype(np.uint8)
    monkeypatch.setattr(calibration, "_STRIP_PX", 7 * 40)
    found = calibration.counts_of_raster(tmp_path / "p.tif", legend, target, predicted)
    whole = CalibrationCounts(2)
    whole.update(values[:, 2:], target[2:], predicted[2:])
    assert found.n_pixels == 48 * 40
    assert (found.of_classes == whole.of_classes).all()


def test_numbers_have_intervals_over_images(run_cli, trained, squares, tmp_path):
    _, out, _ = run_cli("evaluate", trained, squares, "-o", tmp_path / "report")
    found = json.loads((tmp_path / "report" / "metrics.json").read_text())["calibration"]
    low, high = found["intervals"]["nll"]["bca"]
    assert low <= found["nll"] <= high
    assert f"NLL {found['nll']:.4f} ({low:.4f} to {high:.4f})" in out
    assert f"{found['nll']:.4f} ({low:.4f} to {high:.4f})" in (tmp_path / "report" / "report.html").read_text()
    plain = json.loads(run_cli("evaluate", trained, squares, "--no-intervals", "--json")[1])["calibration"]
    assert "intervals" not in plain
