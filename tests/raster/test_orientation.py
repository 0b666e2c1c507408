"""Orientation tags of TIFF and EXIF, against Pillow."""

import io

import numpy as np
import pytest
import tifffile
from numpy.testing import assert_array_equal
from PIL import Image, ImageOps

from densa import raster
from densa.raster.orientation import stored_orientation
from tests.raster.images import whole

PIXELS = np.arange(35, dtype=np.uint8).reshape(5, 7)


def shown(orientation):
    """The pixels as Pillow turns them."""
    image = Image.fromarray(PIXELS)
    exif = Image.Exif()
    exif[0x0112] = orientation
    buffer = io.BytesIO()
    image.save(buffer, "PNG", exif=exif)
    return np.asarray(ImageOps.exif_transpose(Image.open(buffer)))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("options", [{}, {"bigtiff": True}, {"byteorder": ">"}], ids=str)
def test_tiff_is_turned(tmp_path, orientation, options):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, PIXELS, extratags=[(274, 3, 1, orientation, True)], **options)
    with path.open("rb") as file:
        assert stored_orientation(file) == orientation
    values, valid = whole(path)
    assert_array_equal(values[0], shown(orientation))
    assert valid.all()
    assert_array_equal(raster.read_mask(path), shown(orientation))
    window = raster.Window(1, 2, 3, 2)
    assert_array_equal(raster.read_mask(path, window=window), shown(orientation)[1:4, 2:4])


def test_each_page_has_its_own(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        for orientation in (1, 6):
            file.write(PIXELS, extratags=[(274, 3, 1, orientation, True)], metadata=None)
    assert_array_equal(raster.read_mask(tmp_path / "a.tif"), PIXELS)
    assert_array_equal(raster.read_mask(tmp_path / "a.tif", page=1), shown(6))


@pytest.mark.parametrize("data", [b"", b"II", b"II*\0\x08\0\0\0", b"MM\0*\xff\xff\xff\xff", b"II+\0" + b"\xff" * 30])
def test_damage_is_no_orientation(data):
    assert stored_orientation(io.BytesIO(data)) == 1
