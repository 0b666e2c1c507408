"""densa labels every pixel of an image: classical, shallow and deep semantic segmentation at any size."""

import os
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from densa.errors import InputError
    from densa.legend import Legend
    from densa.methods import load

# Activations of large images are fresh memory in every layer: in huge pages it costs a thirtieth of the page faults.
# torch reads this at its first allocation; nothing happens where the system has no such pages.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")


def _kernel_folder() -> Path:
    """Where this version's compiled kernels are kept.

    Numba renews a kernel when its own file has changed, not when one that it calls from another file has: after an
    update of densa in place, old code would be mixed with new. So every version has a folder of its own.
    """
    from importlib.metadata import version

    home = os.path.expanduser("~")
    places = {"win32": os.environ.get("LOCALAPPDATA"), "darwin": os.path.join(home, "Library", "Caches")}
    base = places.get(sys.platform) or os.environ.get("XDG_CACHE_HOME") or os.path.join(home, ".cache")
    return Path(base, "densa", f"kernels-{version('densa')}")


# In a checkout kernels lie beside their sources as ever. Numba reads this whenever it compiles; where the folder cannot
# be made, it takes its usual place.
if {"site-packages", "dist-packages"} & set(Path(__file__).parts):
    os.environ.setdefault("NUMBA_CACHE_DIR", str(_kernel_folder()))

__all__ = ["InputError", "Legend", "__version__", "load"]

# Looked up when first used, so that `densa --help` does not wait for numpy and torch.
_HOMES = {"InputError": "densa.errors", "Legend": "densa.legend", "load": "densa.methods"}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("densa")
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'densa' has no attribute {name!r}")
