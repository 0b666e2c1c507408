"""Jobs that any executor runs: a job makes a worker in any process, and a worker gives tiles as bytes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Protocol

__all__ = ["Job", "Keep", "Worker", "close_job", "run_tile"]

Keep = Callable[[int, bytes], None]
"""Keeps the bytes of a finished tile, given its number; called from any thread."""


class Worker(Protocol):
    """Computes tiles in one process, from any thread; different tiles may be read, computed and packed at once."""

    def read(self, number: int) -> Any:
        """The input of a tile."""

    def compute(self, tile: Any) -> Any:
        """The result for an input that `read` returned."""

    def pack(self, result: Any) -> bytes:
        """The result as bytes."""

    def close(self) -> None:
        """Close the files."""


class Job(Protocol):
    """Picklable; sent to other processes."""

    @property
    def key(self) -> str:
        """Identifies the job; a process that serves several opens each once."""

    @property
    def threads(self) -> int:
        """Threads that a worker may use for one tile; 0: no limit."""

    def open(self) -> Worker:
        """The worker of this process."""

    def limit_threads(self) -> None:
        """Limit the calling thread, which computes tiles, to `threads`."""


_OPEN: dict[str, Worker] = {}
_OPEN_LOCK = threading.Lock()


def run_tile(job: Job, number: int) -> bytes:
    """Read, compute and pack one tile in a worker process; the job is opened at its first tile."""
    with _OPEN_LOCK:
        if job.key not in _OPEN:
            for old in list(_OPEN):  # one at a time: memory
                _OPEN.pop(old).close()
            _OPEN[job.key] = job.open()
        worker = _OPEN[job.key]
    job.limit_threads()  # of this thread, perhaps not the one that opened the job
    return worker.pack(worker.compute(worker.read(number)))


def close_job(key: str) -> None:
    """Close what a job holds open in this process."""
    with _OPEN_LOCK:
        if key in _OPEN:
            _OPEN.pop(key).close()
