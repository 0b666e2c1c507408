"""Bands of any type as GeoTIFF."""

from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from numpy.testing import assert_array_equal

from densa import raster
from densa.errors import InputError
from densa.raster import BandsWriter, Window


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "int32", "float32", "float64"])
@pytest.mark.parametrize("n_bands", [1, 3, 4])
def test_bands_of_every_type(tmp_path, rng, dtype, n_bands):
    array = rng.integers(0, 100, (n_bands, 30, 20)).astype(dtype)
    raster.write_bands(tmp_path / "a.tif", array)
    with raster.open(tmp_path / "a.tif") as image:
        values, valid = image.read()
    assert_array_equal(values, array)  # four bands of bytes are no RGBA
    assert values.dtype == dtype
    assert valid.all()


def test_bands_with_names_scale_and_place(tmp_path):
    place = {"crs": "EPSG:32630", "transform": Affine(10, 0, 500000, 0, -10, 4000000)}
    raster.write_bands(tmp_path / "a.tif", np.zeros((2, 4, 5), np.uint8))
    with rasterio.open(tmp_path / "a.tif", "r+", IGNORE_COG_LAYOUT_BREAK="YES") as file:
        file.crs, file.transform = place["crs"], place["transform"]
    array = np.array([[[0, 255]], [[255, 7]]], np.uint8)
    with raster.open(tmp_path / "a.tif") as like:
        options = {"band_names": ("road", "car"), "scale": 1 / 255, "nodata": 7}
        raster.write_bands(tmp_path / "b.tif", array, like=like, **options)
    with rasterio.open(tmp_path / "b.tif") as file:
        assert file.descriptions == ("road", "car")
        assert file.scales == (1 / 255, 1 / 255)
        assert file.crs.to_epsg() == 32630
        assert file.transform == place["transform"]
        assert file.nodata == 7
    with raster.open(tmp_path / "b.tif") as image:
        assert image.band_names == ("road", "car")


@pytest.mark.parametrize(
    ("name", "array", "options", "message"),
    [
        ("a.png", np.zeros((1, 2, 2)), {}, "must end in"),
        ("a.tif", np.zeros((2, 2)), {}, "shape"),
        ("a.tif", np.zeros((0, 2, 2)), {}, "shape"),
        ("a.tif", np.zeros((1, 2, 2), complex), {}, "complex"),
        ("a.tif", np.zeros((1, 2, 2), np.float16), {}, "float16"),
        ("a.tif", np.zeros((1, 2, 2)), {"band_names": ("a", "b")}, "1 names, one per band, got 2"),
    ],
)
def test_refused_bands(tmp_path, name, array, options, message):
    with pytest.raises(InputError, match=message):
        raster.write_bands(tmp_path / name, array, **options)
    assert not list(Path(tmp_path).iterdir())


def test_refused_windows_of_bands(tmp_path):
    with BandsWriter(tmp_path / "a.tif", 2, 8, 9, "uint8") as writer:
        for window, values in (
            (Window(0, 0, 8, 9), np.zeros((1, 8, 9), np.uint8)),
            (Window(0, 0, 8, 9), np.zeros((2, 8, 9), np.uint16)),
            (Window(0, 0, 8, 9), np.zeros((2, 8, 8), np.uint8)),
            (Window(1, 0, 8, 9), np.zeros((2, 8, 9), np.uint8)),
        ):
            with pytest.raises(InputError):
                writer.write(window, values)
    with pytest.raises(RuntimeError, match="with"):
        writer.write(Window(0, 0, 8, 9), np.zeros((2, 8, 9), np.uint8))
    with pytest.raises(InputError, match=r"nodata must be a value of uint8, got -1"):
        BandsWriter(tmp_path / "b.tif", 2, 8, 9, "uint8", nodata=-1)
