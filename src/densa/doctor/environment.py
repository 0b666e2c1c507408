"""What densa runs on: versions, threads, libraries, extras, disk."""

from __future__ import annotations

import os
import platform
import re
import shutil
import tempfile
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any

from densa.kernel_cache import kernel_folder
from densa.machine import memory_bytes, n_processors
from densa.raster.gdal import gdal_version

__all__ = ["environment"]

_PACKAGES = ("numpy", "scipy", "numba", "llvmlite", "torch", "scikit-image", "scikit-learn", "rasterio", "pillow",
             "shapely", "safetensors", "accelerate", "pydantic", "matplotlib")  # fmt: skip
_NOT_AT_RUN_TIME = {"dev", "docs"}
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS", "GDAL_CACHEMAX",
            "CUDA_VISIBLE_DEVICES")  # fmt: skip


def environment() -> dict[str, Any]:
    """Versions, threads, BLAS, GDAL, extras, memory and free disk of this machine.

    Returns:
        A dictionary for JSON; sizes in GB.

    Examples:
        >>> from densa import doctor
        >>> found = doctor.environment()
        >>> sorted(found)[:4]
        ['blas', 'caches', 'densa', 'device']
        >>> found["free_disk_gb"]["here"] > 0
        True
    """
    import numba
    import torch

    import densa

    cuda = torch.cuda.is_available()
    return {
        "densa": densa.__version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: found for name in _PACKAGES if (found := _version(name))},
        "gdal": gdal_version(),
        "blas": _blas(),
        "device": torch.cuda.get_device_name(0) if cuda else "cpu",
        "processors": n_processors(),
        "threads": {
            "torch": torch.get_num_threads(),
            "numba": numba.get_num_threads(),
            "environment": {name: os.environ[name] for name in _THREADS if name in os.environ},
        },
        "memory_gb": round(memory_bytes() / 1e9, 1),
        "free_disk_gb": {
            "here": _free(Path.cwd()),
            "temporary": _free(Path(tempfile.gettempdir())),
            "home": _free(Path.home()),
        },
        "caches": _caches(),
        "extras": _extras(),
    }


def _extras() -> dict[str, bool]:
    """The extras of densa, and whether all distributions of each are installed."""
    try:
        declared = requires("densa") or []
    except PackageNotFoundError:
        declared = []
    found: dict[str, bool] = {}
    for line in declared:
        if match := re.match(r"""([\w.-]+).*extra == ["']([\w-]+)["']""", line):
            name, extra = match.groups()
            if extra not in _NOT_AT_RUN_TIME:
                found[extra] = found.get(extra, True) and _version(name) is not None
    return found


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _blas() -> dict[str, Any]:
    """The library of linear algebra that NumPy was built with, and those that are loaded."""
    import numpy as np

    built = np.show_config(mode="dicts").get("Build Dependencies", {}).get("blas", {})
    found: dict[str, Any] = {key: built[key] for key in ("name", "version") if key in built}
    try:
        from threadpoolctl import threadpool_info  # type: ignore[import-untyped]
    except ImportError:
        return found
    loaded = [
        {key: pool.get(key) for key in ("user_api", "internal_api", "version", "num_threads")}
        for pool in threadpool_info()
    ]
    return {**found, "loaded": loaded}


def _caches() -> dict[str, str]:
    """Where compiled kernels and downloaded weights are kept."""
    import torch

    return {"kernels": os.environ.get("NUMBA_CACHE_DIR") or str(kernel_folder()), "weights": torch.hub.get_dir()}


def _free(folder: Path) -> float | None:
    try:
        return round(shutil.disk_usage(folder).free / 1e9, 1)
    except OSError:
        return None
