"""Arrays as bytes, compressed and checked: the files of a work folder.

Named arrays, each of which can be read without the others: magic, length of the header, CRC of the header, header
(JSON: name, dtype, shape, packed length, CRC of each), then the zlib streams.

A tile of uint8 planes, in chunks of rows: magic, planes, height, width, length of every chunk, CRC of all that, then
the chunks: CRC and zlib stream. No size is taken from the file: the reader says what the tile must be.

Nothing is unpickled; an array is unpacked only if its stream can hold it.
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

__all__ = [
    "CHUNK_ROWS",
    "encode_arrays",
    "encode_tile",
    "has_whole_arrays",
    "has_whole_tile",
    "read_arrays",
    "read_chunks",
]

_ARRAYS, _TILE = b"densaA1\n", b"densaT1\n"
_ARRAYS_HEAD, _TILE_HEAD = struct.Struct("<8sII"), struct.Struct("<8sIII")
_LEVEL = 1  # of zlib: labels shrink fiftyfold at any level, other values hardly at all
_LARGEST_HEADER = 2**20  # bytes
_MOST_PACKED = 1100  # zlib packs no more than 1032 bytes into one
_DTYPES = {"|b1", "|u1", "|i1", *(f"<{kind}{size}" for kind in "ui" for size in (2, 4, 8)), "<f4", "<f8"}
_DAMAGED = "a file of the work folder is damaged; remove the work folder and begin anew"
CHUNK_ROWS = 512  # as high as the blocks of the GeoTIFFs that chunks are written to


# ------------------------------------------------------------------------------------------------ named arrays


class _Entry(NamedTuple):
    name: str
    dtype: str
    shape: tuple[int, ...]
    length: int
    crc: int


class _Source(NamedTuple):
    """Bytes of a file or in memory: how many, and a function that reads `n_bytes` from `place` on."""

    length: int
    read: Callable[[int, int], memoryview]


def encode_arrays(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Arrays of booleans, integers or real numbers as bytes, which depend on their names and values alone."""
    entries, streams = [], []
    for name in sorted(arrays):
        array = np.asarray(arrays[name], order="C")
        array = array.astype(array.dtype.newbyteorder("<"), copy=False)
        if array.dtype.str not in _DTYPES:
            raise TypeError(f"{name} cannot be kept: it holds {array.dtype}")
        packed = zlib.compress(array.reshape(-1).view(np.uint8).data, _LEVEL)
        entries.append(_Entry(name, array.dtype.str, array.shape, len(packed), zlib.crc32(packed)))
        streams.append(packed)
    header = json.dumps(entries, separators=(",", ":")).encode()
    return b"".join([_ARRAYS_HEAD.pack(_ARRAYS, len(header), zlib.crc32(header)), header, *streams])


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


def has_whole_arrays(data: bytes | memoryview) -> bool:
    """Whether the bytes are a whole file of arrays; nothing is unpacked."""
    view = memoryview(data)
    source = _Source(len(view), lambda place, n_bytes: view[place : place + n_bytes])
    try:
        return all(zlib.crc32(source.read(place, entry.length)) == entry.crc for entry, place in _entries(source))
    except InputError:
        return False


def _decode(source: _Source, names: Collection[str]) -> dict[str, NDArray[Any]]:
    found = {}
    for entry, place in _entries(source):
        if names and entry.name not in names:
            continue
        packed = source.read(place, entry.length)
        if zlib.crc32(packed) != entry.crc:
            raise InputError(_DAMAGED)
        dtype = np.dtype(entry.dtype)
        n_bytes = math.prod(entry.shape) * dtype.itemsize
        if n_bytes > _MOST_PACKED * (len(packed) + 1):
            raise InputError(_DAMAGED)
        found[entry.name] = np.frombuffer(_inflate(packed, n_bytes), dtype).reshape(entry.shape)
    if set(names) - set(found):
        raise InputError(_DAMAGED)
    return found


