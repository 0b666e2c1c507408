"""Amounts of memory, and what the process holds."""

import gc
import os

import numpy as np
import pytest

from densa.engine import parse_bytes
from densa.engine.resources.memory import peak_during, resident_bytes, shown_bytes
from densa.errors import InputError


@pytest.mark.parametrize(
    ("text", "n_bytes"),
    [("2GB", 2 * 10**9), ("1.5 GiB", 3 * 2**29), ("800m", 8 * 10**8), ("64K", 64_000), ("123456", 123456), ("7 B", 7)],
)
def test_amounts_of_memory(text, n_bytes):
    assert parse_bytes(text) == n_bytes


@pytest.mark.parametrize("text", ["", "GB", "2XB", "-1GB", "2 G B", "1e9", "2iB"])
def test_what_is_no_amount(text):
    with pytest.raises(InputError, match="memory must be a number with a unit"):
        parse_bytes(text)


def test_amounts_as_people_read_them():
    assert [shown_bytes(n) for n in (7, 64_000, 8e8, 1.5e9, 2e12)] == ["7 B", "64 kB", "800 MB", "1.50 GB", "2.00 TB"]


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="measured by Linux's /proc")
def test_a_peak_is_seen_after_it_is_gone():
    gc.collect()  # what other tests left must not be given back meanwhile
    np.ones(3 * 10**7)  # an earlier, higher peak does not count
    before, most = peak_during(lambda: np.ones(10**7).sum())
    assert before <= resident_bytes() + 10**7
    assert 7.5e7 < most - before < 1.5e8
