"""What whoever computes tiles must know: a job makes a worker in any process, and a worker gives a tile as bytes."""

from __future__ import annotations

import threading
from typing import Any, Protocol

__all__ = ["Job", "Worker", "close_job", "run_tile"]


class Worker(Protocol):
    """Computes tiles in one process, from any thread; different tiles may be read, computed and packed at once."""

    def read(self, number: int) -> Any:
        """What the tile is computed from."""

    def compute(self, block: Any) -> Any:
        """The result for what `read` gave."""

    def pack(self, result: Any) -> bytes:
        """The result as it is kept."""

    def close(self) -> None:
        """Close the files."""


class Job(Protocol):
    """Sent to other processes as it is: picklable."""

    @property
    def key(self) -> str:
        """Tells jobs apart; a process that serves several opens each once."""

    @property
    def threads(self) -> int:
        """That a worker may use inside; 0 leaves them."""

    def open(self) -> Worker:
        """The worker of this process."""

    def limit_threads(self) -> None:
        """Hold a thread that computes tiles to `threads`."""


_OPEN: dict[str, Worker] = {}
_OPEN_LOCK = threading.Lock()


def run_tile(job: Job, number: int) -> bytes:
    """Read, compute and pack one tile in a worker process; what the job needs is opened at its first."""
    with _OPEN_LOCK:
        if job.key not in _OPEN:
            for old in list(_OPEN):  # one at a time: memory
                _OPEN.pop(old).close()
            _OPEN[job.key] = job.open()
        worker = _OPEN[job.key]
    return worker.pack(worker.compute(worker.read(number)))


def close_job(key: str) -> None:
    """Let go of what a job holds open in this process."""
    with _OPEN_LOCK:
        if key in _OPEN:
            _OPEN.pop(key).close()
