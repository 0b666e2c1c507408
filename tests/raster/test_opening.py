"""Which reader opens a file, and what masks hold."""

import threading
import warnings

import numpy as np
import pytest
import rasterio
import tifffile
from affine import Affine
from numpy.testing import assert_array_equal

from densa import raster
from densa.errors import InputError
from densa.raster import Window
from tests.raster.images import saved_png, whole, write_tiff


@pytest.mark.parametrize("bands", [1, 3, 4])
def test_16_bit_png_is_not_reduced(tmp_path, rng, bands):
    array = rng.integers(0, 2**16, (bands, 9, 6), np.uint16)
    if bands == 4:
        array[3] = rng.integers(0, 2, (9, 6)) * 65535
    with rasterio.open(tmp_path / "a.png", "w", driver="PNG", count=bands, height=9, width=6, dtype="uint16") as file:
        file.write(array)
    values, valid = whole(tmp_path / "a.png")
    assert_array_equal(values, array[:3])
    assert_array_equal(valid, array[3] > 0 if bands == 4 else np.ones((9, 6), bool))


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_small_grey_png_keeps_its_values(tmp_path, rng, bits):
    """Pillow stretches 2 and 4 bits to 0..255; class indices must not change."""
    array = rng.integers(0, 2**bits, (1, 9, 6), np.uint8)
    with rasterio.open(
        tmp_path / "a.png", "w", driver="PNG", count=1, height=9, width=6, dtype="uint8", nbits=bits
    ) as file:
        file.write(array)
    assert (tmp_path / "a.png").read_bytes()[24] == bits
    assert_array_equal(raster.read_mask(tmp_path / "a.png"), array[0])


def test_1_bit_png_of_pillow(tmp_path, rng):
    array = rng.integers(0, 2, (9, 6)).astype(bool)
    assert_array_equal(raster.read_mask(saved_png(tmp_path / "a.png", array)), array)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 9), (9, 1)])
@pytest.mark.parametrize("suffix", ["png", "jpg", "tif"])
def test_single_pixels_rows_and_columns(tmp_path, height, width, suffix):
    path = saved_png(tmp_path / f"a.{suffix}", np.full((height, width), 77, np.uint8))
    values, valid = whole(path)
    assert values.shape == (1, height, width)
    assert (values == 77).all()
    assert valid.all()


def test_vrt_by_its_suffix_only(tmp_path, rng):
    array = rng.integers(0, 256, (1, 8, 9), np.uint8)
    write_tiff(tmp_path / "a.tif", array, crs="EPSG:32630", transform=Affine(1, 0, 0, 0, -1, 8))
    vrt = (
        '<VRTDataset rasterXSize="9" rasterYSize="8"><VRTRasterBand dataType="Byte" band="1"><SimpleSource>'
        '<SourceFilename relativeToVRT="1">a.tif</SourceFilename></SimpleSource></VRTRasterBand></VRTDataset>'
    )
    (tmp_path / "a.vrt").write_text(vrt)
    (tmp_path / "a.png").write_text(vrt)
    assert_array_equal(whole(tmp_path / "a.vrt")[0], array)
    with pytest.raises(InputError, match="not an image"):
        raster.open(tmp_path / "a.png")


def test_masks_of_whole_floats(tmp_path):
    whole_numbers = np.array([[[0, 1, -1]]], np.float32)
    mask = raster.read_mask(write_tiff(tmp_path / "a.tif", whole_numbers))
    assert mask.dtype.kind == "i"
    assert_array_equal(mask, whole_numbers[0])
    for value in (0.5, np.nan):
        write_tiff(tmp_path / "b.tif", np.full((1, 2, 2), value, np.float32))
        with pytest.raises(InputError, match="whole numbers"):
            raster.read_mask(tmp_path / "b.tif")
    with pytest.raises(InputError, match="got 4 of uint8"):
        raster.read_mask(write_tiff(tmp_path / "c.tif", np.zeros((4, 2, 2), np.uint8)))


def test_many_threads_read_one_raster(tmp_path, rng):
    array = rng.integers(0, 256, (2, 300, 200), np.uint8)
    png = saved_png(tmp_path / "a.png", array[0])
    tif = write_tiff(tmp_path / "a.tif", array, compress="deflate", tiled=True, blockxsize=64, blockysize=64)
    for path, expected in ((png, array[:1]), (tif, array)):
        wrong = []
        with raster.open(path) as image:

            def read(start, image=image, expected=expected, wrong=wrong):
                for row in range(start, 280, 8):
                    values, _ = image.read(Window(row, 10, 20, 150))
                    if not np.array_equal(values, expected[:, row : row + 20, 10:160]):
                        wrong.append(row)

            threads = [threading.Thread(target=read, args=(start,)) for start in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert not wrong


def test_reading_after_close_opens_again(tmp_path):
    for name in ("a.png", "a.tif"):
        image = raster.open(saved_png(tmp_path / name, np.ones((4, 4), np.uint8)))
        with image:
            image.read()
        assert (image.read()[0] == 1).all()
        image.close()


def test_nothing_is_warned_about(tmp_path):
    """Neither a missing georeference nor a large picture is news."""
    saved_png(tmp_path / "a.tif", np.ones((4, 4), np.uint8))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warnings.filterwarnings("ignore", category=rasterio.errors.NotGeoreferencedWarning)  # as densa.raster does
        whole(tmp_path / "a.tif")
    assert not caught


def grey_16(path, array):
    saved_png(path.with_suffix(".png"), array[0].astype(np.uint16) * 256)
    return path.with_suffix(".png"), 0


def channels(path, array):
    tifffile.imwrite(path, array, photometric="minisblack", metadata={"axes": "CYX"}, ome=True)
    return path, 0


def masked_page(path, array):
    with tifffile.TiffWriter(path) as file:
        for _ in range(2):
            file.write(array[0], metadata=None)
            file.write(np.ones(array.shape[1:], bool), metadata=None, subfiletype=4, photometric="mask")
    return path, 1


def two_masks(path, array):
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
        write_tiff(path, array)
        with rasterio.open(path, "r+") as file:
            file.write_mask(np.full(array.shape[1:], 255, np.uint8))
    write_tiff(path.with_name(path.name + ".msk"), np.full((1, *array.shape[1:]), 255, np.uint8))
    return path, 0


@pytest.mark.parametrize("write", [grey_16, channels, masked_page, two_masks])
def test_a_later_change_of_folder_does_not_matter(tmp_path, monkeypatch, rng, write):
    array = rng.integers(1, 256, (3, 9, 6), np.uint8)
    path, page = write(tmp_path / "a.tif", array)
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path)
    with raster.open(path.name, page=page) as image:
        monkeypatch.chdir("other")
        assert image.read()[1].all()
