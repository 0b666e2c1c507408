"""Reading images of every kind that densa promises, values and validity."""

import threading
import warnings

import numpy as np
import pytest
import rasterio
import tifffile
from affine import Affine
from numpy.testing import assert_array_equal
from PIL import Image

from densa import raster
from densa.errors import InputError
from densa.raster import Window


def write_tiff(path, array, **options):
    """Write (bands, H, W) by rasterio."""
    bands, height, width = array.shape
    profile = {"count": bands, "height": height, "width": width, "dtype": array.dtype}
    profile |= {"photometric": "MINISBLACK", **options}  # GDAL would take four bands of bytes for RGBA
    with rasterio.open(path, "w", driver="GTiff", **profile) as file:
        file.write(array)
    return path


def saved_png(path, array, mode=None, **options):
    image = Image.fromarray(array)
    (image.convert(mode) if mode else image).save(path, **options)
    return path


def whole(path, **options):
    with raster.open(path, **options) as image:
        values, valid = image.read()
        assert values.shape == (image.n_bands, image.height, image.width)
        assert values.dtype == image.dtype
        assert valid.shape == values.shape[1:]
        assert valid.dtype == bool
    return values, valid


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "uint32", "int32", "int64", "float32", "float64"])
@pytest.mark.parametrize("n_bands", [1, 3, 4, 13])
def test_tiff_of_every_type(tmp_path, rng, dtype, n_bands):
    array = rng.integers(0, 120, (n_bands, 11, 17)).astype(dtype)
    values, valid = whole(write_tiff(tmp_path / "a.tif", array))
    assert_array_equal(values, array)
    assert values.dtype == dtype
    assert valid.all()


def test_grey_and_rgb_photographs(tmp_path, rng):
    grey, rgb = rng.integers(0, 256, (7, 5), np.uint8), rng.integers(0, 256, (7, 5, 3), np.uint8)
    for suffix in ("png", "bmp", "webp"):
        options = {"lossless": True} if suffix == "webp" else {}
        values, valid = whole(saved_png(tmp_path / f"rgb.{suffix}", rgb, **options))
        assert_array_equal(values, np.moveaxis(rgb, 2, 0))
        assert valid.all()
    values, _ = whole(saved_png(tmp_path / "grey.png", grey))
    assert_array_equal(values, grey[None])
    with raster.open(tmp_path / "grey.png") as image:
        assert image.band_names == ("grey",)
        assert image.georeference is None
        assert image.n_pages == 1


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


def test_orientation_of_jpeg(tmp_path):
    """Eight ways to hold a camera show the same picture."""
    upright = np.zeros((16, 24, 3), np.uint8)
    upright[:8, :8] = 255
    # How the sensor's rows and columns lie for each orientation: the inverse of what the viewer does.
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright, 1),
        7: upright[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }
    for orientation, pixels in stored.items():
        exif = Image.Exif()
        exif[0x0112] = orientation
        path = tmp_path / f"{orientation}.jpg"
        Image.fromarray(np.ascontiguousarray(pixels)).save(path, quality=95, exif=exif.tobytes())
        values, _ = whole(path)
        assert values.shape == (3, 16, 24)
        assert_array_equal(values[0] > 127, upright[..., 0] > 127, err_msg=f"orientation {orientation}")


