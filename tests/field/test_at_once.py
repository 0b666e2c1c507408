"""What people ran into: several processes at once with one output."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import densa
from densa import raster

pytestmark = pytest.mark.slow


def at_once(n, folder, *arguments, **changes):
    """Exit code and stderr of each of `n` processes of one command."""
    environment = os.environ | {"PYTHONPATH": str(Path(densa.__file__).parents[1]), "OMP_NUM_THREADS": "1"} | changes
    words = [sys.executable, "-m", "densa", *map(str, arguments)]
    begun = [
        subprocess.Popen(words, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(n)
    ]
    said = [one.communicate()[1] for one in begun]
    return [(one.returncode, err) for one, err in zip(begun, said, strict=True)]


def test_two_predictions_to_one_output_are_one_map(trained, tmp_path):
    image = np.random.default_rng(0).integers(0, 255, (1, 64, 80)).astype(np.uint8)
    raster.write_bands(tmp_path / "a.tif", image)
    options = ("--tile-size", 16, "--device", "cpu", "--precision", "float32")
    assert at_once(1, tmp_path, "predict", trained, "a.tif", "-o", "one.tif", *options)[0][0] == 0
    ended = at_once(2, tmp_path, "predict", trained, "a.tif", "-o", "two.tif", *options)
    assert 0 in [code for code, _ in ended], ended
    for code, err in ended:
        assert code == 0 or (code == 2 and err.count("\n") == 1 and err.startswith("densa: ")), err
    np.testing.assert_array_equal(*(raster.read_label_map(tmp_path / f"{name}.tif")[0] for name in ("one", "two")))
    assert not list(tmp_path.glob("*.partial"))


COMPILE = """
import numpy as np
from densa.union_find import number_sets
print(number_sets(np.array([0, 0, 2, 2, 1]), np.zeros(5, np.int64)))
"""


def test_ten_processes_begin_with_no_kernels(tmp_path):
    environment = os.environ | {
        "PYTHONPATH": str(Path(densa.__file__).parents[1]),
        "NUMBA_CACHE_DIR": str(tmp_path),
    }
    words = [sys.executable, "-c", COMPILE]
    begun = [
        subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(10)
    ]
    assert {(*one.communicate(), one.returncode) for one in begun} == {("2\n", "", 0)}
    assert list(tmp_path.rglob("*.nbc"))
