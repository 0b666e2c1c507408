import os

import pytest

from densa import InputError
from densa.datasets.layouts.json_file import file_inside, read_json


def test_large_files_are_not_read(tmp_path):
    file = tmp_path / "a.json"
    with file.open("wb") as opened:
        os.truncate(opened.fileno(), 17 << 20)
    with pytest.raises(InputError, match="17 MB, more than the 16 MB"):
        read_json(file)


@pytest.mark.parametrize("text", ["[" * 100_000, "{'a': 1}", "\ud800"])
def test_what_is_no_json(tmp_path, text):
    file = tmp_path / "a.json"
    file.write_bytes(text.encode(errors="surrogatepass"))
    with pytest.raises(InputError, match=r"a\.json") as caught:
        read_json(file)
    assert "\n" not in str(caught.value)


def test_paths_stay_in_the_folder(tmp_path):
    source = tmp_path / "a.json"
    assert file_inside(tmp_path, "x\\y.png", source) == tmp_path / "x" / "y.png"
    (tmp_path / "out").symlink_to("/etc")
    for name in ("../a.png", "/etc/passwd", "out/passwd", "x/../../a", ""):
        with pytest.raises(InputError, match=r"outside|by text"):
            file_inside(tmp_path, name, source)
