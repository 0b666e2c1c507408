"""`densa sample` and `densa evaluate MAP POINTS`, as they are typed."""

import csv
import json

import numpy as np
import pytest

from densa import raster
from tests.accuracy.maps import place, write_scene


@pytest.fixture
def scene(tmp_path):
    write_scene(tmp_path, place())
    return tmp_path


def test_sample_fill_in_and_evaluate(run_cli, scene):
    code, out, _ = run_cli("sample", scene / "map.tif", "--per-class", "20", "-o", scene / "points.csv")
    assert code == 0
    assert "60 points, stratified" in out
    with (scene / "points.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    truth, legend = raster.read_label_map(scene / "truth.tif")
    for row in rows:
        row["ref"] = legend.class_names[truth[int(row["row"]), int(row["column"])]]
    with (scene / "points.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    arguments = ("evaluate", scene / "map.tif", scene / "points.csv", "--class-field", "ref")
    code, out, _ = run_cli(*arguments, "--json", "-o", scene / "report")
    assert code == 0
    said = json.loads(out)
    assert said == json.loads((scene / "report" / "metrics.json").read_text(encoding="utf-8"))
    assert 0.6 < said["overall_accuracy"]["value"] < 0.95
    assert {"name", "users_accuracy", "producers_accuracy", "area_m2", "mapped_area_m2"} <= set(said["classes"][0])
    code, out, _ = run_cli(*arguments, "--by", "stratum")
    assert code == 0
    assert "stratum road: overall accuracy" in out
    code, out, _ = run_cli(
        "evaluate", scene / "map.tif", scene / "points.csv", "--reference", scene / "truth.tif", "--json"
    )
    assert json.loads(out)["overall_accuracy"] == said["overall_accuracy"]


@pytest.mark.parametrize("design", ["random", "systematic"])
def test_other_designs(run_cli, scene, design):
    arguments = ("sample", scene / "map.tif", "--total", "200", "--design", design, "-o", scene / "points.geojson")
    code, out, _ = run_cli(*arguments, "--json")
    assert code == 0
    said = json.loads(out)
    assert said["design"] == design
    assert abs(said["points"] - 200) < 50
    assert run_cli(*arguments)[0] == 2  # it exists
    assert run_cli(*arguments, "--overwrite")[0] == 0
    code, out, _ = run_cli(
        "evaluate", scene / "map.tif", scene / "points.geojson", "--reference", scene / "truth.tif", "--json"
    )
    assert code == 0
    assert json.loads(out)["design"] == design


def test_a_geopackage(run_cli, scene):
    pytest.importorskip("pyogrio")
    code, _, _ = run_cli("sample", scene / "map.tif", "--total", "50", "-o", scene / "points.gpkg")
    assert code == 0
    code, _, err = run_cli("evaluate", scene / "map.tif", scene / "points.gpkg")
    assert code == 2
    assert "none of the 50 points has a reference class: the field 'ref'" in err


def test_references_that_were_filled_in_in_a_geopackage(run_cli, scene):
    pyogrio = pytest.importorskip("pyogrio")
    points = scene / "points.gpkg"
    run_cli("sample", scene / "map.tif", "--per-class", "10", "-o", points)
    about, _, geometries, columns = pyogrio.raw.read(points)
    names = list(about["fields"])
    columns[names.index("ref")] = columns[names.index("map_class")].copy()
    columns[names.index("ref")][:4] = None
    arguments = {"layer": "points", "driver": "GPKG", "geometry_type": "Point", "crs": about["crs"]}
    pyogrio.raw.write(scene / "filled.gpkg", geometries, columns, names, **arguments)
    code, out, err = run_cli("evaluate", scene / "map.tif", scene / "filled.gpkg", "--json")
    assert code == 0
    assert json.loads(out)["overall_accuracy"]["value"] == pytest.approx(1)
    assert "4 of 30 points have no reference class and are left out" in err


def test_points_assess_one_map(run_cli, scene):
    run_cli("sample", scene / "map.tif", "--per-class", "10", "-o", scene / "points.csv")
    code, _, err = run_cli("evaluate", scene / "map.tif", scene / "truth.tif", scene / "points.csv")
    assert code == 2
    assert "which assess one map" in err
    assert err.count("\n") == 1


def test_the_sample_size_is_printed(run_cli, scene):
    code, out, err = run_cli("sample", scene / "map.tif", "--half-width", "0.05", "--design", "random")
    assert code == 0
    assert "376 points, random; expected half-width of the overall accuracy 0.05" in out
    assert "--half-width without expected accuracies takes the worst case of 0.5; give --expected 0.8" in err
    code, out, _ = run_cli(
        "sample", scene / "map.tif", "--half-width", "0.05", "--expected", "field=0.8,forest=0.9,road=0.7", "--json"
    )
    assert json.loads(out)["points"] < 376


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "give one of --total 500, --per-class 50 and --half-width 0.02"),
        (("--per-class", "1"), "--per-class"),
        (("--total", "50", "--expected", "much"), "--expected must be an accuracy such as 0.8"),
        (("--total", "50", "--expected", "a=b"), "--expected must be like forest=0.9,road=0.7"),
        (("--total", "50", "--design", "stratifed"), "did you mean stratified?"),
        (("--total", "50", "-o", "points.xlsx"), "points.xlsx must end in"),
        (
            (
                "--total",
                "99999999",
            ),
            "at most 16800",
        ),
    ],
)
def test_mistakes_are_one_line(run_cli, scene, options, message):
    code, _, err = run_cli("sample", scene / "map.tif", *options)
    assert code == 2
    assert message in err
    assert err.count("\n") == 1


def test_an_image_is_no_map(run_cli, tmp_path):
    rng = np.random.default_rng(0)
    raster.write_bands(tmp_path / "image.tif", rng.integers(0, 60_000, (1, 64, 64), np.uint16))
    code, _, err = run_cli("sample", tmp_path / "image.tif", "--total", "50")
    assert code == 2
    assert "is it an image?" in err
