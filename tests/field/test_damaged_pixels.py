"""A file whose format can tell that it is damaged is refused, never read as noise."""

import contextlib
import struct
import zlib

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from densa import raster
from densa.errors import InputError

PIXELS = np.add.outer(np.arange(60), np.arange(80))


def save(path, kind):
    values = PIXELS.astype(np.uint16 if kind == "16 bits" else np.uint8)
    if kind in {"colour", "indices"}:
        image = Image.fromarray(np.dstack([values, values[::-1], values]))
        (image.quantize(16) if kind == "indices" else image).save(path)
    else:
        Image.fromarray(values).save(path)
    return path


def chunks(content):
    """(kind, start of its data, length) of the parts of a PNG."""
    at = 8
    while at < len(content):
        length, kind = struct.unpack_from(">I4s", content, at)
        yield kind, at + 8, length
        at += length + 12


@pytest.mark.parametrize("kind", ["grey", "colour", "indices", "16 bits"])
def test_one_flipped_byte_of_a_png_is_refused(tmp_path, kind):
    content = save(tmp_path / "a.png", kind).read_bytes()
    assert raster.open(tmp_path / "a.png").read()[1].all()
    read = {"indices": [raster.read_image, raster.read_mask]}.get(kind, [raster.read_image])
    places = [
        start + share * length // 8 for name, start, length in chunks(content) if name == b"IDAT" for share in range(8)
    ]
    for place in places:
        damaged = bytearray(content)
        damaged[place] ^= 0x10
        (tmp_path / "b.png").write_bytes(damaged)
        for reading in read:
            with pytest.raises(InputError, match=r"b\.png"):
                reading(tmp_path / "b.png")


def test_also_where_the_decoder_does_not_look(tmp_path):
    """Pixels that are stored, not compressed: every byte decodes."""
    rows = b"".join(b"\0" + bytes(row) for row in PIXELS.astype(np.uint8))
    parts = [
        (b"IHDR", struct.pack(">IIBBBBB", 80, 60, 8, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows, 0)),
        (b"IEND", b""),
    ]
    content = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in parts
    )
    (tmp_path / "a.png").write_bytes(content)
    assert_array_equal(raster.read_image(tmp_path / "a.png")[..., 0], PIXELS)
    damaged = bytearray(content)
    damaged[1000] ^= 1
    (tmp_path / "a.png").write_bytes(damaged)
    with pytest.raises(InputError, match="the checksum of its IDAT part is wrong"):
        raster.read_image(tmp_path / "a.png")


def test_damaged_text_of_a_png_does_not_matter(tmp_path):
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("note", "abcdef" * 10)
    Image.fromarray(PIXELS.astype(np.uint8)).save(tmp_path / "a.png", pnginfo=info)
    content = bytearray((tmp_path / "a.png").read_bytes())
    place = next(start for name, start, _ in chunks(content) if name == b"tEXt")
    content[place + 10] ^= 1
    (tmp_path / "a.png").write_bytes(content)
    with contextlib.suppress(InputError):  # Pillow may refuse it
        assert_array_equal(raster.read_image(tmp_path / "a.png")[..., 0], PIXELS)


def test_verbs_refuse_it(tmp_path, trained, run_cli):
    content = bytearray(save(tmp_path / "a.png", "grey").read_bytes())
    content[len(content) // 2] ^= 0x40
    (tmp_path / "a.png").write_bytes(content)
    for arguments in (["predict", trained], ["regions"]):
        code, _, err = run_cli(*arguments, tmp_path / "a.png", "-o", tmp_path / "out.tif")
        assert code == 2
        assert "damaged" in err
        assert not (tmp_path / "out.tif").exists()


@pytest.mark.parametrize("compress", ["deflate", "lzw", "zstd"])
def test_a_block_of_a_tiff_that_does_not_decode_is_refused(tmp_path, compress):
    import rasterio

    noise = np.random.default_rng(0).integers(0, 255, (1, 256, 256), dtype=np.uint8)
    profile = {"driver": "GTiff", "width": 256, "height": 256, "count": 1, "dtype": "uint8", "compress": compress}
    with rasterio.open(tmp_path / "a.tif", "w", tiled=True, blockxsize=64, blockysize=64, **profile) as file:
        file.write(noise)
    content = bytearray((tmp_path / "a.tif").read_bytes())
    content[len(content) // 2 : len(content) // 2 + 200] = bytes(200)
    (tmp_path / "a.tif").write_bytes(content)
    with pytest.raises(InputError, match=r"a\.tif cannot be read"):
        raster.read_image(tmp_path / "a.tif")
