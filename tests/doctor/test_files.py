"""What is wrong with a file, by its bytes."""

import numpy as np
import pytest
from PIL import Image

from densa.doctor.files import fault_of, suffix_of_content

PIXELS = np.random.default_rng(0).integers(0, 255, (40, 50, 3)).astype(np.uint8)


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "bmp"])
@pytest.mark.parametrize("share", [0.05, 0.5, 0.95])
def test_cut_short(tmp_path, suffix, share):
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(PIXELS).save(path)
    content = path.read_bytes()
    path.write_bytes(content[: max(32, int(share * len(content)))])
    assert fault_of(path) == "file-truncated"


def test_empty_and_damaged(tmp_path):
    (tmp_path / "a.png").write_bytes(b"")
    (tmp_path / "b.png").write_bytes(b"no image at all")
    assert fault_of(tmp_path / "a.png") == "file-empty"
    assert fault_of(tmp_path / "b.png") == "file-corrupt"
    assert fault_of(tmp_path / "c.png") == "file-corrupt"


@pytest.mark.parametrize(
    "content", [b"II*\0", b"II*\0\xff\xff\xff\x7f", b"MM\0*\0\0\0\x08\xff\xff", b"II*\0\x08\0\0\0"]
)
def test_hostile_tiffs_end(tmp_path, content):
    (tmp_path / "a.tif").write_bytes(content)
    assert fault_of(tmp_path / "a.tif") in ("file-truncated", "file-corrupt")


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        ("a.png", "PNG", None),
        ("a.PNG", "PNG", None),
        ("a.jpeg", "JPEG", None),
        ("a.tiff", "TIFF", None),
        ("a.png", "JPEG", ".jpg"),
        ("a.jpg", "PNG", ".png"),
        ("a.tif", "PNG", ".png"),
        ("a.png", "WEBP", ".webp"),
    ],
)
def test_the_suffix_that_goes_with_the_content(tmp_path, name, kind, expected):
    Image.fromarray(PIXELS).save(tmp_path / name, format=kind)
    assert suffix_of_content(tmp_path / name) == expected
