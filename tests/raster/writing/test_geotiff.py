"""Outputs are there whole or not at all: overwriting, full disks, interruption; and GeoTIFFs of any type."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from numpy.testing import assert_array_equal

from densa import raster
from densa.errors import InputError
from densa.legend import Legend
from densa.raster import LabelMapWriter, Window, atomic_output

LEGEND = Legend(("a", "b"))
LABELS = np.zeros((6, 7), np.uint8)


def write(path, **options):
    raster.write_label_map(path, LABELS, LEGEND, **options)


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


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_existing_output(tmp_path, name):
    (tmp_path / name).write_text("old")
    with pytest.raises(InputError, match="exists"):
        write(tmp_path / name)
    assert (tmp_path / name).read_text() == "old"
    write(tmp_path / name, overwrite=True)
    assert_array_equal(raster.read_mask(tmp_path / name), LABELS)


def test_companions_of_the_overwritten_file_go(tmp_path):
    for suffix in (".aux.xml", ".ovr", ".msk"):
        (tmp_path / f"a.tif{suffix}").write_text("old")
    raster.write_bands(tmp_path / "a.tif", np.zeros((1, 4, 5), np.float32))
    assert [p.name for p in tmp_path.iterdir()] == ["a.tif"]


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


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "int32", "float32", "float64"])
@pytest.mark.parametrize("n_bands", [1, 3, 4])
def test_bands_of_every_type(tmp_path, rng, dtype, n_bands):
    array = rng.integers(0, 100, (n_bands, 30, 20)).astype(dtype)
    raster.write_bands(tmp_path / "a.tif", array)
    with raster.open(tmp_path / "a.tif") as image:
        values, valid = image.read()
    assert_array_equal(values, array)  # four bands of bytes are no RGBA
    assert values.dtype == dtype
    assert valid.all()


def test_bands_with_names_scale_and_place(tmp_path):
    place = {"crs": "EPSG:32630", "transform": Affine(10, 0, 500000, 0, -10, 4000000)}
    raster.write_bands(tmp_path / "a.tif", np.zeros((2, 4, 5), np.uint8))
    with rasterio.open(tmp_path / "a.tif", "r+", IGNORE_COG_LAYOUT_BREAK="YES") as file:
        file.crs, file.transform = place["crs"], place["transform"]
    array = np.array([[[0, 255]], [[255, 7]]], np.uint8)
    with raster.open(tmp_path / "a.tif") as like:
        options = {"band_names": ("road", "car"), "scale": 1 / 255, "nodata": 7}
        raster.write_bands(tmp_path / "b.tif", array, like=like, **options)
    with rasterio.open(tmp_path / "b.tif") as file:
        assert file.descriptions == ("road", "car")
        assert file.scales == (1 / 255, 1 / 255)
        assert file.crs.to_epsg() == 32630
        assert file.transform == place["transform"]
        assert file.nodata == 7
    with raster.open(tmp_path / "b.tif") as image:
        assert image.band_names == ("road", "car")


@pytest.mark.parametrize(
    ("name", "array", "options", "message"),
    [
        ("a.png", np.zeros((1, 2, 2)), {}, "must end in"),
        ("a.tif", np.zeros((2, 2)), {}, "shape"),
        ("a.tif", np.zeros((0, 2, 2)), {}, "shape"),
        ("a.tif", np.zeros((1, 2, 2), complex), {}, "complex"),
        ("a.tif", np.zeros((1, 2, 2), np.float16), {}, "float16"),
        ("a.tif", np.zeros((1, 2, 2)), {"band_names": ("a", "b")}, "as many names, got 2"),
    ],
)
def test_refused_bands(tmp_path, name, array, options, message):
    with pytest.raises(InputError, match=message):
        raster.write_bands(tmp_path / name, array, **options)
    assert not list(Path(tmp_path).iterdir())
