"""`densa doctor` on the command line."""

import json
import re

import numpy as np
import pytest

from tests.doctor.sets import SETS, plain, save, scene


@pytest.fixture
def broken(tmp_path):
    SETS["broken_off_by_one"].make(tmp_path / "data")
    return tmp_path / "data"


def test_a_sound_data_set(tmp_path, run_cli):
    plain(tmp_path / "data")
    code, out, err = run_cli("doctor", tmp_path / "data")
    assert code == 0
    assert re.search(r"data: sound; 6 images \(train 5, val 1\), 3 classes \(.*legend\.json\)", out)
    assert "layout pairs" in err


def test_findings_say_why_and_how_to_mend(broken, run_cli):
    code, out, _ = run_cli("doctor", broken)
    assert code == 2
    assert "ERROR [off-by-one] the masks are off by one: they hold 1 to 3, the legend numbers its classes 0 to 2" in out
    assert "  mend: --mask-offset -1; or densa doctor " in out
    assert "1 error, 0 warnings" in out


def test_the_mend_mends(broken, run_cli):
    code, out, _ = run_cli("doctor", broken, "--mask-offset", "-1", "--json")
    assert code == 0, out
    assert json.loads(out)["sound"]


def test_json_has_all_of_a_finding(broken, run_cli):
    code, out, _ = run_cli("doctor", broken, "--json")
    assert code == 2
    content = json.loads(out)
    assert (content["sound"], content["errors"], content["warnings"]) == (False, 1, 0)
    (found,) = content["findings"]
    assert found["code"] == "off-by-one"
    assert found["severity"] == "error"
    assert found["n_files"] == len(found["files"]) == 6
    assert found["details"] == {"offset": -1}
    assert set(found) == {"code", "severity", "sentence", "why", "mend", "files", "n_files", "fixable", "details"}


def test_warnings_and_strict(tmp_path, run_cli):
    SETS["broken_case"].make(tmp_path / "data")
    assert run_cli("doctor", tmp_path / "data")[0] == 1
    assert run_cli("doctor", tmp_path / "data", "--strict")[0] == 2


def test_a_report_and_the_legend_that_mends(tmp_path, run_cli):
    SETS["broken_multiples"].make(tmp_path / "data")
    report = tmp_path / "report"
    code, out, _ = run_cli("doctor", tmp_path / "data", "-o", report)
    assert code == 2
    assert sorted(path.name for path in report.iterdir()) == ["findings.json", "legend.json", "report.html"]
    assert f"--legend {report / 'legend.json'}" in out
    html = (report / "report.html").read_text()
    assert "value-multiples" in html
    assert html.count("data:image/jpeg") == 4
    assert not re.search(r"(src|href)=\"(?!data:)", html)
    assert run_cli("doctor", tmp_path / "data", "--legend", report / "legend.json")[0] == 0
    assert run_cli("doctor", tmp_path / "data", "-o", report)[0] == 2  # it exists
    assert run_cli("doctor", tmp_path / "data", "-o", report, "--overwrite")[0] == 2


def test_a_page_alone(broken, tmp_path, run_cli):
    code, _, _ = run_cli("doctor", broken, "-o", tmp_path / "page.html")
    assert code == 2
    assert (tmp_path / "page.html").is_file()


def test_a_mended_copy(broken, tmp_path, run_cli):
    out_folder = tmp_path / "mended"
    code, out, _ = run_cli("doctor", broken, "--fix", out_folder)
    assert code == 0, out
    assert f"{broken / 'masks' / 's0.png'}: off-by-one: written as class numbers with legend.json" in out
    assert run_cli("doctor", out_folder)[0] == 0
    code, _, err = run_cli("doctor", broken, "--fix", out_folder)
    assert (code, "exists" in err) == (2, True)
    assert run_cli("doctor", broken, "--fix", out_folder, "--overwrite")[0] == 0
    code, out, _ = run_cli("doctor", broken, "--fix", tmp_path / "other", "--json")
    content = json.loads(out)
    assert content["fixed"]["sound"]
    assert not content["sound"]
    assert len(content["fixed"]["changes"]) == 6


@pytest.mark.parametrize("place", [".", "masks", "mended", ".."])
def test_a_copy_is_never_in_place(broken, run_cli, place):
    code, _, err = run_cli("doctor", broken, "--fix", broken / place, "--overwrite")
    assert code == 2
    assert "must lie outside of" in err


def test_a_folder_of_other_files_is_not_replaced(broken, tmp_path, run_cli):
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").write_text("mine")
    code, _, err = run_cli("doctor", broken, "--fix", tmp_path / "notes", "--overwrite")
    assert code == 2
    assert "holds other files than a mended copy" in err
    assert (tmp_path / "notes" / "a.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [((), "give DATA"), (("nowhere",), "data must exist, got nowhere"), (("{file}",), "must be a folder")],
)
def test_bad_input_is_one_line(tmp_path, run_cli, arguments, said):
    (tmp_path / "a.png").write_bytes(b"")
    code, out, err = run_cli("doctor", *(one.format(file=tmp_path / "a.png") for one in arguments))
    assert code == 2
    assert out == ""
    assert said.lower() in err.lower()
    assert len(err.strip().splitlines()) == 1


def test_an_empty_folder_is_a_finding(tmp_path, run_cli):
    code, out, _ = run_cli("doctor", tmp_path)
    assert code == 2
    assert "ERROR [layout-unknown]" in out
    code, _, err = run_cli("doctor", tmp_path, "--fix", tmp_path.parent / "copy")
    assert code == 2
    assert "has no pairs" in err


def test_the_environment(run_cli):
    code, out, _ = run_cli("doctor", "--env", "--json")
    assert code == 0
    found = json.loads(out)
    assert found["packages"]["numpy"] == np.__version__
    assert found["processors"] >= 1
    assert re.match(r"\d+\.\d+", found["gdal"])
    assert found["extras"].keys() >= {"vector", "dask"}
    code, out, _ = run_cli("doctor", "--env")
    assert code == 0
    assert "gdal" in out


def test_sizes_and_values_of_strangers_do_not_crash_it(tmp_path, run_cli):
    """Names that are no text, folders in place of files, files of one pixel."""
    for i in range(4):
        image, labels = scene(i, (8, 8), 2)
        save(tmp_path / "images" / f"bild ä {i} #1.png", image)
        save(tmp_path / "masks" / f"bild ä {i} #1.png", labels)
    (tmp_path / "masks" / "folder.png").mkdir()
    save(tmp_path / "images" / "one.png", np.zeros((1, 1, 3), np.uint8))
    save(tmp_path / "masks" / "one.png", np.zeros((1, 1), np.uint8))
    code, out, _ = run_cli("doctor", tmp_path, "-o", tmp_path.parent / "report of strangers")
    assert code == 1, out
    assert "image-constant" in out
