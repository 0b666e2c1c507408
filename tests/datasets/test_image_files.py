from pathlib import Path

import pytest

from densa.datasets.image_files import has_windows, image_files


def test_images_below_a_folder(tmp_path):
    for path in ("b.PNG", "a.tif", "a.txt", ".hidden.png", ".git/x.png", "c/d.jpg", "c/e/f.gif", "c/e/g/h.bmp"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(b"")
    (tmp_path / "folder.png").mkdir()  # a folder is no file
    (tmp_path / "folder.png" / "i.webp").write_bytes(b"")

    def found(depth):
        return [path.relative_to(tmp_path).as_posix() for path in image_files(tmp_path, depth)]

    assert found(0) == ["a.tif", "b.PNG"]
    assert found(1) == ["a.tif", "b.PNG", "c/d.jpg", "folder.png/i.webp"]
    assert found(4) == ["a.tif", "b.PNG", "c/d.jpg", "c/e/f.gif", "c/e/g/h.bmp", "folder.png/i.webp"]


@pytest.mark.parametrize(("name", "expected"), [("a.TIF", True), ("a.tiff", True), ("a.vrt", True), ("a.png", False)])
def test_formats_with_windows(name, expected):
    assert has_windows(Path(name)) is expected
    assert has_windows(None) is False
