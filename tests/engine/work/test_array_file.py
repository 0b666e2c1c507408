"""Arrays in the work folder: whole or refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from densa.engine.work.array_file import encode_arrays, is_whole, read_arrays
from densa.errors import InputError

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
    assert is_whole(data)
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
    assert not is_whole(data)
    (tmp_path / "f").write_bytes(data)
    with pytest.raises(InputError, match="damaged"):
        read_arrays(tmp_path / "f")


def test_a_cut_file_is_found():
    data = encode_arrays({"a": np.arange(500)})
    for n in (0, 10, 20, len(data) - 1):
        assert not is_whole(data[:n])
    assert not is_whole(data + b"x")


def test_a_missing_name_is_refused(tmp_path):
    (tmp_path / "f").write_bytes(encode_arrays({"a": np.arange(5)}))
    with pytest.raises(InputError, match="damaged"):
        read_arrays(tmp_path / "f", ["b"])


def test_objects_are_not_kept():
    with pytest.raises(TypeError, match="cannot be kept"):
        encode_arrays({"a": np.array([None])})
