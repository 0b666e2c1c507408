"""densa labels every pixel of an image: classical, shallow and deep semantic segmentation at any size."""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from densa.errors import InputError
    from densa.legend import Legend
    from densa.methods import load

# Activations of large images are fresh memory in every layer: in huge pages it costs a thirtieth of the page faults.
# torch reads this at its first allocation; nothing happens where the system has no such pages.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")

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
