"""The hash table beside a dict."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from densa.regions.shared.hashing import doubled, grown, slot_of


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(0, 2**62), max_size=60))
def test_keys_are_numbered_as_in_a_dict(given_keys):
    table, keys, n = np.full(8, -1, np.int64), np.zeros(4, np.int64), 0
    expected: dict[int, int] = {}
    for key in given_keys:
        expected.setdefault(key, len(expected))
        at = slot_of(table, keys, key)
        if table[at] < 0:
            if n == keys.size:
                keys = doubled(keys)
            keys[n], table[at] = key, n
            n += 1
            if 2 * n > table.size:
                table = grown(table, keys, n)
    assert n == len(expected)
    assert [table[slot_of(table, keys, key)] for key in given_keys] == [expected[key] for key in given_keys]


def test_rows_of_a_table_double():
    table = np.arange(6).reshape(3, 2)
    longer = doubled(table)
    assert longer.shape == (6, 2)
    np.testing.assert_array_equal(longer[:3], table)
