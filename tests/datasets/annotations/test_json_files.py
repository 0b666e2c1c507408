"""JSON files of others: limits, and paths that stay inside."""

import os
from pathlib import Path

import pytest

from densa import InputError
from densa.datasets.annotations.json_files import load_json, path_inside


def test_depth_size_and_syntax(tmp_path):
    file = tmp_path / "a.json"
    file.write_text("[" * 200_000)
    with pytest.raises(InputError, match=r"is nested too deeply|is no JSON"):
        load_json(file)
    file.write_text('{"a": 1}')
    assert load_json(file) == {"a": 1}
    file.write_text("{")
    with pytest.raises(InputError, match="is no JSON"):
        load_json(file)
    with pytest.raises(InputError, match="more than the 0 MB that are read"):
        load_json(file, 0)
    with pytest.raises(InputError, match="cannot be read"):
        load_json(tmp_path / "b.json")


def test_large_files_are_not_read(tmp_path):
    file = tmp_path / "a.json"
    with file.open("wb") as opened:
        os.truncate(opened.fileno(), 17 << 20)
    with pytest.raises(InputError, match="17 MB, more than the 16 MB"):
        load_json(file, 16 << 20)


@pytest.mark.parametrize("text", ["{'a': 1}", "\ud800"])
def test_what_is_no_json(tmp_path, text):
    file = tmp_path / "a.json"
    file.write_bytes(text.encode(errors="surrogatepass"))
    with pytest.raises(InputError, match=r"a\.json") as caught:
        load_json(file)
    assert "\n" not in str(caught.value)


def test_links_that_leave_the_folder(tmp_path):
    """A link that somebody made in his data set is followed; where a layout has none, it is refused."""
    (tmp_path / "out").symlink_to("/etc")
    source = tmp_path / "a.json"
    assert path_inside(tmp_path, tmp_path, "out/passwd", source) == tmp_path / "out" / "passwd"
    with pytest.raises(InputError, match="lies outside of"):
        path_inside(tmp_path, tmp_path, "out/passwd", source, links=False)


def test_paths_inside():
    root = Path("/data")
    for name, found in [
        ("a.png", "labels/a.png"),
        ("..\\images\\a.png", "images/a.png"),
        ("x/../a.png", "labels/a.png"),
    ]:
        assert path_inside(root, root / "labels", name, Path("l.json")) == root / found


@pytest.mark.parametrize("name", ["../../etc/passwd", "x/../../../a.png", "..\\..\\a.png", "../.."])
def test_paths_that_leave_the_folder(name):
    root = Path("/data")
    with pytest.raises(InputError, match="which lies outside of /data; copy it into the data set"):
        path_inside(root, root / "labels", name, Path("l.json"))


@pytest.mark.parametrize("name", ["/etc/passwd", "C:\\a.png", "\\\\host\\a.png", "", "a\0.png", None, 3])
def test_paths_that_are_not_relative(name):
    with pytest.raises(InputError, match="must be a path relative to its folder"):
        path_inside(Path("/data"), Path("/data"), name, Path("l.json"))
