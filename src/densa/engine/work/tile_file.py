"""One finished tile as bytes: planes in chunks of rows, each compressed and checked by itself.

Layout: magic, planes, height, width, length of every chunk, CRC of all that, then the chunks: CRC and zlib stream. No
size is taken from the file: the reader says what the tile must be. Only if all of it is right, the tile is finished.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from densa.engine.work.array_file import DAMAGED, inflate
from densa.errors import InputError

__all__ = ["CHUNK_ROWS", "encode_tile", "is_whole", "read_chunks"]

CHUNK_ROWS = 512  # as high as the blocks of the GeoTIFFs that chunks are written to
_MAGIC = b"densaT1\n"
_HEAD = struct.Struct("<8sIII")
_LEVEL = 1  # labels shrink fiftyfold at any level; the others hardly


def encode_tile(planes: NDArray[np.uint8]) -> bytes:
    """A (planes, h, w) uint8 tile as bytes."""
    n_planes, height, width = planes.shape
    chunks = []
    for start in range(0, height, CHUNK_ROWS):
        packed = zlib.compress(np.ascontiguousarray(planes[:, start : start + CHUNK_ROWS]).data, _LEVEL)
        chunks.append(struct.pack("<I", zlib.crc32(packed)) + packed)
    head = _HEAD.pack(_MAGIC, n_planes, height, width) + struct.pack(f"<{len(chunks)}Q", *map(len, chunks))
    return b"".join([head, struct.pack("<I", zlib.crc32(head)), *chunks])


def read_chunks(data: bytes | memoryview, shape: tuple[int, int, int]) -> Iterator[NDArray[np.uint8]]:
    """(planes, rows, w) chunks of a tile from top to bottom.

    Args:
        data: what `encode_tile` gave.
        shape: planes, height and width that the tile must have.

    Raises:
        InputError: the bytes are not a whole tile of that shape.
    """
    n_planes, height, width = shape
    for chunk, packed in enumerate(_packed(memoryview(data), shape)):
        n_rows = min(CHUNK_ROWS, height - chunk * CHUNK_ROWS)
        n_bytes = n_planes * n_rows * width
        yield np.frombuffer(inflate(packed, n_bytes), np.uint8).reshape(n_planes, n_rows, width)


def is_whole(data: bytes | memoryview, shape: tuple[int, int, int]) -> bool:
    """Whether the bytes are a whole tile of that shape; nothing is unpacked."""
    try:
        for _ in _packed(memoryview(data), shape):
            pass
    except InputError:
        return False
    return True


def _packed(view: memoryview, shape: tuple[int, int, int]) -> Iterator[memoryview]:
    """The compressed chunks, each checked."""
    position = _HEAD.size + 8 * -(-shape[1] // CHUNK_ROWS) + 4
    head = view[: position - 4]
    if len(view) < position or struct.unpack("<I", view[position - 4 : position])[0] != zlib.crc32(head):
        raise InputError(DAMAGED)
    if _HEAD.unpack(head[: _HEAD.size]) != (_MAGIC, *shape):
        raise InputError(DAMAGED)
    lengths = struct.unpack(f"<{(len(head) - _HEAD.size) // 8}Q", head[_HEAD.size :])
    if min(lengths) < 4 or position + sum(lengths) != len(view):
        raise InputError(DAMAGED)
    for length in lengths:
        chunk = view[position : position + length]
        if struct.unpack("<I", chunk[:4])[0] != zlib.crc32(chunk[4:]):
            raise InputError(DAMAGED)
        yield chunk[4:]
        position += length
