"""Who computes the tiles of a job: this process, its threads, other processes, a Dask cluster."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from densa.engine.work.executors import Store, run_processes, run_serial, run_threads
from densa.engine.work.job import Job, Worker
from densa.errors import InputError

__all__ = ["Crew", "run_tiles"]

_MOST_LOCAL = 1024


@dataclass(frozen=True)
class Crew:
    """Who computes: `workers` threads or processes, or a Dask cluster.

    Raises:
        InputError: no worker, or an unknown executor.
    """

    workers: int = 1
    executor: str = "threads"
    dask: str | None = None

    def __post_init__(self) -> None:
        if self.workers < 1:
            raise InputError(f"workers must be at least 1, got {self.workers}")
        if self.executor not in ("threads", "processes"):
            raise InputError(f'executor must be "threads" or "processes", got {self.executor!r}')
        if self.dask is not None and not re.fullmatch(r"local:\d+|\w+://.+|[\w.\-]+:\d+", self.dask):
            raise InputError(f"--dask takes a scheduler's address as tcp://host:8786, or local:4, got {self.dask!r}")
        local = re.fullmatch(r"local:(\d+)", self.dask or "")
        if local and not 1 <= int(local[1]) <= _MOST_LOCAL:
            raise InputError(f"--dask local:N starts 1 to {_MOST_LOCAL} processes, got {self.dask}")
        if self.dask is not None and self.workers > 1:
            raise InputError("give either workers or the address of a Dask cluster, which has its own workers")

    @property
    def local_processes(self) -> int:
        """Processes of this machine beside this one."""
        if self.dask is not None:
            _, _, count = self.dask.partition("local:")
            return int(count) if count.isdigit() else 0
        return self.workers if self.executor == "processes" and self.workers > 1 else 0

    @property
    def threads(self) -> int:
        """Threads that compute in one process."""
        return 1 if self.dask is not None or self.executor == "processes" else self.workers


def run_tiles(crew: Crew, job: Job, worker: Worker, numbers: Sequence[int], store: Store) -> Iterator[int]:
    """Compute tiles by whoever is to.

    Args:
        crew: who.
        job: opened by other processes.
        worker: what is open in this one.
        numbers: of the tiles.
        store: keeps a finished tile.

    Yields:
        Numbers of kept tiles.
    """
    if crew.dask is not None:
        from densa.engine.work.dask_executor import run_dask

        yield from run_dask(job, numbers, store, crew.dask)
    elif crew.local_processes:
        yield from run_processes(job, numbers, store, crew.workers)
    elif crew.workers > 1:
        yield from run_threads(job, worker, numbers, store, crew.workers)
    else:
        yield from run_serial(worker, numbers, store)
