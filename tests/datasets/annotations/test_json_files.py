"""JSON files of others: limits, and paths that stay inside."""

from pathlib import Path

import pytest

from densa import InputError
from densa.datasets.annotations import json_files
from densa.datasets.annotations.json_files import load_json, path_inside


def test_depth_size_and_syntax(tmp_path, monkeypatch):
    file = tmp_path / "a.json"
    file.write_text("[" * 200_000)
    with pytest.raises(InputError, match=r"is nested too deeply|is no JSON"):
        load_json(file)
    file.write_text('{"a": 1}')
    assert load_json(file) == {"a": 1}
    file.write_text("{")
    with pytest.raises(InputError, match="is no JSON"):
        load_json(file)
    monkeypatch.setattr(json_files, "LARGEST", 0)
    with pytest.raises(InputError, match="too much to be read"):
        load_json(file)
    with pytest.raises(InputError, match="cannot be read"):
        load_json(tmp_path / "b.json")


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


@pytest.mark.parametrize("name", ["/etc/passwd", "C:\\a.png", "\\\\host\\a.png", "", "a\0.png"])
def test_paths_that_are_not_relative(name):
    with pytest.raises(InputError, match="must be a path relative to its folder"):
        path_inside(Path("/data"), Path("/data"), name, Path("l.json"))
