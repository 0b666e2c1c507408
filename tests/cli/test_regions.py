"""`densa regions`: a partition on disk, and its outlines."""

import json

import numpy as np
import pytest
from skimage import data

from densa import raster
from densa.regions import connected_components


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


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--method", "felzenszwalb"], "unknown region method"),
        (["--method", "slic", "--count", "100000"], "superpixels"),
        (["--method", "mean-shift", "--range-radius", "-1"], "range_radius"),
    ],
)
def test_mistakes_are_one_line(run_cli, photo, tmp_path, arguments, said):
    code, _, err = run_cli("regions", photo, "-o", tmp_path / "r.tif", *arguments)
    assert code == 2
    assert said in err
    assert len(err.strip().splitlines()) == 1
    assert not list(tmp_path.iterdir())
