"""Tiles computed by the workers of a Dask cluster."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

from densa.engine.work.job import Job, Keep, close_job, run_tile
from densa.errors import InputError

__all__ = ["run_dask"]

_CONNECT_SECONDS = 20
_jobs: dict[str, Job] = {}  # of a worker process, by key


def run_dask(job: Job, numbers: Iterable[int], keep: Keep, address: str) -> Iterator[int]:
    """Compute tiles on a Dask cluster.

    The model is sent to every worker once, also to workers that join later; each opens the image by its path. The tiles
    of a worker that dies are computed by others.

    Args:
        job: the image must be at the same path on every worker.
        numbers: of the tiles.
        keep: called in this process.
        address: of the scheduler ("tcp://host:8786"), or "local:4" for four processes of this machine.

    Yields:
        Numbers of kept tiles.

    Raises:
        InputError: `distributed` is not installed, no scheduler answers, or a tile keeps killing its workers.
    """
    distributed = _distributed()
    with _client(distributed, address) as client:
        plugin = _plugin(distributed, job)
        client.register_plugin(plugin)
        try:
            yield from _gather(distributed, client, job.key, numbers, keep)
        finally:
            client.unregister_worker_plugin(plugin.name)


def _gather(distributed: Any, client: Any, key: str, numbers: Iterable[int], keep: Keep) -> Iterator[int]:
    """Submit tiles, a few for every worker at a time, and keep their results."""
    remaining = iter(numbers)

    def submit(number: int) -> Any:
        return client.submit(_run, key, number, key=f"densa-{key}-{number}", pure=True)

    most = 2 * max(1, sum(client.nthreads().values()))
    running = distributed.as_completed([submit(n) for n in islice(remaining, most)])
    for future in running:
        try:
            number, data = future.result()
        except distributed.KilledWorker as error:
            raise InputError(
                f"a tile killed several Dask workers, perhaps because memory ran out: {error}; "
                "give the workers more memory, or a smaller `memory`, and resume=True"
            ) from error
        keep(number, data)
        future.release()
        for following in islice(remaining, 1):
            running.add(submit(following))
        yield number


def _run(key: str, number: int) -> tuple[int, bytes]:
    """One tile, in a worker that the job was sent to."""
    return number, run_tile(_jobs[key], number)


def _plugin(distributed: Any, job: Job) -> Any:
    class SendJob(distributed.WorkerPlugin):  # type: ignore[misc,name-defined,unused-ignore]
        """Sends the job to a worker when it starts."""

        name = f"densa-{job.key}"

        def setup(self, worker: Any) -> None:
            from densa.engine.work.dask_executor import remember

            remember(job)

        def teardown(self, worker: Any) -> None:
            from densa.engine.work.dask_executor import forget

            forget(job.key)

    return SendJob()


def remember(job: Job) -> None:
    """Keep a job, whose tiles will be asked for."""
    _jobs[job.key] = job


def forget(key: str) -> None:
    """Drop a job, its model and its image."""
    _jobs.pop(key, None)
    close_job(key)


@contextmanager
def _client(distributed: Any, address: str) -> Iterator[Any]:
    local = re.fullmatch(r"local:(\d+)", address)
    if local:
        options: dict[str, Any] = {"n_workers": int(local[1]), "threads_per_worker": 1, "processes": True}
        options |= {"dashboard_address": None, "memory_limit": 0}
        with distributed.LocalCluster(**options) as cluster, distributed.Client(cluster) as client:
            yield client
        return
    try:
        client = distributed.Client(address, timeout=_CONNECT_SECONDS)
    except (OSError, TimeoutError, ValueError) as error:
        raise InputError(f"no Dask scheduler answers at {address}: {error}") from error
    with client:
        yield client


def _distributed() -> Any:
    try:
        import distributed
    except ImportError as error:
        raise InputError("Dask is not installed; pip install 'densa[dask]'") from error
    return distributed
