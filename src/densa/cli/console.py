"""The console as it is found: closed streams, broken pipes, encodings without all letters, warnings of libraries."""

from __future__ import annotations

import errno
import io
import logging
import os
import sys
import warnings
from contextlib import suppress

__all__ = ["finish", "settle"]


class _Quiet(io.FileIO):
    """A stream that nobody reads any more (`| head -1`) takes the rest without an error."""

    def write(self, data: object) -> int:
        try:
            return super().write(data)  # type: ignore[arg-type]
        except OSError as error:
            if error.errno not in (errno.EPIPE, errno.EINVAL):  # Windows says EINVAL
                raise
            return memoryview(data).nbytes  # type: ignore[arg-type]


def settle() -> None:
    """Make the console safe to print on; called once, by the process of a command."""
    _open_closed_streams()
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None or stream is getattr(sys, f"__{name}__"):
            setattr(sys, name, _stream(1 + (name == "stderr"), stream))
    if sys.stdin is None:
        sys.stdin = open(0, closefd=False)  # noqa: SIM115
    # Warnings of libraries are for developers. Worker processes get the same options.
    sys.warnoptions[:] = ["ignore"]
    os.environ["PYTHONWARNINGS"] = "ignore"
    warnings.resetwarnings()
    warnings.simplefilter("ignore")
    logging.getLogger().addHandler(logging.NullHandler())
    sys.unraisablehook = _say_nothing  # errors in destructors, as where memory ran out
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")


def _say_nothing(*_: object) -> None:
    """A hook for what only developers could use."""


def _open_closed_streams() -> None:
    """Open the null device for closed descriptors, which the first output file would get otherwise."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)  # the lowest free number
            if opened != number:
                os.dup2(opened, number, inheritable=True)
                os.close(opened)
            else:
                os.set_inheritable(number, True)


def _stream(number: int, found: io.TextIOBase | None) -> io.TextIOWrapper:
    """Text on a descriptor; letters that the encoding lacks are escaped."""
    raw = _Quiet(number, "w", closefd=False)
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=getattr(found, "encoding", None) or "utf-8",
        errors="backslashreplace",
        line_buffering=number == 2 or raw.isatty(),
    )


def finish(code: int) -> int:
    """Flush the output; its exit code is 2 where it could not be written (full disk)."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as error:
        with suppress(OSError):
            print(f"densa: standard output cannot be written: {error.strerror}", file=sys.stderr)
        # What is left in the buffer would raise again at exit.
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
        return 2
    return code
