"""Files that cannot be read: one line that names the file, nothing else on the screen."""

import pickle
import struct
import zlib
from contextlib import suppress

import numpy as np
import pytest
import rasterio
import tifffile
from PIL import Image

from densa import raster
from densa.errors import InputError


@pytest.fixture
def pixels(rng):
    return rng.integers(0, 256, (200, 300, 3), np.uint8)


def refused(path, match=None):
    """Message with which opening or reading fails, the same for images and masks."""
    with pytest.raises(InputError, match=match) as error:
        raster.open(path).read()
    message = str(error.value)
    assert str(path) in message
    assert "\n" not in message
    assert "previous exception" not in message
    with pytest.raises(InputError):
        raster.read_mask(path)
    with pytest.raises(InputError):
        raster.read_label_map(path)
    return message


def test_missing_empty_and_folder(tmp_path):
    refused(tmp_path / "missing.png", "No such file")
    refused(tmp_path / "missing.tif", "No such file")
    refused(tmp_path, "directory")
    for name in ("a.png", "a.jpg", "a.tif"):
        (tmp_path / name).touch()
        refused(tmp_path / name, "empty")


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "gif", "bmp", "webp"])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.9])
def test_truncated(tmp_path, pixels, suffix, share, capfd):
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(pixels).save(path)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    refused(path)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "gif", "bmp", "webp"])
def test_cut_in_the_header(tmp_path, pixels, suffix):
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(pixels[:20, :20]).save(path)
    content = path.read_bytes()
    for n_bytes in range(1, 40):
        path.write_bytes(content[:n_bytes])
        refused(path)


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("tile", [None, (64, 64)])
def test_truncated_tiff(tmp_path, pixels, compression, tile, capfd):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, pixels, compression=compression, tile=tile)
    path.write_bytes(path.read_bytes()[:-5000])
    refused(path)
    assert capfd.readouterr() == ("", "")


def test_truncated_16_bit_png(tmp_path, rng, capfd):
    path = tmp_path / "a.png"
    Image.fromarray(rng.integers(0, 2**16, (200, 300), np.uint16)).save(path)
    path.write_bytes(path.read_bytes()[:50_000])
    refused(path)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "vrt", "dat"])
def test_other_files(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    for content in (b"hello\n", b"0 0 1\n1 0 2\n", b"ncols 2\nnrows 2\n", pickle.dumps({"a": 1}), b"\0" * 1000):
        path.write_bytes(content)
        refused(path)


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "gif", "bmp", "webp"])
def test_scrambled_files_never_escape(tmp_path, pixels, suffix, rng):
    """A file with random damage is read or refused; nothing else may come out."""
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(pixels[:40, :50]).save(path)
    content = np.frombuffer(path.read_bytes(), np.uint8)
    for n_changed in (1, 3, 10, 100) * 4:
        damaged = content.copy()
        reach = len(content) if n_changed > 3 else min(len(content), 200)
        damaged[rng.integers(0, reach, n_changed)] = rng.integers(0, 256, n_changed)
        path.write_bytes(damaged.tobytes())
        with suppress(InputError), raster.open(path) as image:
            values, valid = image.read()
            assert values.shape[1:] == valid.shape


def png_header(width, height):
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + b"IHDR" + header + struct.pack(">I", zlib.crc32(b"IHDR" + header))
    return b"\x89PNG\r\n\x1a\n" + chunk + struct.pack(">I", 0) + b"IDAT" + struct.pack(">I", zlib.crc32(b"IDAT"))


def test_absurd_sizes_are_refused_before_allocation(tmp_path):
    path = tmp_path / "bomb.png"
    path.write_bytes(png_header(2**30, 2**30))
    refused(path, "1073741824 x 1073741824 pixels by its header")
    path.write_bytes(png_header(20_000, 20_000))
    refused(path, "tiled TIFF")


def test_tiff_with_an_absurd_size(tmp_path):
    path = tmp_path / "bomb.tif"
    tifffile.imwrite(path, np.zeros((16, 16), np.uint8), tile=(16, 16))
    with tifffile.TiffFile(path, mode="r+") as file:
        for tag in ("ImageWidth", "ImageLength"):
            file.pages[0].tags[tag].overwrite(2**31 - 16)
    refused(path)


def test_complex_numbers(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((4, 4), np.complex64))
    refused(tmp_path / "a.tif", "complex64")


def test_complex_integers(tmp_path):
    """Of radar, in a type that numpy lacks."""
    options = {"driver": "GTiff", "count": 1, "height": 4, "width": 4}
    with rasterio.open(tmp_path / "a.tif", "w", dtype="complex_int16", **options):
        pass
    refused(tmp_path / "a.tif", "complex64 values")


def test_tiff_that_lists_fewer_blocks_than_its_size_needs(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.zeros((40, 50), np.uint8), rowsperstrip=40)
    with tifffile.TiffFile(path, mode="r+") as file:
        file.pages[0].tags["ImageLength"].overwrite(16_000_000)
    refused(path, "header says 16000000 x 50")


@pytest.mark.parametrize("side", [15_000, 40_000])
def test_a_gif_whose_frame_is_larger_than_its_screen(tmp_path, pixels, side):
    """Pillow enlarges the screen to the frame, with a warning or an error of its own from some size on."""
    path = tmp_path / "a.gif"
    Image.fromarray(pixels[:20, :20]).save(path)
    content = path.read_bytes()
    frame = content.index(b"\x2c\0\0\0\0\x14\0\x14\0")  # a frame of 20 x 20 at 0, 0
    path.write_bytes(content[: frame + 5] + struct.pack("<HH", side, side) + content[frame + 9 :])
    refused(path)
