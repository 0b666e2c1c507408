"""Killed at random moments, as by a power cut, a prediction still comes out the same."""

import os
import subprocess
import sys

import pytest

from densa import raster

# A process that has everything loaded and forks the ones that are killed: real processes, without their slow start.
RUNS = """
import os, pathlib, random, signal, sys, time
import torch
from densa import raster
from densa.engine import predict_to_file
from densa.segmenter import ModelSource

torch.set_num_threads(1)
folder, n_kills, seed = pathlib.Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
segmenter = ModelSource(pathlib.Path(sys.argv[4]), device="cpu", precision="float32").load()

def predict(name, **options):
    with raster.open(folder / "scene.tif") as image:
        predict_to_file(
            segmenter, image, folder / f"{name}.tif", probabilities=folder / f"{name}.p.tif", tile_size=32, **options
        )

def forked(run):
    child = os.fork()
    if child:
        return child
    try:
        run()
    except BaseException:
        os._exit(1)
    os._exit(0)

begin = time.perf_counter()
assert os.waitpid(forked(lambda: predict("expected")), 0)[1] == 0
lasts = time.perf_counter() - begin
moments = random.Random(seed)
for _ in range(n_kills):
    child = forked(lambda: predict("map", resume=True))
    time.sleep(moments.uniform(0, lasts / 2))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    print(len(list((folder / "map.tif.partial").glob("*.tile"))), (folder / "map.tif").exists())
assert os.waitpid(forked(lambda: predict("map", resume=True)), 0)[1] == 0
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_killed_three_times_the_bytes_are_those_of_an_uninterrupted_run(model, scene, tmp_path):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", RUNS, str(tmp_path), "3", "0", str(model.folder)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 3
    for suffix in (".tif", ".p.tif"):
        assert (tmp_path / f"map{suffix}").read_bytes() == (tmp_path / f"expected{suffix}").read_bytes()
    assert not list(tmp_path.glob("*.partial"))
    assert not list(tmp_path.glob(".map*"))
    assert raster.read_label_map(tmp_path / "map.tif")[1].class_names == ("ground", "roof", "tree")