@pytest.mark.parametrize("exif", [b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0MM", b"nonsense"])
def test_damaged_exif_is_no_orientation(tmp_path, exif):
    Image.new("RGB", (5, 4)).save(tmp_path / "a.jpg", exif=exif)
    assert whole(tmp_path / "a.jpg")[0].shape == (3, 4, 5)


def test_cmyk_jpeg_is_read_as_rgb(tmp_path):
    Image.new("CMYK", (8, 8), (0, 255, 255, 0)).save(tmp_path / "a.jpg", quality=95)
    values, _ = whole(tmp_path / "a.jpg")
    assert (values[0] > 200).all()
    assert (values[1:] < 50).all()


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_alpha_is_validity(tmp_path, rng, mode):
    array = rng.integers(0, 256, (6, 7, len(mode)), np.uint8)
    array[..., -1] = rng.integers(0, 2, (6, 7)) * 200
    values, valid = whole(saved_png(tmp_path / "a.png", array))
    assert_array_equal(values, np.moveaxis(array, 2, 0)[:-1])
    assert_array_equal(valid, array[..., -1] > 0)
    assert raster.read_mask(tmp_path / "a.png").shape == ((6, 7) if mode == "LA" else (6, 7, 3))


def test_transparent_colour_of_png(tmp_path):
    rgb = np.array([[[1, 2, 3], [4, 5, 6]]], np.uint8)
    values, valid = whole(saved_png(tmp_path / "a.png", rgb, transparency=(4, 5, 6)))
    assert values.shape == (3, 1, 2)
    assert_array_equal(valid, [[True, False]])


def palette_png(path, indices, palette, **options):
    image = Image.fromarray(indices)
    image.putpalette(np.asarray(palette, np.uint8).tobytes())
    image.save(path, **options)
    return path


def test_palette_png_is_rgb_or_index(tmp_path):
    indices = np.array([[0, 1], [2, 1]], np.uint8)
    palette = [(10, 20, 30), (40, 50, 60), (70, 80, 90)]
    path = palette_png(tmp_path / "a.png", indices, palette)
    values, valid = whole(path)
    assert_array_equal(values, np.moveaxis(np.array(palette, np.uint8)[indices], 2, 0))
    assert valid.all()
    assert_array_equal(raster.read_mask(path), indices)
    path = palette_png(tmp_path / "b.png", indices, palette, transparency=b"\xff\0\xff")
    values, valid = whole(path)
    assert_array_equal(valid, indices != 1)
    assert_array_equal(raster.read_mask(path), indices)


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


def test_nodata_is_invalid_where_all_bands_have_it(tmp_path):
    array = np.array([[[0, 0, 5]], [[0, 3, 5]]], np.int16)
    values, valid = whole(write_tiff(tmp_path / "a.tif", array, nodata=0))
    assert_array_equal(values, array)
    assert_array_equal(valid, [[False, True, True]])
    with raster.open(tmp_path / "a.tif") as image:  # the choice of bands does not change what is valid
        assert_array_equal(image.read(bands=[1])[1], [[False, True, True]])


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


def test_volume_in_one_directory(tmp_path, rng):
    stack = rng.integers(0, 2**16, (5, 32, 16), np.uint16)
    options = {"volumetric": True, "tile": (1, 16, 16), "photometric": "minisblack", "byteorder": ">"}
    tifffile.imwrite(tmp_path / "a.tif", stack, **options)
    with raster.open(tmp_path / "a.tif", page=3) as image:
        assert image.n_pages == 5
        assert image.dtype == np.uint16
        assert_array_equal(image.read()[0][0], stack[3])
    with pytest.raises(InputError, match=r"page .* 0\.\.4"):
        raster.open(tmp_path / "a.tif", page=5)


def test_imagej_stack_with_channels(tmp_path, rng):
    stack = rng.integers(0, 2**16, (2, 3, 8, 9), np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", stack, imagej=True, metadata={"axes": "ZCYX"})
    with raster.open(tmp_path / "a.tif", page=4) as image:  # pages are planes, in the order of the file
        assert image.n_pages == 6
        assert_array_equal(image.read()[0][0], stack[1, 1])


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


def test_frames_of_an_animation(tmp_path):
    frames = [Image.fromarray(np.full((4, 5), value, np.uint8)) for value in (0, 100, 200)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    with raster.open(tmp_path / "a.gif", page=2) as image:
        assert image.n_pages == 3
        assert (image.read()[0] == 200).all()
    with pytest.raises(InputError, match="page"):
        raster.open(tmp_path / "a.gif", page=3)


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


def test_read_arrays_are_the_callers(tmp_path):
    path = saved_png(tmp_path / "a.png", np.ones((4, 4), np.uint8))
    with raster.open(path) as image:
        values, valid = image.read()
        values[:] = 9
        valid[:] = False
        again, still = image.read()
    assert (again == 1).all()
    assert still.all()


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
