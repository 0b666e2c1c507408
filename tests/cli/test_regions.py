"""`densa regions`: a partition on disk, and its outlines."""

import json
import re

import numpy as np
import pytest
from skimage import data

from densa import raster
from densa.regions import boundaries, connected_components, relabel


@pytest.fixture(scope="module")
def photo(tmp_path_factory):
    path = tmp_path_factory.mktemp("photo") / "astronaut.tif"
    raster.write_bands(path, data.astronaut()[::6, ::5].transpose(2, 0, 1).copy())
    return path


@pytest.mark.parametrize("method", ["slic", "watershed", "mean-shift", "normalized-cuts"])
def test_every_method_writes_a_partition(run_cli, photo, tmp_path, method):
    options = ["--outline", tmp_path / "lines.png", "--json"]
    code, out, err = run_cli("regions", photo, "--method", method, "-o", tmp_path / "regions.tif", *options)
    assert code == 0, err
    with raster.open(tmp_path / "regions.tif") as written:
        found = written.read()[0][0]
    assert found.dtype == np.int32
    assert found.shape == (86, 103)
    n_regions = json.loads(out)["regions"]
    assert n_regions > 1
    assert set(np.unique(found)) == set(range(1, n_regions + 1))
    if method == "slic":
        assert connected_components(found)[1] == n_regions
    with raster.open(tmp_path / "lines.png") as lines:
        assert (lines.n_bands, lines.height, lines.width) == (3, 86, 103)


def test_nodata_belongs_to_no_region(run_cli, tmp_path):
    image = np.full((1, 20, 30), 9, np.uint8)
    image[:, :, :7] = 0
    raster.write_bands(tmp_path / "a.tif", image, nodata=0)
    code, _, err = run_cli("regions", tmp_path / "a.tif", "-o", tmp_path / "b.tif", "--count", 4)
    assert code == 0, err
    with raster.open(tmp_path / "b.tif") as written:
        found = written.read()[0][0]
    assert (found[:, :7] == 0).all()
    assert (found[:, 7:] > 0).all()


def test_the_files_beside_the_regions(run_cli, photo, tmp_path):
    names = {"outline": "o.tif", "boundaries": "b.tif", "polygons": "p.geojson", "statistics": "s.csv"}
    files = [part for name, file in names.items() for part in (f"--{name}", tmp_path / file)]
    whole, tiled = tmp_path / "whole.tif", tmp_path / "tiled.tif"
    code, out, err = run_cli("regions", photo, "-o", whole, "--size", 100, *files)
    assert code == 0, err
    assert out.startswith(f"wrote {whole}: ")
    kept = {name: (tmp_path / file).read_bytes() for name, file in names.items()}
    options = ["--tile-size", 32, "--workers", 2, "--overwrite", "--json"]
    code, out, err = run_cli("regions", photo, "-o", tiled, "--size", 100, *files, *options)
    assert code == 0, err
    assert tiled.read_bytes() == whole.read_bytes()
    for name, file in names.items():
        assert (tmp_path / file).read_bytes() == kept[name], name
    with raster.open(tiled) as written, raster.open(tmp_path / "b.tif") as lines:
        found = written.read()[0][0]
        np.testing.assert_array_equal(lines.read()[0][0], boundaries(found))
    n_regions = json.loads(out)["regions"]
    rows = (tmp_path / "s.csv").read_text().splitlines()
    assert len(rows) == n_regions + 1
    assert [int(row.split(",")[0]) for row in rows[1:]] == list(range(1, n_regions + 1))
    drawn = json.loads((tmp_path / "p.geojson").read_text())["features"]
    assert sorted(one["properties"]["region"] for one in drawn) == list(range(1, n_regions + 1))


def test_markers_come_from_a_raster(run_cli, photo, tmp_path):
    markers = np.zeros((1, 86, 103), np.int32)
    markers[0, 10, 10], markers[0, 70, 90] = 7, 3
    raster.write_bands(tmp_path / "m.tif", markers)
    options = ["--method", "watershed", "--markers", tmp_path / "m.tif", "-o", tmp_path / "r.tif", "--tile-size", 40]
    code, _, err = run_cli("regions", photo, *options)
    assert code == 0, err
    with raster.open(tmp_path / "r.tif") as written:
        found = written.read()[0][0]
    assert set(np.unique(found)) == {3, 7}
    assert found[10, 10] == 7


