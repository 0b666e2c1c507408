"""Where Numba keeps compiled kernels, and what happens where it cannot.

A cache saves time and nothing else: a home or package folder that cannot be written, a full disk, a damaged file or
another process at the same moment cost a compilation, never a run. Where none of Numba's places can be written, kernels
are kept in a folder of this user among the temporary files, or not at all.
"""

from __future__ import annotations

import importlib.abc
import importlib.util
import itertools
import os
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

__all__ = ["keep_kernels", "kernel_folder", "private_folder"]

_CACHING = "numba.core.caching"


def keep_kernels() -> None:
    """Choose the place of this version's kernels; called before Numba is imported, or at once after it."""
    # In a checkout kernels lie beside their sources, as Numba keeps them by default. Numba reads this whenever it
    # compiles; where the folder cannot be made, it takes its usual place.
    if {"site-packages", "dist-packages"} & set(Path(__file__).parts):
        os.environ.setdefault("NUMBA_CACHE_DIR", str(kernel_folder()))
    if _CACHING in sys.modules:
        _mend(sys.modules[_CACHING])
    elif not any(isinstance(finder, _MendsCaching) for finder in sys.meta_path):
        sys.meta_path.insert(0, _MendsCaching())


def kernel_folder() -> Path:
    """Where an installed version's kernels are kept.

    Numba renews a kernel when its own file has changed, not when one that it calls from another file has: after an
    update of densa in place, old code would be mixed with new. So every version has a folder of its own.
    """
    home = os.path.expanduser("~")
    places = {"win32": os.environ.get("LOCALAPPDATA"), "darwin": os.path.join(home, "Library", "Caches")}
    base = places.get(sys.platform) or os.environ.get("XDG_CACHE_HOME") or os.path.join(home, ".cache")
    return Path(base, "densa", f"kernels-{_version()}")


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("densa")
    except PackageNotFoundError:  # a copy of the sources
        return "0"


def private_folder() -> Path | None:
    """A folder among the temporary files that this user alone can write; None where there is none.

    Kernels are loaded as code, so a folder of another user is never taken.
    """
    user = os.getuid() if hasattr(os, "getuid") else ""
    with suppress(OSError):
        folder = Path(tempfile.gettempdir(), f"densa-kernels-{user}-{_version()}")
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode):
            return None
        if hasattr(os, "getuid") and (found.st_uid != os.getuid() or found.st_mode & 0o022):
            return None
        return folder
    return None


class _MendsCaching(importlib.abc.MetaPathFinder):
    """Mends Numba's module of caches as soon as it is imported."""

    def find_spec(self, name: str, path: Any, target: ModuleType | None = None) -> ModuleSpec | None:
        if name != _CACHING:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            load = spec.loader.exec_module

            def load_and_mend(module: ModuleType) -> None:
                load(module)
                _mend(module)

            spec.loader.exec_module = load_and_mend  # type: ignore[method-assign]
        return spec


def _mend(caching: Any) -> None:
    """Make the caches of Numba safe to lose."""
    if hasattr(caching, "_mended_by_densa"):
        return
    caching._mended_by_densa = True
    locators = getattr(caching, "CacheImpl", None) or caching._CacheImpl
    locators._locator_classes = [*locators._locator_classes, _last_place(caching)]
    load, save = caching.Cache.load_overload, caching.Cache.save_overload

    def load_if_possible(self: Any, signature: Any, context: Any) -> Any:
        try:
            found = load(self, signature, context)
        except Exception:  # a damaged file: whatever unpickling raises
            return None
        return found if found is None or _is_of(found, signature) else None

    def save_if_possible(self: Any, signature: Any, data: Any) -> None:
        with suppress(OSError):
            save(self, signature, data)

    caching.Cache.load_overload, caching.Cache.save_overload = load_if_possible, save_if_possible
    caching.IndexDataCacheFile.save = _save


def _is_of(compiled: Any, signature: Any) -> bool:
    """Whether compiled code takes these arguments: an index may name the file of another process."""
    wanted = getattr(signature, "args", signature)
    found = getattr(getattr(compiled, "signature", None), "args", None)
    return found is None or not isinstance(wanted, tuple) or tuple(found) == wanted


def _save(self: Any, key: Any, data: Any) -> None:
    """As Numba's, by one process at a time; the index names a file only when the file is there."""
    with _locked(self._index_path):
        try:
            names = self._load_index()
        except Exception:  # damaged: begin anew
            names = {}
        taken = set(names.values())
        name = names.get(key) or next(n for i in itertools.count(1) if (n := self._data_name(i)) not in taken)
        self._save_data(name, data)
        if key not in names:
            self._save_index({**names, key: name})


@contextmanager
def _locked(path: str) -> Iterator[None]:
    """Lock the files of a kernel, where the file system can."""
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    with open(f"{path}.lock", "ab") as file:
        with suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _last_place(caching: Any) -> type:
    """A locator for where no other fits: temporary files, or nowhere."""
    mixin, base = caching._SourceFileBackedLocatorMixin, caching._CacheLocator

    class LastPlace(mixin, base):  # type: ignore[misc,valid-type]
        def __init__(self, py_func: Any, py_file: str) -> None:
            self._py_file, self._lineno = py_file, py_func.__code__.co_firstlineno
            self._place = private_folder()

        def get_cache_path(self) -> str:
            place = self._place or Path(tempfile.gettempdir(), "densa-keeps-no-kernels")
            return os.path.join(place, self.get_suitable_cache_subpath(self._py_file))

        def ensure_cache_path(self) -> None:
            if self._place is None:
                raise OSError("kernels are kept nowhere")
            super().ensure_cache_path()

        @classmethod
        def from_function(cls, py_func: Any, py_file: str) -> Any:
            return cls(py_func, py_file) if os.path.exists(py_file) else None

    return LastPlace
