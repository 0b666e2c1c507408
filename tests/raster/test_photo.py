"""Photographs and drawings: orientation, transparency, palettes, frames."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from densa import raster
from densa.errors import InputError
from tests.raster.images import saved_png, whole


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


def test_frames_of_an_animation(tmp_path):
    frames = [Image.fromarray(np.full((4, 5), value, np.uint8)) for value in (0, 100, 200)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    with raster.open(tmp_path / "a.gif", page=2) as image:
        assert image.n_pages == 3
        assert (image.read()[0] == 200).all()
    with pytest.raises(InputError, match="page"):
        raster.open(tmp_path / "a.gif", page=3)
