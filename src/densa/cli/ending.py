"""How a command ends: its exit code, and the line on stderr that says why."""

from __future__ import annotations

import errno
import signal
import sys
from types import FrameType

from densa.errors import InputError

__all__ = ["MISTAKE", "STOPPED", "Terminated", "explained", "heed_termination", "say_interrupted", "stop"]

MISTAKE = 2  # of the user, or of the machine's limits: one line
STOPPED = 130  # by Ctrl-C, as shells count: 128 + SIGINT


class Terminated(KeyboardInterrupt):
    """SIGTERM, as batch systems and containers send it before they kill: it ends a command as Ctrl-C does."""

    code = 128 + signal.SIGTERM


def heed_termination() -> None:
    """Make SIGTERM an interruption of this process, unless it is ignored or handled already."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise Terminated

    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, interrupt)


_HINTS = {
    errno.ENOSPC: "free some space or choose another place",
    errno.EDQUOT: "free some space or choose another place",
    errno.EFBIG: "the file system or a limit (ulimit -f) allows no larger file; choose another place",
    errno.EACCES: "choose another place, or change its permissions",
    errno.EPERM: "choose another place, or change its permissions",
    errno.EROFS: "the file system is read-only; choose another place",
    errno.EMFILE: "too many files are open at once; raise the limit (ulimit -n)",
    errno.ENFILE: "too many files are open on this machine; close some programs",
    errno.EIO: "the disk or its connection failed; check it, or choose another place",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.ENOMEM: "close other programs or give a smaller `memory`",
    errno.EAGAIN: "the limit of processes or threads is reached (ulimit -u); raise it",
    errno.ENOENT: "check the path",
    errno.ENOTDIR: "check the path",
    errno.EEXIST: "choose another name",
}
# Errors of writing by libraries that have classes of their own; named, so that none is imported for it.
_OF_LIBRARIES = {
    "sqlite3.OperationalError", "sqlite3.DatabaseError", "rasterio.errors.RasterioIOError",
    "_safetensors_rust.SafetensorError",
    "safetensors.SafetensorError", "safetensors_rust.SafetensorError", "pyogrio.errors.DataSourceError",
}  # fmt: skip
_LIMITED = ("cannot allocate memory", "failed to map segment", "can't start new thread", "cannot create thread",
            "too many open files", "not enough memory", "out of memory", "can't allocate memory", "bad_alloc",
            "failed to create", "resource temporarily unavailable")  # fmt: skip


def explained(error: BaseException) -> str | None:
    """One line for errors that are not defects of densa: of the input, the file system, or the machine's limits.

    Returns:
        None where the error is a defect, which keeps its traceback.
    """
    if isinstance(error, InputError):
        return str(error)
    if isinstance(error, MemoryError):
        return "memory ran out; close other programs, give a smaller `memory` or run where there is more"
    if isinstance(error, OSError) and error.errno is not None:
        where = f"{error.filename}: " if error.filename is not None else ""
        hint = _HINTS.get(error.errno)
        return f"{where}{error.strerror}" + (f"; {hint}" if hint else "")
    kind = f"{type(error).__module__}.{type(error).__qualname__}"
    if isinstance(error, OSError) or kind in _OF_LIBRARIES:
        return f"a file cannot be read or written: {error}"
    if isinstance(error, (RuntimeError, ImportError, SystemError)):
        said = str(error)
        if any(words in said.lower() for words in _LIMITED):
            return f"a limit of this machine is reached: {said.splitlines()[0]}; raise it (ulimit) or use fewer workers"
    return None


def stop(message: str, code: int = MISTAKE) -> int:
    """Print one line on stderr; returns the exit code."""
    print(f"densa: {' '.join(message.split())}", file=sys.stderr)
    return code


def say_interrupted(error: BaseException) -> None:
    """Print one line on stderr, once for an interruption."""
    if not hasattr(error, "was_said"):
        error.was_said = True  # type: ignore[attr-defined]
        stop("interrupted; nothing unfinished was kept under its final name")
