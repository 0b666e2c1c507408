"""Named arrays as bytes, each compressed and checked by itself, so that some can be read without the others.

Layout: magic, length of the header, CRC of the header, header (JSON: name, dtype, shape, packed length, CRC of
each), then the zlib streams. Nothing is unpickled; an array is unpacked only if its stream can hold it.
"""

from __future__ import annotations

import json
import math
import os
import struct
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from densa.errors import InputError

__all__ = ["DAMAGED", "encode_arrays", "inflate", "is_whole", "read_arrays"]

_MAGIC = b"densaA1\n"
_HEAD = struct.Struct("<8sII")
_LARGEST_HEADER = 2**20  # bytes
_MOST_PACKED = 1100  # zlib packs no more than 1032 bytes into one
_DTYPES = {"|b1", "|u1", "|i1", *(f"<{kind}{size}" for kind in "ui" for size in (2, 4, 8)), "<f4", "<f8"}
DAMAGED = "a file of the work folder is damaged; remove the work folder and begin anew"


class _Entry(NamedTuple):
    name: str
    dtype: str
    shape: tuple[int, ...]
    length: int
    crc: int


def encode_arrays(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Arrays of booleans, integers or real numbers as bytes, which depend on their names and values alone."""
    entries, streams = [], []
    for name in sorted(arrays):
        array = np.asarray(arrays[name], order="C")
        array = array.astype(array.dtype.newbyteorder("<"), copy=False)
        if array.dtype.str not in _DTYPES:
            raise TypeError(f"{name} cannot be kept: it holds {array.dtype}")
        packed = zlib.compress(array.reshape(-1).view(np.uint8).data, 1)
        entries.append(_Entry(name, array.dtype.str, array.shape, len(packed), zlib.crc32(packed)))
        streams.append(packed)
    header = json.dumps(entries, separators=(",", ":")).encode()
    return b"".join([_HEAD.pack(_MAGIC, len(header), zlib.crc32(header)), header, *streams])


def read_arrays(path: Path, names: Collection[str] = ()) -> dict[str, NDArray[Any]]:
    """The arrays of those names, of all names by default; they cannot be written to.

    Of the other arrays only the entries in the header are read.

    Raises:
        InputError: the file is not whole, or lacks a name.
    """
    with path.open("rb", buffering=0) as file:

        def read(place: int, n_bytes: int) -> memoryview:
            file.seek(place)
            return memoryview(file.read(n_bytes))

        return _decode(_Source(os.fstat(file.fileno()).st_size, read), names)


def is_whole(data: bytes | memoryview) -> bool:
    """Whether the bytes are a whole file of arrays; nothing is unpacked."""
    source = _of_bytes(data)
    try:
        return all(zlib.crc32(source.read(place, entry.length)) == entry.crc for entry, place in _entries(source))
    except InputError:
        return False


def inflate(packed: memoryview, n_bytes: int) -> bytes:
    """What a zlib stream holds, never more than `n_bytes`.

    Raises:
        InputError: it is no such stream, or holds another number of bytes.
    """
    try:
        values = zlib.decompressobj().decompress(packed, n_bytes + 1)
    except zlib.error as error:
        raise InputError(DAMAGED) from error
    if len(values) != n_bytes:
        raise InputError(DAMAGED)
    return values


class _Source(NamedTuple):
    """Where the bytes are: how many, and a function of place and number that gives some."""

    length: int
    read: Callable[[int, int], memoryview]


def _of_bytes(data: bytes | memoryview) -> _Source:
    view = memoryview(data)
    return _Source(len(view), lambda place, n_bytes: view[place : place + n_bytes])


def _decode(source: _Source, names: Collection[str]) -> dict[str, NDArray[Any]]:
    found = {}
    for entry, place in _entries(source):
        if names and entry.name not in names:
            continue
        packed = source.read(place, entry.length)
        if zlib.crc32(packed) != entry.crc:
            raise InputError(DAMAGED)
        dtype = np.dtype(entry.dtype)
        n_bytes = math.prod(entry.shape) * dtype.itemsize
        if n_bytes > _MOST_PACKED * (len(packed) + 1):
            raise InputError(DAMAGED)
        found[entry.name] = np.frombuffer(inflate(packed, n_bytes), dtype).reshape(entry.shape)
    if set(names) - set(found):
        raise InputError(DAMAGED)
    return found


def _entries(source: _Source) -> Iterator[tuple[_Entry, int]]:
    """What is said of each array, and where its packed bytes begin."""
    if source.length < _HEAD.size:
        raise InputError(DAMAGED)
    magic, length, crc = _HEAD.unpack(source.read(0, _HEAD.size))
    if magic != _MAGIC or length > _LARGEST_HEADER:
        raise InputError(DAMAGED)
    header = source.read(_HEAD.size, length)
    if len(header) != length or zlib.crc32(header) != crc:
        raise InputError(DAMAGED)
    place = _HEAD.size + length
    for name, dtype, shape, size, check in json.loads(bytes(header)):
        if dtype not in _DTYPES or size > source.length - place:
            raise InputError(DAMAGED)
        yield _Entry(name, dtype, tuple(shape), size, check), place
        place += size
    if place != source.length:
        raise InputError(DAMAGED)
