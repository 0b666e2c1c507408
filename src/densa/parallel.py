"""Work divided among threads: the one way in which kernels are parallel.

A kernel is compiled for one thread and releases the interpreter's lock (`njit(nogil=True)`); its last arguments are the
first and the last + 1 of the items that it computes. The thread that asks and those of one pool each compute the next
chunk of items when they are free: a thread whose core is busy with another program computes fewer, and nothing waits
for a thread that has not begun. Waiting threads sleep.

Every chunk writes items of its own and no sum crosses chunks, so results do not depend on the number of threads. A
kernel that is shared while another one is, in a thread of the pool, runs on that thread alone.

Numba's own parallel kernels take several times as long to compile, their threads spin while they wait, and which of its
backends there is, and whether two threads may use it at once, depends on what else is installed.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from functools import cache
from queue import SimpleQueue
from typing import Any

from densa.machine import n_processors

__all__ = ["limit_threads", "n_threads", "share_items", "share_pixels", "share_rows"]

_ROWS = 64  # of a chunk; filters compute the rows around them twice
_PIXELS = 1 << 14  # of a chunk at least: a call takes some microseconds, to wake a thread some tens
_CHUNKS = 8  # per thread at most, so that the last thread to end is not waited for long


class _Here(threading.local):
    """The calling thread: how many threads its kernels may use (0: no limit), and whether it is in a chunk."""

    limit = 0
    busy = False


_here = _Here()


def share_pixels(kernel: Callable[..., None], shape: tuple[int, ...], *arguments: Any) -> None:
    """Call `kernel(*arguments, top, end)` for strips of rows of an image of the shape (height, width, ...).

    Strips are as high as is fast for kernels that compute each row by itself.
    """
    height, width = shape[:2]
    chunk = max(-(-_PIXELS // max(1, width)), -(-height // (_CHUNKS * n_threads())))
    share_items(kernel, height, *arguments, chunk=chunk)


def share_rows(kernel: Callable[..., None], n_rows: int, *arguments: Any) -> None:
    """As `share_pixels`, in chunks of 64 rows: for filters, which compute the rows around a chunk as well."""
    share_items(kernel, n_rows, *arguments, chunk=_ROWS)


def share_items(kernel: Callable[..., None], n_items: int, *arguments: Any, chunk: int = 1) -> None:
    """Call `kernel(*arguments, first, end)` for items of any kind, `chunk` of them at a time, on up to `n_threads()`.

    Raises:
        Exception: the first error of a kernel; chunks that were not begun are left out.
    """
    helpers = min(n_threads(), -(-n_items // chunk)) - 1
    if helpers <= 0:
        if n_items > 0:
            kernel(*arguments, 0, n_items)
        return
    work = _Work(kernel, arguments, n_items, chunk)
    _pool.call(work, helpers)
    _here.busy = True
    try:
        work.take_chunks()
    finally:
        _here.busy = False
        work.close()
    if work.error is not None:
        raise work.error


def n_threads() -> int:
    """Threads that a kernel called here and now may use, see `limit_threads`; at most one per processor."""
    if _here.busy:
        return 1
    most = min(_processors(), _from_environment())
    return min(most, _here.limit) if _here.limit else most


def limit_threads(n: int) -> None:
    """Limit the kernels that the calling thread shares to `n` threads; 0: no limit but `n_processors`."""
    _here.limit = n


@cache
def _processors() -> int:
    """Processors of this process; asked once, since its control groups are read from files."""
    return n_processors()


@cache
def _from_environment() -> int:
    """Limit that the user, a batch system or a Dask worker sets for all libraries, or for Numba."""
    given = [os.environ.get(name, "") for name in ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS")]
    return min([int(number) for number in given if number.isdigit() and int(number) > 0], default=1 << 16)


class _Work:
    """The calls of a kernel for all chunks."""

    def __init__(self, kernel: Callable[..., None], arguments: tuple[Any, ...], n_items: int, chunk: int) -> None:
        self.error: BaseException | None = None
        self._call: tuple[Callable[..., None], tuple[Any, ...]] | None = (kernel, arguments)
        self._n_items, self._chunk = n_items, chunk
        self._starts = iter(range(0, n_items, chunk))  # its next() is atomic
        self._lock, self._idle = threading.Lock(), threading.Event()
        self._n_helping = 0

    def take_chunks(self) -> None:
        """Compute chunks until none is left; an error is kept, and ends the work of all threads."""
        call = self._call
        if call is None:
            return
        kernel, arguments = call
        try:
            for first in self._starts:
                if self.error is not None:
                    return
                kernel(*arguments, first, min(first + self._chunk, self._n_items))
        except BaseException as error:
            if self.error is None or not isinstance(error, Exception):  # Ctrl-C comes before others
                self.error = error

    def help(self) -> None:
        """Take chunks in a thread of the pool, unless the work is done."""
        with self._lock:
            if self._call is None:
                return
            self._n_helping += 1
        self.take_chunks()
        with self._lock:
            self._n_helping -= 1
            if self._n_helping == 0 and self._call is None:
                self._idle.set()

    def close(self) -> None:
        """Wait for the chunks that others have begun; threads that come later find nothing, and hold no arrays."""
        with self._lock:
            self._call = None
            if self._n_helping == 0:
                return
        self._idle.wait()


class _Pool:
    """Threads that help; started when first asked for, and kept."""

    def __init__(self) -> None:
        self._works: SimpleQueue[_Work] = SimpleQueue()
        self._lock = threading.Lock()
        self._n_started = self._n_asked = 0

    def call(self, work: _Work, n: int) -> None:
        """Offer work to `n` threads."""
        with self._lock:
            self._n_asked += n
            while self._n_started < min(self._n_asked, max(n, _processors() - 1)):
                self._n_started += 1
                name = f"densa-kernel-{self._n_started}"
                threading.Thread(target=self._serve, name=name, daemon=True).start()
        for _ in range(n):
            self._works.put(work)

    def _serve(self) -> None:
        _here.busy = True
        while True:
            self._works.get().help()
            with self._lock:
                self._n_asked -= 1


_pool = _Pool()


def _begin_child() -> None:
    """A forked process has no threads but its own."""
    global _pool
    _pool = _Pool()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_child)
