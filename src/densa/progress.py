"""Progress of long work."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["Progress", "progress_bar"]

Progress = Callable[[int, int], None]
"""Called with (done, total), in the units that the function states."""


@contextmanager
def progress_bar(what: str, *, shown: bool = True, then: str | None = None) -> Iterator[Progress]:
    """A bar on stderr; it draws nothing where stderr is no terminal.

    Args:
        what: the words before the bar.
        shown: False draws nothing anywhere.
        then: the words when all is done and something without an end follows.

    Yields:
        A function of (done, total).
    """
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
