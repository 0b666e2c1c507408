"""What a benchmark ran on: one line for its table.

python benchmarks/machine.py
"""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path

PACKAGES = ("densa", "torch", "numpy", "numba", "scikit-image")


def processor() -> str:
    """Name of the processor, as the system gives it."""
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def instruction_sets() -> str:
    """The matrix instructions of bfloat16 that decide speed, where the system lists them."""
    info = Path("/proc/cpuinfo")
    flags = info.read_text(encoding="utf-8").split() if info.is_file() else []
    return ", ".join(flag for flag in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if flag in flags) or "not listed"


def n_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def load() -> str:
    """Processes that waited for a core over the last minute, other programs' included; a free machine shows 0."""
    return f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"


def machine() -> str:
    """Processor, cores, versions, and how busy the machine is at this moment."""
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return (
        f"{processor()} ({instruction_sets()}), {n_cores()} cores, {platform.system()};"
        f" Python {platform.python_version()}, {packages}; load before the run {load()}"
    )


if __name__ == "__main__":
    print(machine())
