"""Names of a package that are imported when they are first used."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

__all__ = ["import_on_use"]


def import_on_use(package: str, modules: Mapping[str, Sequence[str]]) -> Callable[[str], Any]:
    """The `__getattr__` of a package whose public names are imported when they are first used (PEP 562).

    No module directly inside the package may have one of these names: once imported, the module would hide
    the name.

    Args:
        package: `__name__` of the package.
        modules: public names by the module that defines them, "prediction.predict" for example, or by another package
            of densa that they are taken from, "densa.datasets.strokes".
    """
    homes = {name: module for module, names in modules.items() for name in names}

    def find(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        home = homes[name]
        return getattr(import_module(home if home.startswith("densa.") else f"{package}.{home}"), name)

    return find
