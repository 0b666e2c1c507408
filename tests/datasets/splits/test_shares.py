from itertools import pairwise
from pathlib import Path

import pytest

from densa.datasets import Dataset, Sample
from densa.datasets.splits.shares import share_of
from densa.errors import InputError
from densa.legend import Legend


def images(n_scenes, n_each):
    samples = tuple(
        Sample(f"{scene}/{i}", Path(f"{scene}/{i}.tif"), None, f"scene {scene}")
        for scene in range(n_scenes)
        for i in range(n_each)
    )
    return Dataset(samples, Legend(("a", "b")))


@pytest.mark.parametrize("shape", [(1, 40), (8, 5), (40, 1)])
def test_shares_are_nested_and_have_the_size_asked_for(shape):
    dataset = images(*shape)
    names = [
        {sample.name for sample in share_of(dataset, fraction, 3).samples} for fraction in (0.01, 0.1, 0.25, 0.5, 1)
    ]
    assert [len(found) for found in names] == [1, 4, 10, 20, 40]
    for smaller, larger in pairwise(names):
        assert smaller < larger


def test_whole_scenes_are_taken_one_after_the_other():
    found = share_of(images(8, 5), 0.5, 0)
    counts = [sum(sample.group == f"scene {k}" for sample in found.samples) for k in range(8)]
    assert sorted(counts) == [0, 0, 0, 0, 5, 5, 5, 5]


def test_the_seed_decides_and_the_order_is_that_of_the_data():
    dataset = images(1, 40)
    first, again, other = (share_of(dataset, 0.25, seed) for seed in (0, 0, 1))
    assert first.samples == again.samples != other.samples
    numbers = [dataset.samples.index(sample) for sample in first.samples]
    assert numbers == sorted(numbers)


def test_one_image_has_no_shares():
    with pytest.raises(InputError, match="two training images or more"):
        share_of(images(1, 1), 0.5, 0)
