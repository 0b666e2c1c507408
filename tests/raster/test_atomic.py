"""An output is there whole or not at all."""

import errno
import os

import numpy as np
import pytest

from densa import raster
from densa.errors import InputError
from densa.raster import atomic_output


def test_atomic_output(tmp_path):
    with atomic_output(tmp_path / "a.txt") as temporary:
        assert temporary.parent == tmp_path
        assert temporary.suffix == ".txt"
        temporary.write_text("new")
        assert not (tmp_path / "a.txt").exists()
    assert (tmp_path / "a.txt").read_text() == "new"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt, SystemExit])
def test_failure_leaves_the_old_file(tmp_path, error):
    (tmp_path / "a.txt").write_text("old")

    def interrupted():
        with atomic_output(tmp_path / "a.txt", overwrite=True) as temporary:
            temporary.write_text("half")
            temporary.with_name(temporary.name + ".aux.xml").write_text("half")
            raise error

    with pytest.raises(error):
        interrupted()
    assert (tmp_path / "a.txt").read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


def test_full_disk_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match=r"a\.txt cannot be written: No space left"), atomic_output(tmp_path / "a.txt"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert not list(tmp_path.iterdir())


def test_companions_of_the_overwritten_file_go(tmp_path):
    for suffix in (".aux.xml", ".ovr", ".msk"):
        (tmp_path / f"a.tif{suffix}").write_text("old")
    raster.write_bands(tmp_path / "a.tif", np.zeros((1, 4, 5), np.float32))
    assert [p.name for p in tmp_path.iterdir()] == ["a.tif"]
