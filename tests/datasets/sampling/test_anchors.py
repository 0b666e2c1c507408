from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.testing import assert_array_equal

from densa import InputError, Legend, datasets, raster
from densa.datasets import AnchorSampler, SplitRule, majority_grid
from densa.legend import IGNORE

LEGEND = Legend(("ground", "road", "tree"))


def _open(folder):
    return datasets.open(folder, legend=LEGEND, split=SplitRule(val_fraction=0))["train"]


@pytest.fixture
def scenes(write, tmp_path):
    """Two images whose bands tell image, row and column; road in a corner of one, tree in a stripe of the other."""
    for k in range(2):
        rows, columns = np.mgrid[: 60 + 7 * k, :80]
        labels = np.zeros(rows.shape)
        if k == 0:
            labels[:12, :12] = 1
        else:
            labels[40:, 30:60] = 2
        labels[20:24] = IGNORE
        write(f"images/{k}.png", np.stack([rows * 0 + k, rows, columns], axis=-1))
        write(f"masks/{k}.png", labels)
    return _open(tmp_path)


def _majority(labels, crop, stride, n_classes):
    """As `majority_grid` has it, patch by patch."""
    starts = [range(0, max(side - crop, 0) + 1, stride) for side in labels.shape]
    grid = np.full([len(s) for s in starts], 255, np.uint8)
    for i, row in enumerate(starts[0]):
        for j, column in enumerate(starts[1]):
            counts = [int((labels[row : row + crop, column : column + crop] == c).sum()) for c in range(n_classes)]
            if max(counts):
                grid[i, j] = int(np.argmax(counts))
    return grid


@given(
    arrays.arrays(
        np.uint8, st.tuples(st.integers(1, 20), st.integers(1, 20)), elements=st.sampled_from([0, 1, 2, 255])
    ),
    st.integers(1, 9),
    st.integers(1, 9),
)
def test_the_class_of_an_anchor_is_that_of_most_of_its_patch(labels, crop, stride):
    found = majority_grid(labels, crop=crop, stride=stride, n_classes=3)
    assert_array_equal(found, _majority(labels, crop, stride, 3))


def test_super_batches_hold_as_many_of_each_class_and_are_drawn_anew(scenes):
    sampler = AnchorSampler(scenes, 9, seed=3, crop=8, stride=4, batch=3, passes=2)
    assert sampler.super_batch == 300
    assert (sampler.anchors_per_class > 0).all()
    passes = [[sampler.anchor(300 * k + j) for j in range(300)] for k in range(4)]
    for drawn in passes:
        assert Counter(anchor.label for anchor in drawn) == {0: 100, 1: 100, 2: 100}
    assert passes[0] != passes[1]  # in another order
    assert sorted(passes[0]) == sorted(passes[1])
    assert sorted(passes[2]) == sorted(passes[3])
    assert sorted(passes[1]) != sorted(passes[2])
    # A class with few anchors gives each as often, but for one.
    n_road = int(sampler.anchors_per_class[1])
    often = Counter(anchor for anchor in passes[0] if anchor.label == 1)
    assert len(often) == min(n_road, 100)
    assert max(often.values()) - min(often.values()) <= 1


def test_patches_begin_at_their_anchor_and_stay_inside(scenes):
    for size in (5, 9, 60):
        sampler = AnchorSampler(scenes, size, seed=1, crop=8, stride=4, batch=1)
        batch = sampler.batch(0, 40)
        for k in range(40):
            anchor = sampler.anchor(k)
            height = (60, 67)[anchor.image]
            expected = min(anchor.row, height - size), min(anchor.column, 80 - size)
            assert_array_equal(batch.images[k, :, 0, 0], [anchor.image, *expected])
            assert_array_equal(batch.images[k, 1:, -1, -1], np.array(expected) + size - 1)
        assert batch.valid.all()


def test_the_size_may_change_from_batch_to_batch(scenes):
    sampler = AnchorSampler(scenes, 20, seed=1, crop=8, stride=4, batch=2, sizes=lambda number: (5 + number, 9))
    assert sampler.batch(0, 2).labels.shape == (2, 5, 9)
    assert sampler.batch(3, 2).labels.shape == (2, 11, 9)
    assert [b.labels.shape[1] for b in sampler.batches([4, 1], 1)] == [9, 6]


def test_large_rasters_are_read_by_window_alone(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:300, :400]
    labels = ((rows // 50 + columns // 50) % 3).astype(np.uint8)
    labels[:30] = IGNORE
    for kind in ("images", "masks"):
        (tmp_path / kind).mkdir()
    bands = np.stack([rows, columns, rng.integers(0, 99, rows.shape)]).astype(np.uint16)
    raster.write_bands(tmp_path / "images" / "a.tif", bands)
    raster.write_label_map(tmp_path / "masks" / "a.tif", labels, LEGEND)
    dataset = _open(tmp_path)
    held = AnchorSampler(dataset, 40, seed=5, crop=16, stride=8, batch=4).batch(2, 4)
    read = []
    load = raster.Raster.read
    monkeypatch.setattr("densa.datasets.sampling.anchors._STRIP_PIXELS", 400 * 40)
    monkeypatch.setattr(
        raster.Raster, "read", lambda self, window=None, **k: (read.append(window), load(self, window, **k))[1]
    )
    streamed = AnchorSampler(dataset, 40, seed=5, crop=16, stride=8, batch=4, cache_bytes=0)
    for a, b in zip(held, streamed.batch(2, 4), strict=True):
        assert a is b is None or (a == b).all()
    assert all(window is not None and window.height <= 48 for window in read)
    assert streamed._held[0].bands is None
    assert streamed._held[0].labels is None


def test_refusals(write, tmp_path, scenes):
    with pytest.raises(InputError, match="stride of anchors must be at least 1"):
        AnchorSampler(scenes, 9, seed=0, stride=0)
    write("images/2.png", (30, 30))
    write("masks/2.png", np.full((30, 30), IGNORE))
    with pytest.raises(InputError, match=r"anchors need labelled pixels, .*2\.png has none"):
        AnchorSampler(_open(tmp_path), 9, seed=0)