def _entries(source: _Source) -> Iterator[tuple[_Entry, int]]:
    """Each entry of the header, and where its packed bytes begin."""
    if source.length < _ARRAYS_HEAD.size:
        raise InputError(_DAMAGED)
    magic, length, crc = _ARRAYS_HEAD.unpack(source.read(0, _ARRAYS_HEAD.size))
    if magic != _ARRAYS or length > _LARGEST_HEADER:
        raise InputError(_DAMAGED)
    header = source.read(_ARRAYS_HEAD.size, length)
    if len(header) != length or zlib.crc32(header) != crc:
        raise InputError(_DAMAGED)
    place = _ARRAYS_HEAD.size + length
    for name, dtype, shape, size, check in json.loads(bytes(header)):
        if dtype not in _DTYPES or size > source.length - place:
            raise InputError(_DAMAGED)
        yield _Entry(name, dtype, tuple(shape), size, check), place
        place += size
    if place != source.length:
        raise InputError(_DAMAGED)


# --------------------------------------------------------------------------------------------- a tile of planes


def encode_tile(planes: NDArray[np.uint8]) -> bytes:
    """A (planes, h, w) uint8 tile as bytes."""
    n_planes, height, width = planes.shape
    chunks = []
    for start in range(0, height, CHUNK_ROWS):
        packed = zlib.compress(np.ascontiguousarray(planes[:, start : start + CHUNK_ROWS]).data, _LEVEL)
        chunks.append(struct.pack("<I", zlib.crc32(packed)) + packed)
    head = _TILE_HEAD.pack(_TILE, n_planes, height, width) + struct.pack(f"<{len(chunks)}Q", *map(len, chunks))
    return b"".join([head, struct.pack("<I", zlib.crc32(head)), *chunks])


def read_chunks(data: bytes | memoryview, shape: tuple[int, int, int]) -> Iterator[NDArray[np.uint8]]:
    """(planes, rows, w) chunks of a tile from top to bottom.

    Args:
        data: what `encode_tile` returned.
        shape: planes, height and width that the tile must have.

    Raises:
        InputError: the bytes are not a whole tile of that shape.
    """
    n_planes, height, width = shape
    for chunk, packed in enumerate(_packed_chunks(memoryview(data), shape)):
        n_rows = min(CHUNK_ROWS, height - chunk * CHUNK_ROWS)
        n_bytes = n_planes * n_rows * width
        yield np.frombuffer(_inflate(packed, n_bytes), np.uint8).reshape(n_planes, n_rows, width)


def has_whole_tile(data: bytes | memoryview, shape: tuple[int, int, int]) -> bool:
    """Whether the bytes are a whole tile of that shape; nothing is unpacked."""
    try:
        for _ in _packed_chunks(memoryview(data), shape):
            pass
    except InputError:
        return False
    return True


def _packed_chunks(view: memoryview, shape: tuple[int, int, int]) -> Iterator[memoryview]:
    """The compressed chunks, each checked."""
    position = _TILE_HEAD.size + 8 * -(-shape[1] // CHUNK_ROWS) + 4
    head = view[: position - 4]
    if len(view) < position or struct.unpack("<I", view[position - 4 : position])[0] != zlib.crc32(head):
        raise InputError(_DAMAGED)
    if _TILE_HEAD.unpack(head[: _TILE_HEAD.size]) != (_TILE, *shape):
        raise InputError(_DAMAGED)
    lengths = struct.unpack(f"<{(len(head) - _TILE_HEAD.size) // 8}Q", head[_TILE_HEAD.size :])
    if min(lengths) < 4 or position + sum(lengths) != len(view):
        raise InputError(_DAMAGED)
    for length in lengths:
        chunk = view[position : position + length]
        if struct.unpack("<I", chunk[:4])[0] != zlib.crc32(chunk[4:]):
            raise InputError(_DAMAGED)
        yield chunk[4:]
        position += length


def _inflate(packed: memoryview, n_bytes: int) -> bytes:
    """The `n_bytes` of a zlib stream; never unpacks more."""
    try:
        values = zlib.decompressobj().decompress(packed, n_bytes + 1)
    except zlib.error as error:
        raise InputError(_DAMAGED) from error
    if len(values) != n_bytes:
        raise InputError(_DAMAGED)
    return values
