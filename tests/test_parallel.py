"""Work divided among threads: every item once, in chunks of its own, errors passed on; how many threads there are."""

import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from densa import parallel

SOURCE = Path(parallel.__file__).parent


@pytest.fixture
def three_threads(monkeypatch):
    monkeypatch.setattr(parallel, "_processors", lambda: 3)
    monkeypatch.setattr(parallel, "_from_environment", lambda: 99)


@settings(max_examples=60)
@given(st.integers(1, 200), st.integers(1, 70), st.integers(1, 5))
def test_every_item_is_computed_once(n_items, chunk, n_threads):
    times = np.zeros(n_items, int)

    def kernel(counts, first, end):
        assert 0 <= first < end <= n_items
        counts[first:end] += 1

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parallel, "n_threads", lambda: n_threads)
        parallel.share_items(kernel, n_items, times, chunk=chunk)
    assert_array_equal(times, 1)


@pytest.mark.parametrize("shape", [(0, 5), (5, 0), (1, 1), (700, 3), (3, 100_000), (900, 900, 3)])
def test_every_row_of_an_image_is_computed_once(shape, three_threads):
    times = np.zeros(shape[0], int)
    parallel.share_pixels(lambda top, end: np.add.at(times, slice(top, end), 1), shape)
    assert_array_equal(times, 1)


def test_small_images_stay_on_the_callers_thread(three_threads):
    where = []
    parallel.share_pixels(lambda top, end: where.append((threading.get_ident(), top, end)), (100, 100))
    assert where == [(threading.get_ident(), 0, 100)]


def test_rows_are_shared_in_chunks_among_threads(monkeypatch):
    monkeypatch.setattr(parallel, "n_threads", lambda: 2)
    both, used, chunks = threading.Barrier(2), set(), []

    def kernel(first, end):
        both.wait(timeout=10)  # ends with an error unless two threads are here at once
        used.add(threading.get_ident())
        chunks.append((first, end))

    parallel.share_rows(kernel, 128)
    assert sorted(chunks) == [(0, 64), (64, 128)]
    assert len(used) == 2


def test_few_items_stay_on_the_callers_thread(monkeypatch):
    monkeypatch.setattr(parallel, "n_threads", lambda: 4)
    where = []
    parallel.share_rows(lambda first, end: where.append((threading.get_ident(), first, end)), 64)
    assert where == [(threading.get_ident(), 0, 64)]


@pytest.mark.parametrize("n_threads", [1, 3])
def test_an_error_of_a_kernel_is_raised(monkeypatch, n_threads):
    monkeypatch.setattr(parallel, "n_threads", lambda: n_threads)

    def kernel(first, end):
        if first <= 5 < end:
            raise KeyError(5)

    with pytest.raises(KeyError, match="5"):
        parallel.share_items(kernel, 9, chunk=2)
    parallel.share_items(lambda first, end: None, 9)  # the threads live on


def test_after_an_error_no_chunk_is_begun(monkeypatch):
    monkeypatch.setattr(parallel, "n_threads", lambda: 2)
    begun = []

    def kernel(first, end):
        begun.append(first)
        if first == 10:
            raise ValueError("enough")
        time.sleep(0.001)

    with pytest.raises(ValueError, match="enough"):
        parallel.share_items(kernel, 100_000)
    assert len(begun) < 1000


def test_nothing_waits_for_a_thread_that_has_not_begun(three_threads):
    """Threads of the pool that are busy with other work are not needed."""
    free, begun = threading.Event(), threading.Barrier(4)

    def block(first, end):
        begun.wait(timeout=10)
        free.wait(timeout=10)

    other = threading.Thread(target=parallel.share_items, args=(block, 3))
    other.start()
    begun.wait(timeout=10)
    done = np.zeros(50, int)
    parallel.share_items(lambda first, end: np.add.at(done, slice(first, end), 1), 50)
    assert_array_equal(done, 1)
    free.set()
    other.join()


def test_a_kernel_within_a_chunk_runs_on_that_thread_alone(three_threads):
    inner = []

    def outer(first, end):
        here = threading.get_ident()
        assert parallel.n_threads() == 1
        parallel.share_items(lambda i, j: inner.append((here, threading.get_ident(), i, j)), 7)

    parallel.share_items(outer, 20)
    assert len(inner) == 20
    assert all(here == there and (i, j) == (0, 7) for here, there, i, j in inner)
    assert parallel.n_threads() == 3


def test_a_limit_holds_for_the_calling_thread(three_threads):
    found = {}

    def limited():
        parallel.limit_threads(2)
        found["limited"] = parallel.n_threads()
        parallel.limit_threads(9)
        found["high"] = parallel.n_threads()

    thread = threading.Thread(target=limited)
    thread.start()
    thread.join()
    assert found == {"limited": 2, "high": 3}
    assert parallel.n_threads() == 3


def test_arrays_of_finished_work_are_let_go(three_threads):
    class Marked(np.ndarray):
        alive = 0

        def __del__(self):
            Marked.alive -= 1

    array = np.zeros(10).view(Marked)
    Marked.alive = 1
    parallel.share_items(lambda values, first, end: None, 10, array)
    del array
    end = time.monotonic() + 10
    while Marked.alive > 0 and time.monotonic() < end:
        time.sleep(0.001)
    assert Marked.alive <= 0


def run(code, **environment):
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(SOURCE.parent), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout.strip()


THREE = "from densa import parallel; parallel._processors = lambda: 3; parallel._from_environment = lambda: 99\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_forked_process_has_threads_of_its_own():
    code = THREE + (
        "import os, threading, warnings; warnings.simplefilter('ignore')\n"
        "def work():\n"
        "    both = threading.Barrier(2)\n"
        "    parallel.share_items(lambda first, end: both.wait(timeout=20), 2)\n"
        "work()\n"
        "child = os.fork()\n"
        "work()\n"
        "if child == 0: os._exit(7)\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
    )
    assert run(code) == "7"


def test_the_threads_do_not_keep_the_interpreter_from_ending():
    assert run(THREE + "parallel.share_items(lambda first, end: None, 100); print('end')") == "end"


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_ctrl_c_stops_the_threads():
    code = THREE + (
        "import os, signal, threading, time\n"
        "n = []\n"
        "def kernel(first, end):\n"
        "    n.append(first)\n"
        "    if first == 50: os.kill(os.getpid(), signal.SIGINT)\n"
        "    time.sleep(0.01)\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)  # may have been ignored by the parent\n"
        "try: parallel.share_items(kernel, 100_000)\n"
        "except KeyboardInterrupt: print('interrupted', len(n) < 1000)\n"
        "at = len(n); time.sleep(0.1); print(at == len(n))\n"
    )
    assert run(code).split() == ["interrupted", "True", "True"]


@pytest.mark.parametrize("name", ["OMP_NUM_THREADS", "NUMBA_NUM_THREADS"])
def test_the_environment_limits_the_threads(name):
    code = "from densa import parallel; parallel._processors = lambda: 8; print(parallel.n_threads())"
    others = {"OMP_NUM_THREADS": "", "NUMBA_NUM_THREADS": ""}
    assert run(code, **others) == "8"
    assert run(code, **{**others, name: "3"}) == "3"


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity")
def test_affinity_limits_the_processors():
    code = (
        "import os; from densa import parallel\n"
        "os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); print(parallel.n_threads())"
    )
    assert run(code) == "1"


def test_no_kernel_uses_numbas_parallel_backend():
    for path in SOURCE.rglob("*.py"):
        assert not re.search(r"\bprange\b|parallel=True|set_num_threads\(.*numba", path.read_text(encoding="utf-8")), (
            path
        )
