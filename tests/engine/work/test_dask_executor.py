"""A real scheduler and two worker processes, one of them killed midway."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from densa.engine import predict_to_file
from densa.errors import InputError

distributed = pytest.importorskip("distributed")

pytestmark = pytest.mark.filterwarnings("ignore")  # of distributed, while its workers die

WORKER = """
import asyncio, sys, time
from densa.engine import tile_job
from distributed import Worker

read = tile_job.read_block

def slow(*arguments):
    time.sleep(0.15)
    return read(*arguments)

tile_job.read_block = slow  # so that there is a midway

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


def test_the_job_finishes_though_a_worker_is_killed(cluster, model, scene, tmp_path):
    address, workers = cluster
    segmenter = model.load()
    with distributed.Client(address) as client:
        client.wait_for_workers(2, timeout=60)
    options = {"tile_size": 32, "load": model.load}
    predict_to_file(segmenter, scene, tmp_path / "expected.tif", probabilities=tmp_path / "expected.p.tif", **options)
    work = tmp_path / "map.tif.partial"

    def kill_midway():
        while len(list(work.glob("*.tile"))) < 6:
            time.sleep(0.01)
        os.kill(workers[0].pid, signal.SIGKILL)
        killed.append(len(list(work.glob("*.tile"))))

    killed = []
    killer = threading.Thread(target=kill_midway)
    killer.start()
    options["dask"] = address
    assert predict_to_file(segmenter, scene, tmp_path / "map.tif", probabilities=tmp_path / "map.p.tif", **options)
    killer.join()
    assert killed[0] < 7 * 11 // 2  # of 77 tiles
    assert workers[0].wait() == -signal.SIGKILL
    assert workers[1].poll() is None
    for suffix in (".tif", ".p.tif"):
        found, expected = ((tmp_path / f"{name}{suffix}").read_bytes() for name in ("map", "expected"))
        assert found == expected


def test_no_scheduler(model, scene, tmp_path, monkeypatch):
    from densa.engine.work import dask_executor

    monkeypatch.setattr(dask_executor, "_CONNECT_SECONDS", 0.3)
    with pytest.raises(InputError, match="no Dask scheduler answers at tcp"):
        predict_to_file(model.load(), scene, tmp_path / "map.tif", tile_size=64, dask="tcp://127.0.0.1:9")


def test_without_distributed_the_mend_is_said(model, scene, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InputError, match=r"pip install 'densa\[dask\]'"):
        predict_to_file(model.load(), scene, tmp_path / "map.tif", tile_size=64, dask="local:2")
