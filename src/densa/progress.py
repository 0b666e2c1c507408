"""Progress bars for long computations."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Self

__all__ = ["NotebookLine", "Progress", "ProgressLines", "in_notebook", "progress_bar"]

Progress = Callable[[int, int], None]
"""Called with (done, total), in the units that the function states."""


@contextmanager
def progress_bar(what: str, *, shown: bool = True, then: str | None = None) -> Iterator[Progress]:
    """A bar on stderr, or a line below a notebook's cell; if stderr is not a terminal, a line every 30 s.

    Args:
        what: text before the bar.
        shown: False: draw nothing.
        then: text once all is done, while a step of unknown length follows.

    Yields:
        A function of (done, total).
    """
    if shown and in_notebook():
        line = NotebookLine()
        try:
            yield line.of(what, then)
        finally:
            line.clear()
        return
    from rich.console import Console
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    console = Console(stderr=True)
    if shown and not console.is_terminal:
        with ProgressLines(what) as lines:
            yield lines.of(then)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Bars(*columns, console=console, transient=True, disable=not shown) as bars:
        task = bars.add_task(what, total=None)

        def show(done: int, total: int) -> None:
            bars.update(task, completed=done, total=total)
            if then is not None and done == total:
                bars.update(task, description=then, total=None)

        yield show


class ProgressLines:
    """Says on stderr every 30 s how far a computation is, also while nothing is heard of it; a context manager.

    Args:
        what: text before the share.
    """

    PAUSE = 30.0  # seconds

    def __init__(self, what: str) -> None:
        self._what, self._share, self._numbers = what, 0.0, ""
        self._begin = time.monotonic()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="densa-progress", daemon=True)

    def show(self, share: float, numbers: str = "") -> None:
        """Set what the next line says."""
        self._share, self._numbers = min(share, 1.0), numbers  # the last step of a run ends after its time

    def of(self, then: str | None = None) -> Progress:
        """A function of (done, total); `then` replaces the text when all is done."""

        def show(done: int, total: int) -> None:
            self.show(done / max(total, 1))
            if then is not None and done >= total:
                self._what, self._numbers = then, "running"

        return show

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ended.set()

    def _run(self) -> None:
        while not self._ended.wait(self.PAUSE):
            with suppress(OSError, ValueError):  # stderr may be closed
                print(f"densa: {self.line()}", file=sys.stderr, flush=True)

    def line(self) -> str:
        """The line of now."""
        seconds = time.monotonic() - self._begin
        left = seconds * (1 - self._share) / self._share if self._share else 0.0
        parts = [f"{self._share:.0%} after {_minutes(seconds)}", f"about {_minutes(left)} left" if left else ""]
        return f"{self._what}: " + ", ".join(part for part in (*parts, self._numbers) if part)


def _minutes(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def in_notebook() -> bool:
    """Whether this process is the kernel of a notebook."""
    ipython: Any = sys.modules.get("IPython")  # every kernel imports it
    shell = None if ipython is None else ipython.get_ipython()
    return getattr(shell, "kernel", None) is not None


class NotebookLine:
    """A line below a notebook's cell that every call replaces; rich's bars would need ipywidgets there."""

    _PAUSE = 0.2  # seconds between two lines, each of which is sent to the browser

    def __init__(self) -> None:
        from IPython.display import display

        self._handle = display({"text/plain": ""}, raw=True, display_id=True)
        self._next = 0.0

    def show(self, text: str, *, last: bool = False) -> None:
        """Replace the line, at most once per `_PAUSE`; the last one is always shown."""
        now = time.monotonic()
        if last or now >= self._next:
            self._handle.update({"text/plain": text}, raw=True)
            self._next = now + self._PAUSE

    def of(self, what: str, then: str | None = None) -> Progress:
        """A function of (done, total) that shows the share, and `then` when all is done."""

        def show(done: int, total: int) -> None:
            at_end = done >= total
            self.show(f"{what}: {done / max(total, 1):.0%}" if then is None or not at_end else then, last=at_end)

        return show

    def clear(self) -> None:
        """Leave an empty line."""
        self.show("", last=True)
