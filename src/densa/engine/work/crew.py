"""The workers that compute the tiles of a job: this process, its threads, other processes, or a Dask cluster.

All give the same bytes.
"""

from __future__ import annotations

import multiprocessing
import os
import re
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from multiprocessing.process import BaseProcess
from typing import Any, TypeVar

from densa.engine.work.job import Job, Keep, Worker, run_tile
from densa.errors import InputError
from densa.machine import n_processors

__all__ = ["Crew", "compute_ahead", "run_tiles", "threads_of_each"]

_MOST_LOCAL = 1024
_MOST_RESTARTS = 3
T = TypeVar("T")


@dataclass(frozen=True)
class Crew:
    """The workers of a job.

    Args:
        workers: threads or processes.
        executor: "threads" or "processes".
        dask: address of a Dask scheduler, whose cluster has its own workers; or "local:4" for four processes here.

    Raises:
        InputError: no worker, an unknown executor, an invalid address, or workers and an address.

    Examples:
        >>> from densa import engine
        >>> engine.Crew(workers=4, executor="processes").local_processes
        4
        >>> engine.Crew(dask="local:4").local_processes
        4
        >>> engine.Crew(workers=0)
        Traceback (most recent call last):
            ...
        densa.errors.InputError: workers must be at least 1, got 0
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
            raise InputError(
                f"`dask` must be the address of a scheduler, as tcp://host:8786, or local:4, got {self.dask!r}"
            )
        local = re.fullmatch(r"local:(\d+)", self.dask or "")
        if local and not 1 <= int(local[1]) <= _MOST_LOCAL:
            raise InputError(f"`dask` of local:N must start 1 to {_MOST_LOCAL} processes, got {self.dask}")
        if self.dask is not None and self.workers > 1:
            raise InputError("give either `workers` or the address of a Dask cluster, which has its own workers")

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

    @property
    def at_once(self) -> int:
        """Tiles that this machine computes at once."""
        return self.local_processes or self.threads


def run_tiles(crew: Crew, job: Job, worker: Worker, numbers: Sequence[int], keep: Keep) -> Iterator[int]:
    """Compute tiles with the workers given.

    Args:
        crew: the workers.
        job: opened by other processes.
        worker: what is open in this process.
        numbers: of the tiles.
        keep: keeps a finished tile.

    Yields:
        Numbers of kept tiles.

    Raises:
        InputError: worker processes keep dying, or the Dask cluster cannot be used.
    """
    if crew.dask is not None:
        from densa.engine.work.dask_executor import run_dask

        yield from run_dask(job, numbers, keep, crew.dask)
    elif crew.local_processes:
        yield from _run_processes(job, numbers, keep, crew.workers)
    elif crew.workers > 1:
        yield from _run_threads(job, worker, numbers, keep, crew.workers)
    else:
        yield from _run_serial(worker, numbers, keep)


def compute_ahead(worker: Worker, numbers: Iterable[int]) -> Iterator[tuple[int, Any]]:
    """Compute tiles in this thread while another reads the next; yields their numbers and results."""
    remaining = iter(numbers)
    with ThreadPoolExecutor(1, "densa-read") as reader:

        def read_next() -> tuple[int, Future[Any]] | None:
            number = next(remaining, None)
            return None if number is None else (number, reader.submit(worker.read, number))

        ahead = read_next()
        while ahead is not None:
            number, tile = ahead[0], ahead[1].result()
            ahead = read_next()
            yield number, worker.compute(tile)
            del tile


def _run_serial(worker: Worker, numbers: Iterable[int], keep: Keep) -> Iterator[int]:
    """One tile after the other; reading the next and keeping the one before go on meanwhile."""

    def pack_and_keep(number: int, result: Any) -> int:
        keep(number, worker.pack(result))
        return number

    kept: Future[int] | None = None
    with ThreadPoolExecutor(1, "densa-write") as writer:
        for number, result in compute_ahead(worker, numbers):
            if kept is not None:
                yield kept.result()
            kept = writer.submit(pack_and_keep, number, result)
            del result
        if kept is not None:
            yield kept.result()


def _run_threads(job: Job, worker: Worker, numbers: Iterable[int], keep: Keep, workers: int) -> Iterator[int]:
    """Threads, each of which reads, computes and keeps its own tiles."""

    def one(number: int) -> int:
        keep(number, worker.pack(worker.compute(worker.read(number))))
        return number

    with ThreadPoolExecutor(workers, "densa-tile", initializer=job.limit_threads) as pool:
        yield from _bounded(pool, one, numbers, workers)


def _run_processes(job: Job, numbers: Iterable[int], keep: Keep, workers: int) -> Iterator[int]:
    """New processes. The tiles of a process that dies are computed again."""
    missing = dict.fromkeys(numbers)
    for _ in range(_MOST_RESTARTS + 1):
        pool, processes = _new_processes(workers, job)
        try:
            for number, data in _bounded(pool, _run_own, list(missing), 2 * workers):
                keep(number, data)
                del missing[number]
                yield number
            return
        except BrokenProcessPool:
            continue
        except (KeyboardInterrupt, GeneratorExit):  # nobody waits for the tiles that are being computed
            for process in processes:
                process.terminate()
            raise
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
    raise InputError(
        f"worker processes were killed {_MOST_RESTARTS + 1} times, perhaps because memory ran out; "
        "give fewer `workers` or a smaller `memory`, and resume=True"
    )


def _new_processes(workers: int, job: Job) -> tuple[ProcessPoolExecutor, list[BaseProcess]]:
    """Workers that have begun to start, and their processes.

    Raises:
        InputError: the system has no shared memory for semaphores, or no room for processes.
    """
    # Forked processes would inherit locks of torch's and GDAL's threads: new ones are started.
    spawning = multiprocessing.get_context("spawn")
    try:
        pool = ProcessPoolExecutor(workers, spawning, initializer=_begin_process, initargs=(job,))
        before = multiprocessing.active_children()
        with _without_interrupts():
            for _ in range(workers):
                pool.submit(os.getpid)  # starts one more, while none is idle
    except (OSError, ImportError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(
            f"processes cannot be started here: {reason} (is /dev/shm missing?); give executor=threads"
        ) from error
    return pool, [process for process in multiprocessing.active_children() if process not in before]


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """Processes started here do not see Ctrl-C, which a terminal sends to all: this one ends them."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


_job: Job | None = None


def _begin_process(job: Job) -> None:
    global _job
    _job = job
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, name="densa-parent", daemon=True).start()


def _end_with_parent() -> None:
    """End this process when the one that started it is gone, however it ended: it would wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _run_own(number: int) -> tuple[int, bytes]:
    assert _job is not None
    return number, run_tile(_job, number)


def _bounded(pool: Executor, run: Callable[[int], T], numbers: Iterable[int], most: int) -> Iterator[T]:
    """Results as they come, with at most `most` tasks handed out at a time."""
    remaining = iter(numbers)
    running = {pool.submit(run, number) for number in islice(remaining, most)}
    try:
        while running:
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                result = future.result()
                running.update(pool.submit(run, number) for number in islice(remaining, 1))
                yield result
    finally:
        for future in running:
            future.cancel()


def threads_of_each(workers: int) -> int:
    """Threads of torch for each of several workers on this machine."""
    import torch

    return max(1, min(torch.get_num_threads(), n_processors()) // workers)
