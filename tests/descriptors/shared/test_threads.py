"""Work divided among threads: every item once, in chunks of its own, errors passed on."""

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from densa.descriptors.shared import threads


@settings(max_examples=60)
@given(st.integers(1, 200), st.integers(1, 70), st.integers(1, 5))
def test_every_item_is_computed_once(n_items, chunk, n_threads):
    times = np.zeros(n_items, int)

    def kernel(counts, first, end):
        assert 0 <= first < end <= n_items
        counts[first:end] += 1

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threads, "get_num_threads", lambda: n_threads)
        threads.share_items(kernel, n_items, times, chunk=chunk)
    assert_array_equal(times, 1)


def test_rows_are_shared_in_chunks_among_threads(monkeypatch):
    monkeypatch.setattr(threads, "get_num_threads", lambda: 2)
    both, used, chunks = threading.Barrier(2), set(), []

    def kernel(first, end):
        both.wait(timeout=10)  # ends with an error unless two threads are here at once
        used.add(threading.get_ident())
        chunks.append((first, end))

    threads.share_rows(kernel, 128)
    assert sorted(chunks) == [(0, 64), (64, 128)]
    assert len(used) == 2


def test_few_items_stay_on_the_callers_thread(monkeypatch):
    monkeypatch.setattr(threads, "get_num_threads", lambda: 4)
    where = []
    threads.share_rows(lambda first, end: where.append((threading.get_ident(), first, end)), 64)
    assert where == [(threading.get_ident(), 0, 64)]


@pytest.mark.parametrize("n_threads", [1, 3])
def test_an_error_of_a_kernel_is_raised(monkeypatch, n_threads):
    monkeypatch.setattr(threads, "get_num_threads", lambda: n_threads)

    def kernel(first, end):
        if first <= 5 < end:
            raise KeyError(5)

    with pytest.raises(KeyError, match="5"):
        threads.share_items(kernel, 9, chunk=2)
