"""How much memory a process holds, and the most it held while something ran."""

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
        InputError: it is no amount of memory.

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
    """Bytes in decimal units, as people read them."""
    for unit in ("B", "kB", "MB"):
        if n_bytes < 1000:
            return f"{n_bytes:.0f} {unit}"
        n_bytes /= 1000
    return f"{n_bytes:.2f} GB" if n_bytes < 1000 else f"{n_bytes / 1000:.2f} TB"


def resident_bytes() -> int:
    """Memory that this process holds now (Linux), or the most it ever held (elsewhere)."""
    return _status("VmRSS") or _most_ever()


def return_large_blocks() -> None:
    """Have arrays of a megabyte or more given back to the system at once when they are freed.

    glibc learns to keep blocks of up to 32 MB, in gaps that no other size fits: the memory of a long run creeps up.
    """
    with suppress(OSError, AttributeError, TypeError):  # other systems, other C libraries
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, 2**20)


def peak_during(run: Callable[[], object]) -> tuple[int, int]:
    """Memory held before `run`, and the most while it ran.

    Linux resets its high-water mark on demand. Elsewhere the mark is that of the whole life of the process, so that a
    small run shows no peak of its own.
    """
    before = resident_bytes()
    reset_peak()
    run()
    return before, max(peak_bytes(), before)


def reset_peak() -> bool:
    """Count the most memory from now on; whether the system can (Linux): elsewhere the mark is that of a whole life."""
    try:
        _CLEAR.write_text(_RESET_PEAK, encoding="ascii")
    except OSError:
        return False
    return True


def peak_bytes() -> int:
    """The most memory that this process held since `reset_peak`; 0 where the system counts nothing."""
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
