"""Fixtures shared by all tests."""

import os

# Small tests on several workers: more threads than cores make torch and numba wait for each other. Read at import.
for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

# No example is timed: machines are busy. Where CI is set the examples are the same in every run, elsewhere new ones.
settings.register_profile("densa", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("densa")

REALDATA = Path(os.environ.get("DENSA_REALDATA", Path(__file__).parents[2] / "shared" / "data"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what reads the development images where they are not."""
    if not REALDATA.is_dir():
        for item in items:
            if item.get_closest_marker("realdata"):
                item.add_marker(pytest.mark.skip(reason=f"no development images in {REALDATA}"))


@pytest.fixture
def realdata() -> Path:
    """Folder of the development images; only for tests marked `realdata`."""
    return REALDATA


@pytest.fixture
def rng() -> np.random.Generator:
    """The same random numbers in every run."""
    return np.random.default_rng(0)
