import threading
import time

import pytest

from densa.datasets.threads import in_threads


def test_results_come_in_order():
    def slow_first(i):
        time.sleep(0.02 if i == 0 else 0)
        return i

    assert list(in_threads(slow_first, range(50))) == list(range(50))


def test_an_error_leaves_the_rest_undone():
    done = []

    def work(i):
        if i == 0:
            raise KeyError(i)
        time.sleep(0.001)
        done.append(i)

    before = threading.active_count()
    with pytest.raises(KeyError):
        list(in_threads(work, range(5000)))
    assert len(done) < 4000
    assert threading.active_count() == before
