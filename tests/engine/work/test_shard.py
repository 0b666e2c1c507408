"""Tiles shared among several runs."""

import pytest

from densa.errors import InputError


def test_shards_in_any_order(predicted, expected):
    assert predicted("map", shard="2/3") is None
    assert predicted("map", shard="0/3") is None
    assert predicted("map", shard="0/3") is None  # a job that was queued twice
    assert predicted("map", shard="1/3") == expected
    assert predicted("map", shard="2/3") == expected  # one that comes late finds all done


def test_a_shard_takes_the_tiles_of_the_work_folder(predicted, expected):
    """Budgets are measured, so two machines may choose two sizes."""
    assert predicted("map", shard="0/2") is None
    assert predicted("map", shard="1/2", tile_size=None, memory=10**10) == expected


@pytest.mark.parametrize("shard", ["4/4", "1", "-1/2", "1/0", "a/b"])
def test_shards_that_are_none(predicted, shard):
    with pytest.raises(InputError, match="shard must be i/n with i of 0"):
        predicted("map", shard=shard)
