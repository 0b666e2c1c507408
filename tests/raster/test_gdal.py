"""TIFF of every kind: types, nodata, masks, colour tables, georeference, pages."""

import numpy as np
import pytest
import rasterio
import tifffile
from affine import Affine
from numpy.testing import assert_array_equal

from densa import raster
from densa.errors import InputError
from densa.raster import Window
from tests.raster.images import whole, write_tiff


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "uint32", "int32", "int64", "float32", "float64"])
@pytest.mark.parametrize("n_bands", [1, 3, 4, 13])
def test_tiff_of_every_type(tmp_path, rng, dtype, n_bands):
    array = rng.integers(0, 120, (n_bands, 11, 17)).astype(dtype)
    values, valid = whole(write_tiff(tmp_path / "a.tif", array))
    assert_array_equal(values, array)
    assert values.dtype == dtype
    assert valid.all()


def test_color_table_of_tiff_is_rgb_or_index(tmp_path, rng):
    indices = rng.integers(0, 3, (1, 20, 30), np.uint8)
    table = {0: (1, 2, 3, 255), 1: (4, 5, 6, 255), 2: (7, 8, 9, 255)}
    with rasterio.open(tmp_path / "a.tif", "w", driver="GTiff", count=1, height=20, width=30, dtype="uint8") as file:
        file.write(indices)
        file.write_colormap(1, table)
    with raster.open(tmp_path / "a.tif") as image:
        assert image.band_names == ("red", "green", "blue")
        expected = np.moveaxis(np.array([table[i][:3] for i in range(3)], np.uint8)[indices[0]], 2, 0)
        assert_array_equal(image.read()[0], expected)
        assert_array_equal(image.read(Window(3, 4, 5, 6), bands=[3])[0], expected[2:, 3:8, 4:10])
    assert_array_equal(raster.read_mask(tmp_path / "a.tif"), indices[0])


def test_black_and_white_swapped(tmp_path, rng):
    stored = rng.integers(0, 256, (9, 8), np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="miniswhite")
    values, _ = whole(tmp_path / "a.tif")
    assert_array_equal(values, 255 - stored[None])
    assert_array_equal(raster.read_mask(tmp_path / "a.tif"), stored)


def test_1_bit_tiff(tmp_path, rng):
    stored = rng.integers(0, 2, (9, 8)).astype(bool)
    tifffile.imwrite(tmp_path / "a.tif", stored)
    assert_array_equal(raster.read_mask(tmp_path / "a.tif"), stored)


def test_nodata_is_invalid_where_a_band_that_is_read_has_it(tmp_path):
    array = np.array([[[0, 0, 5]], [[0, 3, 5]]], np.int16)
    values, valid = whole(write_tiff(tmp_path / "a.tif", array, nodata=0))
    assert_array_equal(values, array)
    assert_array_equal(valid, [[False, False, True]])
    with raster.open(tmp_path / "a.tif") as image:
        assert_array_equal(image.read(bands=[2])[1], [[False, True, True]])


@pytest.mark.parametrize("nodata", [None, np.nan, -9999.0])
def test_nan_and_infinity_are_invalid(tmp_path, nodata):
    array = np.array([[[1, np.nan, 1, 1]], [[1, 1, np.inf, 1]]], np.float32)
    _, valid = whole(write_tiff(tmp_path / "a.tif", array, nodata=nodata))
    assert_array_equal(valid, [[True, False, False, True]])


def test_all_nodata(tmp_path):
    _, valid = whole(write_tiff(tmp_path / "a.tif", np.full((2, 3, 3), 7, np.uint8), nodata=7))
    assert not valid.any()


def test_internal_mask_and_alpha_of_tiff(tmp_path, rng):
    array = rng.integers(0, 256, (3, 8, 9), np.uint8)
    hidden = rng.integers(0, 2, (8, 9)).astype(bool)
    with (
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
        rasterio.open(tmp_path / "m.tif", "w", driver="GTiff", count=3, height=8, width=9, dtype="uint8") as file,
    ):
        file.write(array)
        file.write_mask(hidden)
    rgba = np.concatenate([array, hidden[None] * np.uint8(255)])
    write_tiff(tmp_path / "a.tif", rgba, photometric="RGB", alpha="YES")
    for name in ("m.tif", "a.tif"):
        with raster.open(tmp_path / name) as image:
            assert image.n_bands == 3
            assert image.n_pages == 1
            values, valid = image.read()
            assert_array_equal(values, array)
            assert_array_equal(valid, hidden)


def test_georeference_and_band_names(tmp_path):
    transform = Affine(10, 0, 500000, 0, -10, 4000000)
    path = tmp_path / "a.tif"
    write_tiff(path, np.zeros((2, 4, 5), np.uint16), crs="EPSG:32630", transform=transform)
    with rasterio.open(path, "r+") as file:
        file.descriptions = ("VV", None)
    with raster.open(path) as image:
        assert image.georeference is not None
        assert image.georeference.crs.to_epsg() == 32630
        assert image.georeference.transform == transform
        assert image.band_names == ("VV", "band 2")


def test_transform_without_crs_is_kept(tmp_path):
    transform = Affine(2, 0, 10, 0, -2, 20)
    write_tiff(tmp_path / "a.tif", np.zeros((1, 4, 5), np.uint8), transform=transform)
    with raster.open(tmp_path / "a.tif") as image:
        assert image.georeference is not None
        assert image.georeference.transform == transform


def test_pages_of_a_stack(tmp_path, rng):
    stack = rng.integers(0, 2**16, (12, 8, 9), np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", stack, photometric="minisblack")
    for page in (0, 1, 10, 11):
        with raster.open(tmp_path / "a.tif", page=page) as image:
            assert image.n_pages == 12
            assert_array_equal(image.read()[0][0], stack[page])
        assert_array_equal(raster.read_mask(tmp_path / "a.tif", page=page), stack[page])
    for page in (-1, 12):
        with pytest.raises(InputError, match=r"page .* 0\.\.11"):
            raster.open(tmp_path / "a.tif", page=page)


def test_planes_of_bands_are_one_page(tmp_path, rng):
    array = rng.integers(0, 2**16, (4, 8, 9), np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", array, photometric="minisblack", planarconfig="separate")
    with raster.open(tmp_path / "a.tif") as image:
        assert (image.n_pages, image.n_bands) == (1, 4)
        assert_array_equal(image.read()[0], array)


def test_overviews_are_no_pages(tmp_path, rng):
    array = rng.integers(0, 256, (1, 600, 500), np.uint8)
    write_tiff(tmp_path / "a.tif", array, tiled=True, blockxsize=256, blockysize=256)
    with rasterio.open(tmp_path / "a.tif", "r+") as file:
        file.build_overviews([2, 4])
    with raster.open(tmp_path / "a.tif") as image:
        assert image.n_pages == 1
        assert_array_equal(image.read()[0], array)


def test_too_many_bands_are_refused_by_the_header(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((2, 2, 4097), np.uint8), photometric="minisblack", planarconfig=1)
    with pytest.raises(InputError, match=r"a\.tif has 4097 bands by its header; densa reads at most 4096"):
        raster.open(tmp_path / "a.tif")
