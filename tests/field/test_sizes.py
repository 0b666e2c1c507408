"""Memory follows what is there, not the largest number in a file or an array."""

import json

import numpy as np
import pytest
import rasterio
from numpy.testing import assert_allclose, assert_array_equal

from densa import crf, datasets, metrics, raster, regions
from densa.errors import InputError

HUGE = 2_000_000_000
FEW = np.array([[0, 1, 1, 2], [0, 1, 2, 2], [3, 3, 3, 2]])
SPARSE = np.array([0, 5, HUGE - 1, HUGE])[FEW]
IMAGE = np.arange(12.0).reshape(3, 4)


@pytest.mark.parametrize(
    "call",
    [
        lambda: regions.region_statistics(IMAGE, SPARSE),
        lambda: regions.region_graph(IMAGE, SPARSE),
        lambda: regions.check(IMAGE, SPARSE, regions.range_at_most(3)),
        lambda: crf.region_weights(SPARSE, 0.5, 3.0),
    ],
)
def test_tables_with_a_row_for_each_number_refuse_wide_gaps(call):
    with pytest.raises(InputError, match="without wide gaps, got at most 4 regions and numbers up to 2000000000"):
        call()


def test_some_gaps_are_fine():
    found = regions.region_statistics(IMAGE, np.where(FEW == 3, 500_000, FEW))
    assert found.n_pixels[[1, 2, 500_000]].tolist() == [3, 4, 3]


def test_scores_do_not_depend_on_the_numbers():
    for score in (metrics.compactness, lambda r: metrics.explained_variation(IMAGE, r)):
        assert score(SPARSE) == score(FEW)
    for score in (metrics.superpixel_overlap, metrics.boundary_recall, metrics.covering):
        assert score(SPARSE, FEW) == score(FEW, FEW) == score(FEW, SPARSE)
    found, expected = (metrics.family_agreement([r], [r, FEW]) for r in (SPARSE, FEW))
    assert_allclose(found.covered, expected.covered)
    assert found.best_covered == expected.best_covered


def test_engine_takes_huge_labels(tmp_path, run_cli):
    raster.write_bands(tmp_path / "labels.tif", SPARSE.astype(np.int32)[None])
    raster.write_bands(tmp_path / "image.tif", IMAGE.astype(np.uint8)[None])
    for method in ("relabel", "components"):
        code, _, err = run_cli("regions", tmp_path / "labels.tif", "-o", tmp_path / f"{method}.tif", "--method", method)
        assert code == 0, err
    out = ["-o", tmp_path / "watershed.tif"]
    markers = ["--method", "watershed", "--markers", tmp_path / "labels.tif"]
    code, _, err = run_cli("regions", tmp_path / "image.tif", *out, *markers)
    assert code == 0, err
    code, _, err = run_cli(
        "regions", tmp_path / "image.tif", "--check", tmp_path / "labels.tif", "--predicate", "range:9"
    )
    assert code == 2
    assert "wide gaps" in err


def test_objects_of_masks_with_huge_numbers(tmp_path, monkeypatch):
    """Numbers of instance masks are names: they do not decide sizes of tables."""
    for kind in ("images", "masks"):
        (tmp_path / kind).mkdir()
    numbers = np.zeros((40, 40), np.int32)
    numbers[5:15, 5:15], numbers[20:34, 20:34] = 7, HUGE
    for i in range(3):
        raster.write_bands(tmp_path / "images" / f"{i}.tif", np.full((1, 40, 40), 9, np.uint8))
        raster.write_bands(tmp_path / "masks" / f"{i}.tif", (numbers > 0).astype(np.uint8)[None])

    opened = next(iter(datasets.open(tmp_path).values()))
    monkeypatch.setattr(type(opened), "numbers_objects", lambda self, i: True)
    monkeypatch.setattr(type(opened), "instances", lambda self, i: numbers)
    sampler = datasets.ObjectSampler(opened, 32, seed=0, single=True)
    assert {(one.key, one.height) for one in sampler._objects} == {(7, 10), (HUGE, 14)}


def sparse(path, side, data=()):
    profile = {"driver": "GTiff", "width": side, "height": side, "count": 1, "dtype": "uint8", "nodata": 0}
    with rasterio.open(path, "w", tiled=True, blockxsize=512, blockysize=512, SPARSE_OK=True, **profile) as file:
        for row, column in data:
            window = rasterio.windows.Window(column, row, 512, 512)
            file.write(np.random.default_rng(0).integers(1, 255, (1, 512, 512), dtype=np.uint8), window=window)
    return path


def test_dry_runs_agree_on_what_is_empty(tmp_path, trained, run_cli):
    image = sparse(tmp_path / "empty.tif", 8192)
    found = {}
    for verb in (["predict", trained], ["regions"]):
        code, out, err = run_cli(*verb, image, "-o", tmp_path / "out.tif", "--tile-size", 1024, "--dry-run", "--json")
        assert code == 0, err
        content = json.loads(out)
        found[verb[0]] = content[0] if isinstance(content, list) else content
    assert found["predict"]["empty"] == found["regions"]["empty"] == 1
    assert found["regions"]["disk_bytes"] < 10**7


def test_a_dry_run_of_regions_tries_what_has_data(tmp_path, run_cli):
    image = sparse(tmp_path / "some.tif", 8192, [(0, 0), (7680, 7680)])
    code, out, err = run_cli("regions", image, "-o", tmp_path / "o.tif", "--tile-size", 2048, "--dry-run", "--json")
    assert code == 0, err
    found = json.loads(out)
    assert found["empty"] == 1 - 2 / 16
    assert 10**7 < found["disk_bytes"] < 0.2 * 4 * 2.4 * 8192**2


def test_a_colour_table_of_large_integers_is_refused(tmp_path):
    raster.write_bands(tmp_path / "a.tif", np.ones((1, 4, 4), np.uint32))
    (tmp_path / "a.vrt").write_text(
        '<VRTDataset rasterXSize="4" rasterYSize="4"><VRTRasterBand dataType="UInt32" band="1"><ColorInterp>Palette'
        '</ColorInterp><ColorTable><Entry c1="1" c2="2" c3="3"/></ColorTable><SimpleSource><SourceFilename '
        'relativeToVRT="1">a.tif</SourceFilename><SourceBand>1</SourceBand></SimpleSource></VRTRasterBand></VRTDataset>'
    )
    with pytest.raises(InputError, match="colour table, so its values must be uint8 or uint16, got uint32"):
        raster.open(tmp_path / "a.vrt")
    assert_array_equal(raster.read_mask(tmp_path / "a.vrt"), 1)
