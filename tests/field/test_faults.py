"""A disk that is full, limited, broken or forbidden at every write in turn, and kills at every step.

Whatever fails: one line, no half file under a final name, and what resumes gives the same bytes.
"""

import json
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
from tests.quick_demo import make_demo_quick

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
    "train a network": "train DATA -o out --width 1 --steps 4 --patch-size 16 --batch-size 2 --validate-every 2 "
    "--device cpu --precision float32",
    "ensemble": "ensemble RUN RUN -o out",
    "compare": "compare DATA --models pixel-forest -o out --accuracy-only --train-config quick.yaml",
    "demo": "demo -o out --minutes 1",
}
TALKING = ("compare", "demo")  # say on stderr what they are at
posix = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is SIGKILL")
DATED = ("report.html", "comparison.html", "comparison.csv", "metrics.csv", "model.json", "last.safetensors", ".gpkg",
         "pixel-forest.json", "split.json")  # fmt: skip
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
            (folder / "quick.yaml").write_text("model: pixel-forest\ntrees: 2\nsamples: 60\n")
            os.utime(folder / "scene.tif", (10**9, 10**9))
        monkeypatch.chdir(folder)
        if verb == "demo" and name == "whole":
            make_demo_quick(monkeypatch)
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


def again(verb, folder):
    """Options by which a verb finishes what failed."""
    begun = (folder / "config.yaml").exists() and not (folder / "model.json").exists()
    if verb in RESUMED or (verb == "train a network" and (begun or (folder / "checkpoints/last.safetensors").exists())):
        return ["--resume"]
    return [] if verb in ("ensemble", "train", "train a network") and not folder.exists() else ["--overwrite"]


def files(folder):
    """Finished files and their bytes; without what has a date or seconds in it."""
    found = {}
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if path.is_file() and not any(".partial" in part for part in inside.parts):
            found[str(inside)] = path.name in DATED or path.suffix in DATED or path.read_bytes()
    return found


def different(found, whole):
    """Names of the files that only one has, or that differ."""
    return sorted(path for path in {*found, *whole} if found.get(path) != whole.get(path))


def check(call, verb, some):
    done, err, whole, n = call("whole", verb)
    assert done == 0, err
    assert n > 2
    for number, fail_at in enumerate(some(n)):
        code, name = CODES[(number + fail_at) % len(CODES)], f"at{fail_at}"
        done, err, found, _ = call(name, verb, fail_at, code)
        assert done in (0, 2), (fail_at, os.strerror(code), err)
        lines = [line for line in err.splitlines() if "validation" not in line and not line.startswith("training")]
        assert all(line.startswith("densa: ") or verb in TALKING for line in lines), err
        assert done == 0 or lines[-1].startswith("densa: ")
        # Nothing half, and no temporary file is left.
        assert [path for path in found if path not in whole or found[path] != whole[path]] == [], (fail_at, code, err)
        assert not [path for path in Path.cwd().rglob(".*") if ".partial" not in str(path)]
        done, err, found, _ = call(name, verb, more=again(verb, Path.cwd() / "out"))
        assert (done, different(found, whole)) == (0, []), (fail_at, os.strerror(code), err)
        shutil.rmtree(Path.cwd())


@pytest.mark.parametrize("verb", sorted({*VERBS} - {"demo"}))
def test_a_write_that_fails_leaves_nothing_half(call, verb):
    check(call, verb, lambda n: sorted({n // 2, n - 1} - {0}))


@pytest.mark.slow
@pytest.mark.parametrize("verb", VERBS)
def test_every_write_that_fails_leaves_nothing_half(call, verb):
    check(call, verb, lambda n: range(1, n + 1, 1 + n // 100))


@pytest.mark.parametrize("verb", ["predict", "regions", "seams", "evaluate", "ensemble", "compare"])
def test_old_files_stay_until_the_new_ones_are_complete(call, verb):
    done, err, whole, _ = call("whole", verb)
    assert done == 0, err
    call("again", verb)
    n = call("again", verb, more=["--overwrite"])[3]
    codes = []
    for fail_at in (max(1, n // 2), n - 1, n):
        for path in whole:
            if verb != "ensemble" and "runs" not in path:  # an ensemble replaces nothing else
                Path("out", path).write_bytes(b"old")
        done, _, found, _ = call("again", verb, fail_at, CODES[0], more=["--overwrite"])
        codes.append(done)
        # Names of classes beside a map belong to it: those of a replaced map are removed before the new ones come.
        assert {path for path in whole if not path.endswith(".aux.xml")} <= found.keys() <= whole.keys()
        for path, now in found.items():
            assert whole[path] is True or now in (b"old", whole[path]), path
    assert 2 in codes


def kill(call, trained, squares, folder, some):
    whole, jobs = {}, []
    for number, verb in enumerate(KILLED):
        whole[verb], n = call(f"whole{number}", verb)[2:]
        for step in some(n):
            place = folder / f"kill{number} at {step}"
            place.mkdir()
            shutil.copy2(folder / f"whole{number}/scene.tif", place / "scene.tif")
            jobs.append((verb, place, step))
    given = [(str(place), step, arguments(verb, trained, squares)[1:]) for verb, place, step in jobs]
    done = subprocess.run(
        [sys.executable, "-m", "tests.field.faults"],
        input=json.dumps(given),
        env=os.environ | {"PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
        check=True,
    )
    codes = [int(line.split()[1]) for line in done.stdout.splitlines() if line.startswith("ended ")]
    assert len(codes) == len(jobs)
    assert -9 in codes
    assert {*codes} <= {-9, 0}, done.stderr
    for verb, place, step in jobs:
        found = files(place / "out")
        finished = {name: data for name, data in found.items() if not name.rpartition("/")[2].startswith(".")}
        assert [path for path in finished if finished[path] != whole[verb].get(path)] == [], (verb, step)
        code, err, found, _ = call(place.name, verb, more=again(verb, place / "out"))
        named = {path: found[path] for path in found if path in whole[verb]}
        assert (code, different(named, whole[verb])) == (0, []), (verb, step, err)


KILLED = ("predict", "regions", "train a network")


@posix
def test_runs_that_are_killed_are_resumed(call, trained, squares, tmp_path):
    kill(call, trained, squares, tmp_path, lambda n: [n // 2, n - 1])


@pytest.mark.slow
@posix
def test_runs_that_are_killed_at_any_step_are_resumed(call, trained, squares, tmp_path):
    kill(call, trained, squares, tmp_path, lambda n: range(1, n + 1))
