"""Outputs are there whole or not at all: overwriting, full disks, interruption; and GeoTIFFs of any type."""

import subprocess
import sys

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from densa import raster
from densa.errors import InputError
from densa.legend import Legend
from densa.raster import LabelMapWriter, Window

LEGEND = Legend(("a", "b"))
LABELS = np.zeros((6, 7), np.uint8)


def write(path, **options):
    raster.write_label_map(path, LABELS, LEGEND, **options)


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_existing_output(tmp_path, name):
    (tmp_path / name).write_text("old")
    with pytest.raises(InputError, match="exists"):
        write(tmp_path / name)
    assert (tmp_path / name).read_text() == "old"
    write(tmp_path / name, overwrite=True)
    assert_array_equal(raster.read_mask(tmp_path / name), LABELS)


def test_impossible_places(tmp_path):
    with pytest.raises(InputError, match="no folder"):
        write(tmp_path / "missing" / "a.png")
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(InputError, match="is a folder"):
        write(tmp_path / "folder.png", overwrite=True)


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_ctrl_c_while_writing(tmp_path, name):
    def interrupted():
        with LabelMapWriter(tmp_path / name, 600, 700, LEGEND) as writer:
            writer.write(Window(0, 0, 6, 7), LABELS)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not list(tmp_path.iterdir())


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
import numpy as np
from densa import InputError, Legend, raster

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a write beyond the limit then fails, as on a full disk
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
kind, folder, side = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
labels = np.random.default_rng(0).integers(0, 2, (side, side)).astype(np.uint8)
try:
    if kind == "bands":
        raster.write_bands(folder / "a.tif", labels[None].astype(np.float32))
    else:
        raster.write_label_map(folder / f"a.{kind}", labels, Legend(("a", "b")))
except InputError as error:
    print(error)
    sys.exit(2)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="file size limits are POSIX")
@pytest.mark.parametrize(("kind", "side"), [("png", 900), ("tif", 600), ("tif", 1500), ("bands", 900)])
def test_disk_that_is_full(tmp_path, kind, side):
    """Small files are written when GDAL closes them, large ones before: both failures must be found."""
    arguments = [sys.executable, "-c", FULL_DISK, kind, tmp_path, str(side)]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert "cannot be written" in done.stdout
    assert done.stdout.count("\n") == 1
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())
