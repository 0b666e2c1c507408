"""Rows shared out to threads.

Plain threads over compiled kernels that release the interpreter's lock: kernels with this many inlined loops take
numba's parallel backend half a minute to compile, and not all of its layers may be entered by two threads at once.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from numba import get_num_threads

_CHUNK = 64  # rows of a task; filters compute the rows around them twice


def share_rows(kernel: Callable[..., None], n_rows: int, *arguments: Any) -> None:
    """Call `kernel(*arguments, top, end)` for chunks of rows, on as many threads as numba is set to use.

    Each chunk writes rows of its own; no sum crosses chunks, so the result does not depend on the threads.
    """
    n_threads = min(get_num_threads(), -(-n_rows // _CHUNK))
    if n_threads == 1:
        kernel(*arguments, 0, n_rows)
        return
    with ThreadPoolExecutor(n_threads) as pool:
        tops = range(0, n_rows, _CHUNK)
        for done in [pool.submit(kernel, *arguments, top, min(top + _CHUNK, n_rows)) for top in tops]:
            done.result()
