"""The memory budget is kept, and running out of memory means smaller pieces."""

import gc
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal

from densa import raster
from densa.engine import PredictionFiles, Work, parse_bytes, predict_array, predict_to_file
from densa.engine.resources.exhaustion import is_out_of_memory
from densa.engine.resources.memory import peak_during, resident_bytes, shown_bytes
from densa.errors import InputError
from densa.legend import Legend
from densa.networks import build
from densa.segmenter import Architecture, BandContract, save_model


@pytest.mark.parametrize(
    ("text", "n_bytes"),
    [("2GB", 2 * 10**9), ("1.5 GiB", 3 * 2**29), ("800m", 8 * 10**8), ("64K", 64_000), ("123456", 123456), ("7 B", 7)],
)
def test_amounts_of_memory(text, n_bytes):
    assert parse_bytes(text) == n_bytes


@pytest.mark.parametrize("text", ["", "GB", "2XB", "-1GB", "2 G B", "1e9", "2iB"])
def test_what_is_no_amount(text):
    with pytest.raises(InputError, match="memory must be a number with a unit"):
        parse_bytes(text)


def test_amounts_as_people_read_them():
    assert [shown_bytes(n) for n in (7, 64_000, 8e8, 1.5e9, 2e12)] == ["7 B", "64 kB", "800 MB", "1.50 GB", "2.00 TB"]


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="measured by Linux's /proc")
def test_a_peak_is_seen_after_it_is_gone():
    gc.collect()  # what other tests left must not be given back meanwhile
    np.ones(3 * 10**7)  # an earlier, higher peak does not count
    before, most = peak_during(lambda: np.ones(10**7).sum())
    assert before <= resident_bytes() + 10**7
    assert 7.5e7 < most - before < 1.5e8


ERRORS = [
    MemoryError(),
    np._core._exceptions._ArrayMemoryError((3,), np.dtype(float)),
    torch.OutOfMemoryError("CUDA out of memory."),
    RuntimeError(
        "[enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to "
        "allocate 137438953472 bytes. Error code 12 (Cannot allocate memory)"
    ),
    RuntimeError("could not create a primitive"),
    RuntimeError("std::bad_alloc"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda e: type(e).__name__)
def test_out_of_memory_means_smaller_pieces(widest, opened, error):
    class Small(widest):
        def probabilities(self, block, valid=None):
            if block.shape[1] * block.shape[2] > 30 * 30:
                raise error
            return super().probabilities(block, valid)

    image = opened(np.random.default_rng(0).integers(0, 255, (70, 83), dtype=np.uint8))
    expected, expected_sure = predict_array(widest(), image)
    segmenter = Small()
    labels, sure = predict_array(segmenter, image, tile_size=48 if isinstance(error, MemoryError) else None)
    assert_array_equal(labels, expected)
    assert_array_equal(sure, expected_sure)
    assert max(h * w for _, h, w in segmenter.calls) <= 30 * 30


def test_where_nothing_fits_it_is_said(widest, opened):
    class Hopeless(widest):
        def probabilities(self, block, valid=None):
            raise MemoryError

    with pytest.raises(InputError, match="memory does not reach to predict"):
        predict_array(Hopeless(), opened(np.zeros((70, 83), np.uint8)))


def test_other_errors_are_not_taken_for_it(widest, opened):
    class Broken(widest):
        def probabilities(self, block, valid=None):
            raise RuntimeError("expected scalar type Float but found Half")

    with pytest.raises(RuntimeError, match="expected scalar type"):
        predict_array(Broken(), opened(np.zeros((70, 83), np.uint8)))
    assert not is_out_of_memory(InputError("the file is damaged"))


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
def test_a_budget_is_kept_and_a_limit_of_the_system_means_smaller_pieces(tmp_path):
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
    assert int(in_limit) > 0
    found, expected = (raster.read_label_map(tmp_path / f"{name}.tif")[0] for name in ("limit", "budget"))
    assert (found != expected).mean() < 1e-4  # random weights: ties are rounded either way


def test_a_budget_too_small_is_refused_with_the_least_that_works(model, scene, tmp_path):
    with pytest.raises(InputError, match=r"a memory of 100 MB is too small .* the least is [\d.]+ [MG]B"):
        predict_to_file(model.load(), scene, PredictionFiles(tmp_path / "map.tif"), Work(memory=10**8))
