"""The pages of the Python interface, which docs/make_api.py writes: every public name is on one."""

import importlib
import importlib.util
import pkgutil
from pathlib import Path

import pytest

import densa

MAKE_API = Path(__file__).parent.parent / "docs" / "make_api.py"


@pytest.fixture(scope="module")
def make_api():
    spec = importlib.util.spec_from_file_location("make_api", MAKE_API)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def public_modules() -> set[str]:
    """densa, its packages that are public names of it, and their sub-packages that have public names."""
    packages = {f"densa.{name}" for name in densa.__all__ if Path(densa.__file__).with_name(name).is_dir()}
    nested = {
        module.name
        for package in packages
        for module in pkgutil.iter_modules(importlib.import_module(package).__path__, f"{package}.")
        if module.ispkg and hasattr(importlib.import_module(module.name), "__all__")
    }
    return {"densa", "densa.methods", "densa.errors", "densa.legend"} | packages | nested


def test_every_public_package_has_a_page(make_api):
    assert public_modules() - {name for page in make_api.PAGES for name in page.modules} == set()


def test_every_public_name_is_described_once(make_api):
    lines = [line.strip() for text in make_api.files().values() for line in text.splitlines()]
    described = [line.split(":: ")[1] for line in lines if line.startswith((".. auto", ".. py:data::"))]
    assert len(described) == len(set(described))
    listed = {entry.path for page in make_api.PAGES for module in page.modules for entry in make_api.entries(module)}
    packages = {f"densa.{name}" for name in densa.__all__ if Path(densa.__file__).with_name(name).is_dir()}
    assert listed - {"densa.methods"} - packages == set(described)


def test_every_public_name_is_in_a_table(make_api):
    for page in make_api.PAGES:
        text = make_api.page(page)
        for module in page.modules:
            missing = [name for name in importlib.import_module(module).__all__ if f":`{name} <" not in text]
            assert missing == []


def test_the_landing_page_lists_the_pages(make_api):
    text = make_api.index()
    assert [page.file for page in make_api.PAGES if f"{page.modules[0]} <{page.file}>" not in text] == []
