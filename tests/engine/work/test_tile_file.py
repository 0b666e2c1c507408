"""Tiles as bytes: whole, or found out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from densa.engine.work.tile_file import CHUNK_ROWS, encode_tile, is_whole, read_chunks
from densa.errors import InputError

RNG = np.random.default_rng(0)
PLANES = np.where(RNG.random((3, 40, 21)) < 0.9, 1, RNG.integers(0, 255, (3, 40, 21))).astype(np.uint8)


def decoded(data, shape):
    return np.concatenate(list(read_chunks(data, shape)), axis=1)


@pytest.mark.parametrize("shape", [(1, 1, 1), (3, CHUNK_ROWS - 1, 7), (2, CHUNK_ROWS, 3), (4, 2 * CHUNK_ROWS + 1, 2)])
def test_what_is_stored_comes_back_in_chunks_of_rows(shape):
    planes = RNG.integers(0, 255, shape).astype(np.uint8)
    data = encode_tile(planes)
    assert is_whole(data, shape)
    assert_array_equal(decoded(data, shape), planes)
    rows = [chunk.shape[1] for chunk in read_chunks(data, shape)]
    assert all(n == CHUNK_ROWS for n in rows[:-1])
    assert sum(rows) == shape[1]


@given(st.data())
def test_every_damage_is_found(data):
    good = encode_tile(PLANES)
    place = data.draw(st.integers(0, len(good) - 1))
    kind = data.draw(st.sampled_from(["flip", "cut", "longer"]))
    if kind == "flip":
        changed = bytearray(good)
        changed[place] ^= data.draw(st.integers(1, 255))
        bad = bytes(changed)
    else:
        bad = good[:place] if kind == "cut" else good + b"x" * (place + 1)
    assert not is_whole(bad, PLANES.shape)
    with pytest.raises(InputError, match="damaged"):
        decoded(bad, PLANES.shape)


def test_a_tile_of_another_shape_is_not_this_one():
    assert not is_whole(encode_tile(PLANES), (3, 21, 40))
    assert not is_whole(b"", (1, 1, 1))


def test_a_stream_that_unpacks_to_more_is_refused_without_unpacking_it():
    import struct
    import zlib

    from densa.engine.work import tile_file

    packed = zlib.compress(bytes(10**8), 9)  # with a right checksum: made on purpose
    chunk = struct.pack("<I", zlib.crc32(packed)) + packed
    head = tile_file._HEAD.pack(tile_file._MAGIC, 1, 2, 3) + struct.pack("<Q", len(chunk))
    bomb = head + struct.pack("<I", zlib.crc32(head)) + chunk
    with pytest.raises(InputError, match="damaged"):
        decoded(bomb, (1, 2, 3))
