import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from densa import InputError, Legend, raster
from densa.datasets import block_split, split_windows

LEGEND = Legend(("ground", "road"))


SIDES = st.integers(5, 200)


@given(
    sizes=st.lists(st.tuples(SIDES, SIDES), min_size=1, max_size=3),
    block=st.integers(20, 90),
    buffer=st.integers(0, 19),
    fractions=st.tuples(st.floats(0.1, 0.5), st.floats(0, 0.4)),
    seed=st.integers(0, 99),
)
def test_no_pixel_is_shared_and_the_buffer_lies_between(sizes, block, buffer, fractions, seed):
    n_blocks = sum(max(1, height // block) * max(1, width // block) for height, width in sizes)
    assume(n_blocks >= 2 + (fractions[1] > 0))
    placed = split_windows(
        sizes, block=block, buffer=buffer, val_fraction=fractions[0], test_fraction=fractions[1], seed=seed
    )
    names = ("train", "val", "test")
    assert {"train", "val"} <= {name for name, _, _ in placed}
    for i, (height, width) in enumerate(sizes):
        counts = np.zeros((3, height, width), int)
        for name, k, (row, column, h, w) in placed:
            if k == i:
                assert min(h, w) > 0
                assert row >= 0
                assert column >= 0
                assert row + h <= height
                assert column + w <= width
                counts[names.index(name), row : row + h, column : column + w] += 1
        assert counts.max() <= 1
        assert (counts.sum(axis=0) <= 1).all()
        # Each window, widened by the buffer, meets no pixel of another split.
        for name, k, (row, column, h, w) in placed:
            if k == i:
                near = np.s_[max(row - buffer, 0) : row + h + buffer, max(column - buffer, 0) : column + w + buffer]
                assert not np.delete(counts, names.index(name), axis=0)[:, *near].any()


def test_blocks_without_labels_are_left_out(scene, tmp_path):
    labels = scene.mask_labels(0)
    labels[:, :80] = 255
    raster.write_label_map(tmp_path / "masks" / "a.tif", labels, LEGEND, overwrite=True)
    splits = block_split(scene, block=40, buffer=4, val_fraction=0.25, seed=0)
    assert sum(len(split) for split in splits.values()) == 6
    assert all(w.column >= 76 for split in splits.values() for w in split.windows)


def test_refusals(scene):
    with pytest.raises(InputError, match=r"blocks of 40 pixels are too small: a buffer of 30 .* need 55"):
        block_split(scene, block=40, buffer=30, smallest=25)
    with pytest.raises(InputError, match="2 splits need a block each, the scenes have 1 of 120 pixels"):
        block_split(scene, block=120, buffer=1)
    with pytest.raises(InputError, match="leave nothing to train on"):
        block_split(scene, block=40, buffer=1, val_fraction=0.5, test_fraction=0.5)


def test_blocks_fill_the_scene(scene):
    """Without a buffer the windows partition the scenes, each at least as large as a block."""
    placed = split_windows([(95, 130), (40, 41)], block=40, buffer=0, val_fraction=0.3, seed=3)
    for i, (height, width) in enumerate([(95, 130), (40, 41)]):
        covered = np.zeros((height, width), int)
        for _, k, (row, column, h, w) in placed:
            if k == i:
                covered[row : row + h, column : column + w] += 1
                assert min(h, w) >= 40
        assert (covered == 1).all()
    n_val = sum(name == "val" for name, _, _ in placed)
    assert n_val == 2  # of 2 x 3 + 1 blocks


def test_a_mask_of_another_size_is_refused(scene, tmp_path):
    raster.write_label_map(tmp_path / "masks" / "a.tif", np.zeros((5, 6), np.uint8), LEGEND, overwrite=True)
    with pytest.raises(InputError, match="another size than its image"):
        block_split(scene, block=40, buffer=4)
