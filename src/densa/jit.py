"""How kernels are compiled: what is left out of the machine code makes first calls shorter.

Numba keeps compiled kernels on disk, see `densa.kernel_cache`. A kernel gets no wrapper for C. One that only other
kernels call is not kept by itself, since it is part of theirs, and has no wrapper for Python.
"""

from typing import Any

import numba

__all__ = ["inner_jit", "kernel_jit"]

_njit: Any = numba.njit  # its annotations lack some options

kernel_jit = _njit(nogil=True, cache=True, no_cfunc_wrapper=True)
"""Decorator of kernels that are called from Python."""

inner_jit = _njit(nogil=True, no_cfunc_wrapper=True, no_cpython_wrapper=True)
"""Decorator of functions that only kernels call."""
