"""A disk that is full, limited, broken or forbidden at every write in turn, and kills at every step.

Whatever fails: one line, no half file under a final name, and what resumes gives the same bytes.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from affine import Affine

from densa import cli, raster
from tests.field.faults import CODES, Steps, faults, raising

ROOT = Path(__file__).parents[2]
PLACE = raster.Georeference(None, Affine(2, 0, 10, 0, -2, 50))
PREDICT = "predict RUN scene.tif -o out --tile-size 16 --probabilities --polygons gpkg --device cpu --precision float32"
REGIONS = "regions scene.tif -o out/r.tif --count 6 --tile-size 24 --outline out/o.png --statistics out/s.csv"
VERBS = {
    "predict": PREDICT,
    "regions": f"{REGIONS} --polygons out/p.geojson --boundaries out/b.tif",
    "seams": "seams RUN scene.tif -o out/s.png --tiles 16,32 --device cpu --precision float32",
    "evaluate": "evaluate MASKS MASKS -o out",
    "train": "train DATA -o out --model pixel-forest --trees 2 --samples 60",
    "ensemble": "ensemble RUN RUN -o out",
}
RESUMED = ("predict", "regions")


@pytest.fixture
def call(monkeypatch, capsys, trained, squares, tmp_path):
    """Call a verb in a new folder, with a fault at a step; gives exit code, stderr, the files of `out`, steps."""
    scene = np.random.default_rng(3).integers(0, 255, (1, 40, 44)).astype(np.uint8)

    def run(name, verb, fail_at=0, code=None, more=()):
        folder = tmp_path / name
        if not folder.exists():
            folder.mkdir()
            raster.write_bands(folder / "scene.tif", scene, like=PLACE)
            os.utime(folder / "scene.tif", (10**9, 10**9))
        monkeypatch.chdir(folder)
        monkeypatch.setattr("sys.argv", arguments(verb, trained, squares) + list(more))
        steps = Steps(folder, fail_at, None if code is None else raising(code))
        capsys.readouterr()
        with faults(steps):
            done = cli.run()
        return done, capsys.readouterr().err, files(folder / "out"), steps.n

    return run


def arguments(verb, trained, squares):
    names = {"RUN": trained, "DATA": squares, "MASKS": squares / "val/masks"}
    return ["densa", *(str(names.get(word, word)) for word in VERBS[verb].split())]


def files(folder):
    """Finished files and their bytes; without what has a date or seconds in it."""
    found = {}
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if path.is_file() and not any(".partial" in part for part in inside.parts):
            dated = path.name in ("report.html", "metrics.csv", "model.json") or path.suffix == ".gpkg"
            found[str(inside)] = dated or path.read_bytes()
    return found


def check(call, verb, some):
    done, err, whole, n = call("whole", verb)
    assert done == 0, err
    assert n > 2
    for number, fail_at in enumerate(some(n)):
        code, name = CODES[(number + fail_at) % len(CODES)], f"at{fail_at}"
        done, err, found, _ = call(name, verb, fail_at, code)
        assert done in (0, 2), (fail_at, os.strerror(code), err)
        assert all(line.startswith("densa: ") for line in err.splitlines())
        assert done == 0 or err
        # Nothing half, and no temporary file is left.
        assert {name: whole.get(name) for name in found} == found, (fail_at, os.strerror(code), err)
        assert not list(Path.cwd().glob(".*"))
        again = ["--resume"] if verb in RESUMED else ["--overwrite"]
        if verb == "ensemble" and not found:
            again = []
        done, err, found, _ = call(name, verb, more=again)
        assert (done, found) == (0, whole), (fail_at, os.strerror(code), err)
        shutil.rmtree(Path.cwd())


@pytest.mark.parametrize("verb", VERBS)
def test_a_write_that_fails_leaves_nothing_half(call, verb):
    check(call, verb, lambda n: sorted({1, n // 3, 2 * n // 3, n - 1, n} - {0}))


@pytest.mark.slow
@pytest.mark.parametrize("verb", VERBS)
def test_every_write_that_fails_leaves_nothing_half(call, verb):
    check(call, verb, lambda n: range(1, n + 1))


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="there is SIGKILL")
@pytest.mark.parametrize("verb", RESUMED)
def test_a_run_that_is_killed_at_any_step_is_resumed(call, verb, trained, squares, tmp_path):
    _, _, whole, n = call("whole", verb)
    command = [sys.executable, "-m", "tests.field.faults"]
    environment = os.environ | {"PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"}
    for step in range(1, n + 1, max(1, n // 12)):
        folder = tmp_path / f"kill{step}"
        folder.mkdir()
        shutil.copy2(tmp_path / "whole/scene.tif", folder / "scene.tif")
        words = [*command, str(folder), str(step), *arguments(verb, trained, squares)[1:]]
        done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode in (-9, 0), done.stderr
        found = files(folder / "out")
        finished = {name: data for name, data in found.items() if not name.rpartition("/")[2].startswith(".")}
        assert {name: whole.get(name) for name in finished} == finished
        code, err, found, _ = call(folder.name, verb, more=["--resume"])
        assert (code, {name: found[name] for name in whole}) == (0, whole), (step, err)
