"""Who computes the tiles: this thread with helpers, several threads, or several processes. All give the same bytes."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from typing import Any, TypeVar

from densa.engine.work.job import Job, Worker, run_tile
from densa.errors import InputError

__all__ = [
    "Store",
    "compute_ahead",
    "n_processors",
    "run_processes",
    "run_serial",
    "run_threads",
    "threads_of_each",
]

Store = Callable[[int, bytes], None]
"""Keeps a finished tile; called from any thread."""

_MOST_RESTARTS = 3
T = TypeVar("T")


def compute_ahead(worker: Worker, numbers: Iterable[int]) -> Iterator[tuple[int, Any]]:
    """Compute tiles in this thread while another reads the next; gives their numbers and results."""
    remaining = iter(numbers)
    with ThreadPoolExecutor(1, "densa-read") as reader:

        def read_next() -> tuple[int, Future[Any]] | None:
            number = next(remaining, None)
            return None if number is None else (number, reader.submit(worker.read, number))

        ahead = read_next()
        while ahead is not None:
            number, block = ahead[0], ahead[1].result()
            ahead = read_next()
            yield number, worker.compute(block)
            del block


def run_serial(worker: Worker, numbers: Iterable[int], store: Store) -> Iterator[int]:
    """Compute tiles one after the other; reading the next and keeping the one before go on meanwhile.

    Yields:
        Numbers of kept tiles.
    """

    def keep(number: int, result: Any) -> int:
        store(number, worker.pack(result))
        return number

    kept: Future[int] | None = None
    with ThreadPoolExecutor(1, "densa-write") as writer:
        for number, result in compute_ahead(worker, numbers):
            if kept is not None:
                yield kept.result()
            kept = writer.submit(keep, number, result)
            del result
        if kept is not None:
            yield kept.result()


def run_threads(job: Job, worker: Worker, numbers: Iterable[int], store: Store, workers: int) -> Iterator[int]:
    """Compute tiles in threads, each reading, computing and keeping its own."""

    def one(number: int) -> int:
        store(number, worker.pack(worker.compute(worker.read(number))))
        return number

    with ThreadPoolExecutor(workers, "densa-tile", initializer=job.limit_threads) as pool:
        yield from _bounded(pool, one, numbers, workers)


def run_processes(job: Job, numbers: Iterable[int], store: Store, workers: int) -> Iterator[int]:
    """Compute tiles in new processes. Those of a process that dies are computed again.

    Raises:
        InputError: processes keep dying.
    """
    missing = dict.fromkeys(numbers)
    for _ in range(_MOST_RESTARTS + 1):
        # Forked processes would inherit locks of torch's and GDAL's threads: new ones are started.
        context = multiprocessing.get_context("spawn")
        pool = ProcessPoolExecutor(workers, context, initializer=_begin_process, initargs=(job,))
        try:
            for number, data in _bounded(pool, _run_own, list(missing), 2 * workers):
                store(number, data)
                del missing[number]
                yield number
            return
        except BrokenProcessPool:
            continue
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
    raise InputError(
        f"worker processes were killed {_MOST_RESTARTS + 1} times, perhaps for want of memory; "
        "take fewer --workers or a smaller --memory, then --resume"
    )


_job: Job | None = None


def _begin_process(job: Job) -> None:
    global _job
    _job = job


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


def n_processors() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def threads_of_each(workers: int) -> int:
    """Threads of torch for each of several workers on this machine."""
    import torch

    return max(1, min(torch.get_num_threads(), n_processors()) // workers)
