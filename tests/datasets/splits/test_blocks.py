import json

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from densa import InputError, Legend, datasets, raster
from densa.datasets import BalancedSampler, PatchSampler, SplitRule, block_split, describe_split, split_windows

LEGEND = Legend(("ground", "road"))


@pytest.fixture
def scene(tmp_path):
    """A GeoTIFF of 120 x 160 whose bands tell row and column, with its mask."""
    from affine import Affine

    rows, columns = np.mgrid[:120, :160]
    for kind in ("images", "masks"):
        (tmp_path / kind).mkdir()
    place = raster.Georeference(None, Affine(2, 0, 1000, 0, -2, 5000))
    raster.write_bands(tmp_path / "images" / "a.tif", np.stack([rows, columns]).astype(np.uint8), like=place)
    raster.write_label_map(tmp_path / "masks" / "a.tif", ((rows + columns) % 3 == 0).astype(np.uint8), LEGEND)
    return datasets.open(tmp_path, legend=LEGEND, split=SplitRule(val_fraction=0))["train"]


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


def test_windows_are_images_of_their_own(scene):
    splits = block_split(scene, block=40, buffer=10, val_fraction=0.3, seed=2)
    assert list(splits) == ["train", "val"]
    val = splits["val"]
    datasets.check(*splits.values())
    for i, (row, column, height, width) in enumerate(val.windows):
        with val.open_image(i) as image:
            assert (image.height, image.width) == val.size(i) == val.mask_size(i) == (height, width)
            assert image.georeference.transform[2:6:3] == (1000 + 2 * column, 5000 - 2 * row)
            bands, _ = image.read(raster.Window(3, 2, 4, 5))
            with pytest.raises(InputError, match="must lie inside"):
                image.read(raster.Window(0, 0, height + 1, 3))
        assert_array_equal(bands[0, :, 0], row + 3 + np.arange(4))
        assert_array_equal(bands[1, 0], column + 2 + np.arange(5))
        rows, columns = np.mgrid[row : row + height, column : column + width]
        assert_array_equal(val.labels(i), (rows + columns) % 3 == 0)
        assert_array_equal(val.mask_labels(i, raster.Window(1, 2, 3, 4)), val.labels(i)[1:4, 2:6])


@pytest.mark.parametrize("kind", [PatchSampler, BalancedSampler])
@pytest.mark.parametrize("cache_bytes", [0, 1 << 20])
def test_patches_read_no_pixel_of_the_other_split(scene, kind, cache_bytes):
    splits = block_split(scene, block=40, buffer=10, val_fraction=0.3, seed=1, smallest=25)
    held_out = np.zeros((120, 160), bool)
    for row, column, height, width in splits["val"].windows:
        held_out[max(row - 10, 0) : row + height + 10, max(column - 10, 0) : column + width + 10] = True
    batch = kind(splits["train"], 25, seed=0, cache_bytes=cache_bytes).batch(0, 60)
    rows, columns = batch.images.astype(int).transpose(1, 0, 2, 3)
    assert not held_out[rows, columns].any()
    assert held_out.any()


def test_the_description_counts_shared_pixels(scene):
    splits = block_split(scene, block=40, buffer=11, val_fraction=0.2, test_fraction=0.2, seed=4)
    content = json.loads(json.dumps(describe_split(splits)))
    assert content["shared_pixels"] == 0
    assert content["distance_px"] >= 11
    assert content["train"][0]["window"] == list(splits["train"].windows[0])
    assert sum(len(content[name]) for name in ("train", "val", "test")) == 12
    leaking = describe_split({"train": scene, "val": splits["val"]})
    assert leaking["shared_pixels"] == sum(w.height * w.width for w in splits["val"].windows)
    assert leaking["distance_px"] == 0
    assert describe_split({"train": scene})["distance_px"] is None


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