def test_heights_are_flooded_as_they_are(run_cli, tmp_path):
    heights = np.abs(np.arange(40)[None] - 19.5)[::-1].repeat(10, axis=0).astype(np.float32)
    raster.write_bands(tmp_path / "heights.tif", -heights[None])
    options = ["--method", "watershed", "--relief", "as-is", "-o", tmp_path / "r.tif"]
    assert run_cli("regions", tmp_path / "heights.tif", *options)[0] == 0
    with raster.open(tmp_path / "r.tif") as written:
        found = written.read()[0][0]
    assert (found[:, :19] == 1).all()
    assert (found[:, 21:] == 2).all()


@pytest.mark.parametrize("method", ["components", "relabel"])
def test_regions_of_a_raster_of_labels(run_cli, tmp_path, method):
    labels = np.array([[5, 5, 2, 5], [0, 2, 2, 5], [9, 9, 2, 5]], np.uint16)
    raster.write_bands(tmp_path / "labels.tif", labels[None], nodata=0)
    code, out, err = run_cli("regions", tmp_path / "labels.tif", "-o", tmp_path / "r.tif", "--method", method, "--json")
    assert code == 0, err
    with raster.open(tmp_path / "r.tif") as written:
        found = written.read()[0][0]
    expected = connected_components(labels)[0] if method == "components" else relabel(labels)[0]
    np.testing.assert_array_equal(found, expected)
    assert json.loads(out)["regions"] == (4 if method == "components" else 3)


def test_small_regions_are_merged(run_cli, photo, tmp_path):
    code, _, err = run_cli("regions", photo, "-o", tmp_path / "r.tif", "--size", 60, "--min-size", 90)
    assert code == 0, err
    with raster.open(tmp_path / "r.tif") as written:
        assert np.bincount(written.read()[0].ravel())[1:].min() >= 90


def test_the_axioms_are_checked(run_cli, photo, tmp_path):
    good = tmp_path / "good.tif"
    assert run_cli("regions", photo, "-o", good, "--size", 200)[0] == 0
    code, out, err = run_cli("regions", photo, "--check", good, "--tile-size", 50)
    assert (code, err) == (0, "")
    assert "is a partition of astronaut.tif into" in out
    assert "axioms (a), (b) and (c) hold" in out
    code, out, err = run_cli("regions", photo, "--check", good, "--predicate", "range:1")
    assert code == 2
    assert "axiom (d): the predicate is false for region 1" in out
    assert "violations of the axioms" in err
    with raster.open(good) as opened:
        found = opened.read()[0]
    found[0, 40, 40] = found[0, 0, 0]
    found[0, 50, 50] = 0
    raster.write_bands(tmp_path / "bad.tif", found)
    code, out, err = run_cli("regions", photo, "--check", tmp_path / "bad.tif", "--json")
    assert code == 2
    said = json.loads(out)
    assert said["counts"] == {"a": 1, "b": 1, "c": 0}
    assert [one["axiom"] for one in said["first"]] == ["a", "b"]


def test_a_dry_run_writes_nothing(run_cli, photo, tmp_path):
    code, out, err = run_cli("regions", photo, "-o", tmp_path / "r.tif", "--count", 90, "--tile-size", 40, "--dry-run")
    assert code == 0, err
    assert re.search(r"would write .*r\.tif: 9 tiles of 40 px with a halo of \d+ px", out)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--method", "felzenszwalb"], "--method must be 'slic', 'watershed', 'mean-shift'"),
        (["--sigma", "2"], "--sigma is no option of slic"),
        (["--count", "9", "--size", "9"], "either a count of superpixels or the size of one"),
        (
            ["--method", "normalized-cuts", "--base", "kmeans"],
            "--base must be 'pixels', 'slic'",
        ),
        (["--method", "watershed", "--markers", "none.tif"], "--markers must exist, got none.tif"),
        (["--method", "watershed", "--relief", "as-is"], "one band"),
        (["--method", "components", "--connectivity", "6"], "connectivity must be 4 or 8 neighbours, got 6"),
        (["--outline", "lines.jpg"], "must end in .png or .tif"),
        (["--statistics", "sizes.txt"], "must end in .csv"),
        (["--memory", "60MB"], "is too small for slic on astronaut.tif; the least is about"),
        (["--check", "some.tif"], "give either -o REGIONS.tif"),
        (["--predicate", "range:3"], "--predicate is for --check"),
        (["--dask", "local:0"], "--dask of local:N must start 1 to"),
        (["--method", "slic", "--count", "100000"], "superpixels"),
        (["--method", "mean-shift", "--range-radius", "-1"], "--range-radius must be"),
    ],
)
def test_mistakes_are_one_line(run_cli, photo, tmp_path, arguments, said):
    code, _, err = run_cli("regions", photo, "-o", tmp_path / "r.tif", *arguments)
    assert code == 2
    assert said in err
    assert len(err.strip().splitlines()) == 1
    assert not list(tmp_path.iterdir())
