"""Stacks in a single TIFF directory."""

import struct

import numpy as np
import pytest
import tifffile
from numpy.testing import assert_array_equal

from densa import raster
from densa.errors import InputError


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
    with raster.open(tmp_path / "a.tif", page=1) as image:  # a page for each slice, a band for each channel
        assert (image.n_pages, image.n_bands) == (2, 3)
        assert_array_equal(image.read()[0], stack[1])


@pytest.mark.parametrize(("kind", "compression"), [("volume", None), ("volume", "zlib"), ("imagej", None)])
def test_truncated_volume(tmp_path, rng, kind, compression, capfd):
    path = tmp_path / "a.tif"
    stack = rng.integers(0, 2**16, (6, 64, 64), np.uint16)
    options = (
        {"imagej": True, "metadata": {"axes": "ZYX"}} if kind == "imagej" else {"volumetric": True, "tile": (1, 32, 32)}
    )
    tifffile.imwrite(path, stack, compression=compression, photometric="minisblack", **options)
    if kind == "imagej":  # what ImageJ writes beyond 4 GB: a single directory
        with tifffile.TiffFile(path, mode="r+") as file:
            first = file.pages[0]
            file.filehandle.seek(first.offset + 2 + 12 * len(first.tags))
            file.filehandle.write(struct.pack(file.byteorder + "I", 0))
        with raster.open(path, page=4) as image:
            assert image.n_pages == 6
            assert np.array_equal(image.read()[0][0], stack[4])
    path.write_bytes(path.read_bytes()[:-20_000])
    with pytest.raises(InputError, match=r"a\.tif"):
        raster.open(path, page=5).read()
    assert capfd.readouterr() == ("", "")


def test_channels_of_a_stack_of_one_directory(tmp_path, rng):
    stack = rng.integers(0, 999, (2, 3, 8, 9)).astype(np.uint16)
    options = {"imagej": True, "truncate": True, "contiguous": True}
    tifffile.imwrite(tmp_path / "a.tif", stack, metadata={"axes": "ZCYX"}, **options)
    with raster.open(tmp_path / "a.tif", page=1) as image:
        assert (image.n_bands, image.n_pages) == (3, 2)
        assert_array_equal(image.read()[0], stack[1])
