"""Work of compiled kernels divided among threads.

Plain threads over compiled kernels that release the interpreter's lock: kernels with this many inlined loops take
numba's parallel backend half a minute to compile, and not all of its layers may be entered by two threads at once.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from numba import get_num_threads

__all__ = ["share_items", "share_rows"]

_CHUNK = 64  # rows of a task; filters compute the rows around them twice


def share_rows(kernel: Callable[..., None], n_rows: int, *arguments: Any) -> None:
    """Call `kernel(*arguments, top, end)` for chunks of rows, on as many threads as numba is set to use.

    Each chunk writes rows of its own; no sum crosses chunks, so the result does not depend on the threads.
    """
    share_items(kernel, n_rows, *arguments, chunk=_CHUNK)


def share_items(kernel: Callable[..., None], n_items: int, *arguments: Any, chunk: int = 1) -> None:
    """As `share_rows`, for items of any kind: `chunk` of them a task."""
    n_threads = min(get_num_threads(), -(-n_items // chunk))
    if n_threads <= 1:
        kernel(*arguments, 0, n_items)
        return
    with ThreadPoolExecutor(n_threads) as pool:
        starts = range(0, n_items, chunk)
        for done in [pool.submit(kernel, *arguments, i, min(i + chunk, n_items)) for i in starts]:
            done.result()
