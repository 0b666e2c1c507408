"""Progress bars for long computations."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["NotebookLine", "Progress", "in_notebook", "progress_bar"]

Progress = Callable[[int, int], None]
"""Called with (done, total), in the units that the function states."""


@contextmanager
def progress_bar(what: str, *, shown: bool = True, then: str | None = None) -> Iterator[Progress]:
    """A bar on stderr, or a line below a notebook's cell; if stderr is not a terminal, nothing is drawn.

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
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Bars(*columns, console=console, transient=True, disable=not (shown and console.is_terminal)) as bars:
        task = bars.add_task(what, total=None)

        def show(done: int, total: int) -> None:
            bars.update(task, completed=done, total=total)
            if then is not None and done == total:
                bars.update(task, description=then, total=None)

        yield show


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
