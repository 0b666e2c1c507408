"""Messages of GDAL on damaged files that are no text, which rasterio cannot decode and Python would print as errors."""

from __future__ import annotations

import sys
from types import TracebackType

__all__ = ["hide_undecodable_messages"]


def hide_undecodable_messages() -> None:
    """Keep them off stderr, where an exception that nothing can catch is printed in two parts.

    The error itself reaches densa by another way and becomes its message.
    """
    show_unraisable, show_error = sys.unraisablehook, sys.excepthook

    def on_unraisable(failure: sys.UnraisableHookArgs, /) -> None:
        if not (failure.object == "rasterio._env.log_error" and isinstance(failure.exc_value, UnicodeDecodeError)):
            show_unraisable(failure)

    def on_error(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if trace is not None or not isinstance(error, UnicodeDecodeError):  # errors of Python code have a traceback
            show_error(kind, error, trace)

    sys.unraisablehook, sys.excepthook = on_unraisable, on_error
