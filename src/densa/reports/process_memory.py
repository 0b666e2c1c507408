"""The machine of a measurement, and the peak memory of this process or of its CUDA device."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path

import torch

from densa.engine.resources.memory import peak_bytes, reset_peak, resident_bytes

__all__ = ["PeakMemory", "machine"]


class PeakMemory:
    """Largest increase, in bytes, of the memory of the process since this object was made.

    On CUDA it is that of torch's allocator; otherwise that of the resident set as counted by the system, which includes
    scratch space of the libraries. On systems that cannot reset the peak (all but Linux), an earlier peak hides
    increases below it; on systems that count no peak, `bytes` is None.

    Args:
        device: device of the measured work.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        if device.type == "cuda":
            torch.cuda.synchronize(device)
            torch.cuda.reset_peak_memory_stats(device)
            self._before: int | None = torch.cuda.memory_allocated(device)
        else:
            self._before = (resident_bytes() if reset_peak() else peak_bytes()) or None

    def bytes(self) -> int | None:
        """The increase up to the peak, None if unknown."""
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
            peak: int | None = torch.cuda.max_memory_allocated(self._device)
        else:
            peak = peak_bytes() or None
        return None if peak is None or self._before is None else max(peak - self._before, 0)


def machine(device: torch.device) -> dict[str, str]:
    """Description of the machine: processor or GPU, threads, versions, and how memory is counted."""
    info = Path("/proc/cpuinfo")
    names = (
        re.findall(r"^model name\s*:\s*(.+)$", info.read_text(encoding="utf-8"), re.MULTILINE) if info.is_file() else []
    )
    facts = {"processor": names[0] if names else platform.processor() or platform.machine()}
    if device.type == "cuda":
        facts["device"] = torch.cuda.get_device_name(device)
        facts["memory counted by"] = "torch's CUDA allocator"
    else:
        facts["memory counted by"] = "the peak of the resident set in a fresh process"
    facts["threads"] = str(torch.get_num_threads())
    facts["system"] = f"{platform.system()}, Python {platform.python_version()}, torch {torch.__version__}"
    if hasattr(os, "getloadavg"):
        facts["load of the machine"] = f"{os.getloadavg()[0]:.1f} when the comparison began"
    return facts
