"""A real scheduler and two worker processes, one of them killed midway."""

import os
import subprocess
import sys
import threading
import time

import pytest

from densa.engine import PredictionFiles, Work, predict_to_file
from densa.errors import InputError

distributed = pytest.importorskip("distributed")

pytestmark = pytest.mark.filterwarnings("ignore")  # of distributed, while its workers die

WORKER = """
import asyncio, sys, time
from densa.engine.prediction import tile
from distributed import Worker

read = tile.read_block

def slow(*arguments):
    time.sleep(0.15)
    return read(*arguments)

tile.read_block = slow  # so that there is a midway

async def main():
    async with Worker(sys.argv[1], nthreads=1, local_directory=sys.argv[2]) as worker:
        await worker.finished()

asyncio.run(main())
"""


@pytest.fixture
def cluster(tmp_path):
    """A scheduler in this process and two workers in their own; gives the address and the workers."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    local = distributed.LocalCluster(n_workers=0, dashboard_address=None, silence_logs=50)
    address = local.scheduler_address
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, address, str(tmp_path)], env=environment, stderr=subprocess.DEVNULL
        )
        for _ in range(2)
    ]
    yield address, workers
    for worker in workers:
        worker.kill()
        worker.wait()
    local.close()


@pytest.mark.slow  # Dask alone: test_run.py; a killed worker alone: test_crew.py
def test_the_job_finishes_though_a_worker_is_killed(cluster, model, scene, tmp_path):
    address, workers = cluster
    segmenter = model.load()
    with distributed.Client(address) as client:
        client.wait_for_workers(2, timeout=60)
    files, expected = (
        PredictionFiles(tmp_path / f"{name}.tif", tmp_path / f"{name}.p.tif") for name in ("map", "expected")
    )
    predict_to_file(segmenter, scene, expected, Work(tile_size=32), load=model.load)
    work = tmp_path / "map.tif.partial"

    def kill_midway():
        while len(list(work.glob("*.tile"))) < 6:
            time.sleep(0.01)
        workers[0].kill()
        killed.append(len(list(work.glob("*.tile"))))

    killed = []
    killer = threading.Thread(target=kill_midway)
    killer.start()
    assert predict_to_file(segmenter, scene, files, Work(tile_size=32, dask=address), load=model.load)
    killer.join()
    assert killed[0] < 7 * 11 // 2  # of 77 tiles
    assert workers[0].wait() != 0
    assert workers[1].poll() is None
    for product, path in files.each().items():
        assert path.read_bytes() == expected.each()[product].read_bytes()


def test_no_scheduler(model, scene, tmp_path, monkeypatch):
    from densa.engine.work import dask_executor

    monkeypatch.setattr(dask_executor, "_CONNECT_SECONDS", 0.3)
    with pytest.raises(InputError, match="no Dask scheduler answers at tcp"):
        predict_to_file(
            model.load(), scene, PredictionFiles(tmp_path / "map.tif"), Work(tile_size=64, dask="tcp://127.0.0.1:9")
        )


def test_without_distributed_the_mend_is_said(model, scene, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InputError, match=r"pip install 'densa\[dask\]'"):
        predict_to_file(model.load(), scene, PredictionFiles(tmp_path / "map.tif"), Work(tile_size=64, dask="local:2"))
