import csv
import json

import numpy as np
import pytest
from numpy.testing import assert_allclose

from densa import metrics, raster
from densa.errors import InputError
from densa.pages.error_files import write_error_files
from tests.accuracy.maps import place, write_scene


@pytest.fixture
def folders(tmp_path):
    """Label maps and masks of one placed scene of 120 x 150 pixels."""
    labels, truth = write_scene(tmp_path, place())
    for kind, name in (("maps", "map.tif"), ("masks", "truth.tif")):
        (tmp_path / kind).mkdir()
        for suffix in ("", ".aux.xml"):
            (tmp_path / f"{name}{suffix}").rename(tmp_path / kind / f"scene.tif{suffix}")
    return tmp_path, labels, truth


def test_a_table_and_a_raster_on_the_ground(run_cli, folders):
    folder, labels, truth = folders
    arguments = ("evaluate", folder / "maps", folder / "masks", "--error-blocks", "32", "-o", folder / "report")
    code, out, _ = run_cli(*arguments, "--no-intervals")
    assert code == 0
    assert "worst block: scene, rows" in out
    assert "report.html, metrics.json, errors.csv" in out
    with raster.open(folder / "report" / "errors" / "scene.tif") as found:
        values, valid = found.read()
        transform = found.georeference.transform
    assert values.shape == (2, 4, 5)
    counted = truth != 255
    wrong = counted & (labels != truth)
    assert_allclose(values[0, 0, 1], wrong[:32, 32:64].sum() / counted[:32, 32:64].sum(), rtol=1e-6)
    assert_allclose(values[1].sum(), counted.sum())
    assert valid.all()
    assert (transform.a, transform.e, transform.c, transform.f) == (320, -320, 500_000, 5_200_000)
    with (folder / "report" / "errors.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 20
    assert sum(int(row["wrong"]) for row in rows) == wrong.sum()
    assert (float(rows[0]["x"]), float(rows[0]["y"])) == (500_160, 5_199_840)
    page = (folder / "report" / "report.html").read_text(encoding="utf-8")
    assert "Where the errors are" in page
    said = json.loads((folder / "report" / "metrics.json").read_text(encoding="utf-8"))["error_blocks"]
    assert (said["block"], said["blocks"]) == (32, 20)
    assert said["worst"][0]["error_rate"] == max(one["error_rate"] for one in said["worst"])
    code, _, err = run_cli(*arguments)
    assert code == 2
    assert "exists" in err
    assert run_cli(*arguments, "--overwrite", "--no-intervals")[0] == 0


def test_images_without_a_place_have_a_table_only(run_cli, trained, squares, tmp_path):
    code, _, _ = run_cli(
        "evaluate", trained, squares, "--error-blocks", "16", "-o", tmp_path / "report", "--no-intervals"
    )
    assert code == 0
    assert not (tmp_path / "report" / "errors").exists()
    with (tmp_path / "report" / "errors.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["image"] for row in rows} == {"val0", "val1"}
    assert {row["x"] for row in rows} == {""}


def test_names_of_files_stay_in_the_folder(tmp_path):
    raster.write_bands(tmp_path / "image.tif", np.zeros((1, 4, 4), np.uint8), like=place())
    blocks = metrics.ErrorBlocks(2)
    for name in ("../../a", "b/../a", "a"):
        blocks.update(name, np.zeros((4, 4), np.uint8), np.zeros((4, 4), np.uint8), source=tmp_path / "image.tif")
    written = write_error_files(blocks, tmp_path / "out")
    assert len(written) == 4
    assert {path.parent for path in written[1:]} == {tmp_path / "out" / "errors"}
    with pytest.raises(InputError, match="exists"):
        write_error_files(blocks, tmp_path / "out")
