"""Recognise the out-of-memory errors of any library."""

from __future__ import annotations

from densa.errors import InputError

__all__ = ["is_out_of_memory"]


def is_out_of_memory(error: BaseException | None) -> bool:
    """Whether an exception says that memory ran out."""
    if error is None:
        return False
    if isinstance(error, MemoryError):
        return True
    if isinstance(error, InputError):  # raised while a file was read or written
        return is_out_of_memory(error.__cause__)
    import torch

    if isinstance(error, torch.OutOfMemoryError):
        return True
    said = str(error).lower()
    return isinstance(error, RuntimeError) and any(words in said for words in _OUT_OF_MEMORY)


# PyTorch on the CPU; C++; oneDNN, whose scratch memory is its own.
_OUT_OF_MEMORY = (
    "can't allocate memory",
    "cannot allocate memory",
    "not enough memory",
    "out of memory",
    "bad_alloc",
    "could not create a memory",
    "could not create a primitive",
    "could not execute a primitive",
)
