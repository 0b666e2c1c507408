"""Processors and memory that this process may use: those of the machine, or less by a container's limits."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

from densa.errors import InputError

__all__ = ["check_address_space", "limit_threads", "memory_bytes", "n_processors"]

_OWN_GROUPS, _GROUPS = Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")
_LEAST_ADDRESSES = 1.2e9  # bytes, measured: torch and OpenBLAS on one thread
_LARGEST_FILE = 4096  # bytes of the small files that say a limit


def n_processors() -> int:
    """Processors that this process may use, at least 1.

    The smallest of its affinity and the quotas of its control groups (versions 1 and 2), rounded up.
    """
    n = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = min(_quotas(), default=math.inf)
    return max(1, min(n, math.ceil(quota)) if math.isfinite(quota) else n)


@cache
def memory_bytes() -> int:
    """Memory that this process may use: of the machine, its control groups and `ulimit -v`."""
    found = [2**36]
    if hasattr(os, "sysconf"):
        with suppress(OSError, ValueError):
            found = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    for folder in _folders("memory"):
        for name in ("memory.max", "memory.high", "memory.limit_in_bytes"):
            found += [int(number) for number in _numbers(folder / name)[:1] if number >= 1]
    limit = _address_space()
    return min(found) if limit is None else min(*found, limit)


def _address_space() -> int | None:
    """The limit that `ulimit -v` sets, None without one."""
    with suppress(ImportError, OSError, ValueError):
        import resource

        soft, _ = resource.getrlimit(resource.RLIMIT_AS)
        return soft if soft > 0 and soft != resource.RLIM_INFINITY else None
    return None


def check_address_space() -> None:
    """Refuse a limit of the address space within which libraries abort or hang while they are loaded.

    Raises:
        InputError: it is below 1.2 GB.
    """
    limit = _address_space()
    if limit is not None and limit < _LEAST_ADDRESSES:
        raise InputError(f"the address space is limited to {limit / 1e9:.2f} GB, 1.2 GB are needed; raise ulimit -v")


def limit_threads() -> None:
    """Let torch, NumPy and Numba start no more threads than the quota allows; they look at the machine alone."""
    quota = min(_quotas(), default=math.inf)
    if math.isfinite(quota) and quota < (os.cpu_count() or 1):
        for name, module in (("OMP_NUM_THREADS", "torch"), ("NUMBA_NUM_THREADS", "numba")):
            if module not in sys.modules:  # read when they are imported
                os.environ.setdefault(name, str(n_processors()))


def _quotas() -> Iterator[float]:
    """Processors that each group above this process may use."""
    for folder in _folders("cpu"):
        pair = _numbers(folder / "cpu.max")
        if len(pair) != 2:
            pair = _numbers(folder / "cpu.cfs_quota_us")[:1] + _numbers(folder / "cpu.cfs_period_us")[:1]
        if len(pair) == 2 and min(pair) > 0:
            yield pair[0] / pair[1]


def _folders(controller: str) -> Iterator[Path]:
    """Folders of the groups of this process and those above them; in a container its own may be the root."""
    seen = set()
    for line in _text(_OWN_GROUPS).splitlines():
        number, _, rest = line.partition(":")
        names, _, place = rest.partition(":")
        if number == "0" and not names:
            roots = [_GROUPS, _GROUPS / "unified"]
        elif controller in names.split(","):
            roots = [_GROUPS / names, _GROUPS / controller]
        else:
            continue
        parts = [part for part in place.split("/") if part not in ("", "..", ".")]
        for root in roots:
            for depth in range(len(parts), -1, -1):
                folder = root.joinpath(*parts[:depth])
                if folder not in seen:
                    seen.add(folder)
                    yield folder


def _numbers(path: Path) -> list[float]:
    """Numbers of a file; "max" is infinite, anything else ends them."""
    found: list[float] = []
    for word in _text(path).split():
        try:
            found.append(math.inf if word == "max" else float(word))
        except ValueError:
            break
    return [number for number in found if number == number and number < 2**62] if found else []


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_LARGEST_FILE).decode("ascii", "replace")
    except (OSError, ValueError):
        return ""
