"""Names that are imported when they are first used."""

import importlib
import inspect
import subprocess
import sys

import pytest

PACKAGES = ["datasets", "engine", "engine.regions", "raster", "reports", "shallow", "training"]


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_name_is_found(package):
    module = importlib.import_module(f"densa.{package}")
    assert all(not inspect.ismodule(getattr(module, name)) for name in module.__all__)
    with pytest.raises(AttributeError, match=f"'densa.{package}' has no attribute 'unheard_of'"):
        module.unheard_of  # noqa: B018


@pytest.mark.parametrize("package", PACKAGES)
def test_nothing_heavy_is_imported_before(package):
    code = f"import sys, densa.{package}; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {name.split(".")[0] for name in run.stdout.split()} & {"torch", "sklearn", "skimage"}
