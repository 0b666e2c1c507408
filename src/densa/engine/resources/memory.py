"""Resident memory of this process and its peak; amounts of memory as text."""

from __future__ import annotations

import ctypes
import re
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from densa.errors import InputError

__all__ = [
    "parse_bytes",
    "peak_bytes",
    "peak_during",
    "reset_peak",
    "resident_bytes",
    "return_large_blocks",
    "shown_bytes",
]

_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_M_MMAP_THRESHOLD = -3  # of malloc.h
_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
_RESET_PEAK = "5"  # proc(5): sets the high-water mark back to what is resident now


def parse_bytes(text: str) -> int:
    """Bytes of "2GB", "1.5 GiB", "800M" or "123456".

    Raises:
        InputError: not an amount of memory.

    Examples:
        >>> from densa import engine
        >>> engine.parse_bytes("2GB"), engine.parse_bytes("1.5 GiB")
        (2000000000, 1610612736)
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?)(I?)B?\s*", text.upper())
    if match is None or (match[3] and not match[2]):
        raise InputError(f"memory must be a number with a unit, as 2GB or 800MiB, got {text!r}")
    unit = 1024 ** "KMGT".index(match[2]) * 1024 if match[3] else _UNITS[match[2]]
    return int(float(match[1]) * unit)


def shown_bytes(n_bytes: float) -> str:
    """Bytes in decimal units, such as 1.50 GB."""
    for unit in ("B", "kB", "MB"):
        if n_bytes < 1000:
            return f"{n_bytes:.0f} {unit}"
        n_bytes /= 1000
    return f"{n_bytes:.2f} GB" if n_bytes < 1000 else f"{n_bytes / 1000:.2f} TB"


def resident_bytes() -> int:
    """Resident memory of this process (Linux), or its peak so far (elsewhere)."""
    return _status("VmRSS") or _most_ever()


def return_large_blocks() -> None:
    """Return freed arrays of a megabyte or more to the system at once.

    Otherwise glibc comes to keep blocks of up to 32 MB, whose gaps fit no other size: the memory of a long run grows.
    """
    with suppress(OSError, AttributeError, TypeError):  # other systems, other C libraries
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, 2**20)


def peak_during(run: Callable[[], object]) -> tuple[int, int]:
    """Resident memory before `run`, and its peak while `run` ran.

    Linux resets its high-water mark on demand. Elsewhere the peak is that of the process so far, so that a small run
    shows none of its own.
    """
    before = resident_bytes()
    reset_peak()
    run()
    return before, max(peak_bytes(), before)


def reset_peak() -> bool:
    """Begin a new peak; whether the system can (Linux)."""
    try:
        _CLEAR.write_text(_RESET_PEAK, encoding="ascii")
    except OSError:
        return False
    return True


def peak_bytes() -> int:
    """Peak of resident memory since `reset_peak`; 0 where the system does not count it."""
    return _status("VmHWM") or _most_ever()


def _status(field: str) -> int:
    try:
        for line in _STATUS.read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


def _most_ever() -> int:
    try:
        import resource
    except ImportError:  # Windows
        return 0
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
