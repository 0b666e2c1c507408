"""Kernels are kept where they can be, and a cache that fails costs a compilation only."""

import os
import pickle
from types import SimpleNamespace

import numba
import pytest
from numba import njit
from numba.core import caching

import densa
from densa import kernel_cache


def test_compiled_kernels_of_a_version_lie_in_a_folder_of_their_own(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(kernel_cache.sys, "platform", "linux")
    assert kernel_cache.kernel_folder() == tmp_path / "densa" / f"kernels-{densa.__version__}"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert kernel_cache.kernel_folder().parent == tmp_path / ".cache" / "densa"


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="users of Windows have temporary folders of their own")
def test_kernels_are_not_taken_from_a_folder_that_others_can_write(monkeypatch, tmp_path):
    monkeypatch.setattr(kernel_cache.tempfile, "gettempdir", lambda: str(tmp_path))
    folder = kernel_cache.private_folder()
    assert folder.parent == tmp_path
    folder.chmod(0o777)
    assert kernel_cache.private_folder() is None
    folder.rmdir()
    folder.symlink_to(tmp_path)
    assert kernel_cache.private_folder() is None
    folder.unlink()
    folder.write_text("a file")
    assert kernel_cache.private_folder() is None


def twice(x):
    return 2 * x


@pytest.fixture
def kept(monkeypatch, tmp_path):
    """Compiles `twice` anew, with kernels kept in a folder."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "kernels"))
    return lambda: njit(cache=True)(twice)


def test_a_full_disk_costs_no_call(kept, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(caching.IndexDataCacheFile, "_save_data", full)
    assert kept()(3) == 6


@pytest.mark.parametrize("damage", [b"", b"nonsense", pickle.dumps(("other", {}))[:7]])
@pytest.mark.parametrize("kind", ["nbi", "nbc"])
def test_a_damaged_cache_is_compiled_anew(kept, tmp_path, damage, kind):
    assert kept()(3) == 6
    (path,) = (tmp_path / "kernels").rglob(f"*.{kind}")
    path.write_bytes(damage)
    assert kept()(3) == 6
    assert path.read_bytes() != damage or kind == "nbc"


def test_code_for_other_arguments_is_not_taken(kept, tmp_path):
    """As two processes leave it that fill a cache at once: the index names the file of the other."""
    first = kept()
    assert (first(3), first(2.5)) == (6, 5.0)
    one, other = sorted((tmp_path / "kernels").rglob("*.nbc"))
    other.write_bytes(one.read_bytes())
    assert kept()(2.5) == 5.0


def test_where_nothing_can_be_written_nothing_is_kept(kept, monkeypatch):
    monkeypatch.setattr(kernel_cache, "private_folder", lambda: None)
    for locator in caching.CacheImpl._locator_classes[:-1] if hasattr(caching, "CacheImpl") else ():
        monkeypatch.setattr(locator, "from_function", classmethod(lambda *_: None))
    assert kept()(3) == 6


def test_the_finder_mends_the_module_as_it_is_loaded(monkeypatch):
    mended = []
    monkeypatch.setattr(kernel_cache, "_mend", mended.append)
    finder = kernel_cache._MendsCaching()
    monkeypatch.setattr(kernel_cache.sys, "meta_path", [finder, *kernel_cache.sys.meta_path])
    loader = SimpleNamespace(exec_module=lambda module: None)
    monkeypatch.setattr(kernel_cache.importlib.util, "find_spec", lambda name: SimpleNamespace(loader=loader))
    assert finder.find_spec("numba.core.typing", None) is None
    finder.find_spec("numba.core.caching", None).loader.exec_module("module")
    assert mended == ["module"]
