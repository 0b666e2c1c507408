"""The files of the work folder: whole or refused."""

import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.testing import assert_array_equal

from densa.engine.work import packing
from densa.engine.work.packing import (
    CHUNK_ROWS,
    encode_arrays,
    encode_tile,
    has_whole_arrays,
    has_whole_tile,
    read_arrays,
    read_chunks,
)
from densa.errors import InputError

RNG = np.random.default_rng(0)
PLANES = np.where(RNG.random((3, 40, 21)) < 0.9, 1, RNG.integers(0, 255, (3, 40, 21))).astype(np.uint8)
ANY = st.dictionaries(
    st.text("abcdefgh", min_size=1, max_size=8),
    st.sampled_from(["b1", "u1", "i4", "i8", "u8", "f4", "f8"]).flatmap(
        lambda dtype: arrays.arrays(dtype, arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=9))
    ),
    max_size=4,
)


@given(ANY)
def test_comes_back_as_it_was(tmp_path_factory, given_arrays):
    path = tmp_path_factory.getbasetemp() / "arrays"
    data = encode_arrays(given_arrays)
    path.write_bytes(data)
    assert has_whole_arrays(data)
    for names in ([], *([name] for name in given_arrays)):
        found = read_arrays(path, names)
        assert set(found) == (set(names) or set(given_arrays))
        for name in found:
            assert found[name].dtype == given_arrays[name].dtype
            np.testing.assert_array_equal(found[name], given_arrays[name])


def test_a_damaged_file_is_refused(tmp_path):
    data = encode_arrays({"a": np.arange(500), "b": np.ones(9)})
    for content in (b"", data[:20], data[:-1], data + b"x"):
        (tmp_path / "f").write_bytes(content)
        with pytest.raises(InputError, match="damaged"):
            read_arrays(tmp_path / "f", ["a"])


def test_does_not_depend_on_the_order_of_names():
    one, other = np.arange(5), np.ones(3, bool)
    assert encode_arrays({"a": one, "b": other}) == encode_arrays({"b": other, "a": one})


@pytest.mark.parametrize("place", [0, 3, 9, 14, 30, 60, -1])
def test_a_changed_byte_is_found(tmp_path, place):
    data = bytearray(encode_arrays({"a": np.arange(500), "b": np.ones((4, 4), np.float32)}))
    data[place] ^= 0x10
    assert not has_whole_arrays(data)
    (tmp_path / "f").write_bytes(data)
    with pytest.raises(InputError, match="damaged"):
        read_arrays(tmp_path / "f")


def test_a_cut_file_is_found():
    data = encode_arrays({"a": np.arange(500)})
    for n in (0, 10, 20, len(data) - 1):
        assert not has_whole_arrays(data[:n])
    assert not has_whole_arrays(data + b"x")


def test_a_missing_name_is_refused(tmp_path):
    (tmp_path / "f").write_bytes(encode_arrays({"a": np.arange(5)}))
    with pytest.raises(InputError, match="damaged"):
        read_arrays(tmp_path / "f", ["b"])


def test_objects_are_not_kept():
    with pytest.raises(TypeError, match="cannot be kept"):
        encode_arrays({"a": np.array([None])})


def decoded(data, shape):
    return np.concatenate(list(read_chunks(data, shape)), axis=1)


@pytest.mark.parametrize("shape", [(1, 1, 1), (3, CHUNK_ROWS - 1, 7), (2, CHUNK_ROWS, 3), (4, 2 * CHUNK_ROWS + 1, 2)])
def test_what_is_stored_comes_back_in_chunks_of_rows(shape):
    planes = RNG.integers(0, 255, shape).astype(np.uint8)
    data = encode_tile(planes)
    assert has_whole_tile(data, shape)
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
    assert not has_whole_tile(bad, PLANES.shape)
    with pytest.raises(InputError, match="damaged"):
        decoded(bad, PLANES.shape)


def test_a_tile_of_another_shape_is_not_this_one():
    assert not has_whole_tile(encode_tile(PLANES), (3, 21, 40))
    assert not has_whole_tile(b"", (1, 1, 1))


def test_a_stream_that_unpacks_to_more_is_refused_without_unpacking_it():
    packed = zlib.compress(bytes(10**8), 9)  # with a right checksum: made on purpose
    chunk = struct.pack("<I", zlib.crc32(packed)) + packed
    head = packing._TILE_HEAD.pack(packing._TILE, 1, 2, 3) + struct.pack("<Q", len(chunk))
    bomb = head + struct.pack("<I", zlib.crc32(head)) + chunk
    with pytest.raises(InputError, match="damaged"):
        decoded(bomb, (1, 2, 3))
