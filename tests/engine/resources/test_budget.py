"""The memory budget is kept."""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from densa import raster
from densa.engine import PredictionFiles, Work, predict_to_file
from densa.errors import InputError
from densa.legend import Legend
from densa.networks import build
from densa.segmenter import Architecture, BandContract, save_model

IN_A_PROCESS = """
import pathlib, re, resource, sys
import torch
from densa import raster
from densa.engine import PredictionFiles, Work, predict_to_file
from densa.engine.prediction.tile import TileComputer
from densa.engine.resources.memory import resident_bytes
from densa.segmenter import ModelSource

torch.set_num_threads(1)
folder = pathlib.Path(sys.argv[1])
segmenter = ModelSource(folder / "model", device="cpu", precision="float32").load()
halve, halved = TileComputer._halve, []
TileComputer._halve = lambda self, *given: halved.append(halve(self, *given))
with raster.open(folder / "image.tif") as image:
    memory = resident_bytes() + 220 * 10**6
    predict_to_file(segmenter, image, PredictionFiles(folder / "budget.tif"), Work(memory=memory))
    # Not ru_maxrss: a process inherits that of the one that started it.
    peak = 1024 * int(re.search(r"VmHWM:\\s+(\\d+)", pathlib.Path("/proc/self/status").read_text())[1])
    print(peak / memory, len(halved))
    now = int(pathlib.Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + 110 * 10**6,) * 2)  # what asks for more is refused
    predict_to_file(segmenter, image, PredictionFiles(folder / "limit.tif"))
    print(len(halved))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's limits and /proc")
def test_a_budget_is_kept_and_a_limit_of_the_system_is_kept(tmp_path):
    """In one piece the image would take some 200 MB beside what the process holds."""
    torch.manual_seed(0)
    network = build("unet", 1, 3, width=8)
    legend = Legend(("a", "b", "c"))
    save_model(tmp_path / "model", network, Architecture("unet", {"width": 8}), legend, BandContract(1))
    image = np.random.default_rng(0).integers(0, 255, (1, 1000, 700), dtype=np.uint8)
    raster.write_bands(tmp_path / "image.tif", image)
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"}
    # For every shape of every layer oneDNN sets 256 kB of addresses aside, which the limit counts.
    environment["ONEDNN_PRIMITIVE_CACHE_CAPACITY"] = "16"
    command = [sys.executable, "-c", IN_A_PROCESS, str(tmp_path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    share, in_budget, in_limit = done.stdout.split()
    assert 0.5 < float(share) <= 1.1
    assert int(in_budget) == 0
    assert int(in_limit) >= 0  # pieces that were halved; strips may need none
    found, expected = (raster.read_label_map(tmp_path / f"{name}.tif")[0] for name in ("limit", "budget"))
    assert (found != expected).mean() < 1e-4  # random weights: ties are rounded either way


def test_a_budget_too_small_is_refused_with_the_least_that_works(model, scene, tmp_path):
    with pytest.raises(InputError, match=r"a memory of 100 MB is too small .* the least is [\d.]+ [MG]B"):
        predict_to_file(model.load(), scene, PredictionFiles(tmp_path / "map.tif"), Work(memory=10**8))
