from pathlib import Path

from densa.datasets.wording import listed


def test_long_lists_are_cut_and_counted():
    assert listed([]) == ""
    assert listed(list(range(10))) == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9"
    assert listed(list(range(11))) == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, ... (11 in all)"
    assert listed([Path("a"), "b", "c"], "; ", most=2) == "a; b; ... (3 in all)"
