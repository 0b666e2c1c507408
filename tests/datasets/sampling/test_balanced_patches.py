import numpy as np
import pytest
from numpy.testing import assert_array_equal

from densa import InputError, Legend, datasets
from densa.datasets import BalancedSampler, SplitRule
from densa.datasets.sampling import balanced_patches
from densa.legend import IGNORE

LEGEND = Legend(("ground", "road", "tree", "never"))


@pytest.fixture
def scenes(write, tmp_path):
    """Two images of 30 x 40 whose bands tell image, row and column; one pixel of road in one, of tree in the other."""
    for k, (place, label) in enumerate([((0, 5), 1), ((29, 39), 2)]):
        rows, columns = np.mgrid[:30, :40]
        labels = np.zeros((30, 40))
        labels[place] = label
        labels[10:12] = IGNORE
        write(f"images/{k}.png", np.stack([rows * 0 + k, rows, columns], axis=-1))
        write(f"masks/{k}.png", labels)
    return datasets.open(tmp_path, legend=LEGEND, split=SplitRule(val_fraction=0))["train"]


def test_every_class_is_as_often_in_the_centre(scenes):
    batch = BalancedSampler(scenes, 7, seed=1).batch(0, 900)
    centres = batch.labels[:, 3, 3]
    counts = np.bincount(centres, minlength=4)
    assert counts[3] == 0
    assert counts.sum() == 900
    assert (np.abs(counts[:3] - 300) < 60).all()  # five standard deviations are 71
    # What the bands say of the place agrees with the labels.
    image, row, column = batch.images[:, :, 3, 3].T
    assert_array_equal(np.stack([image, row, column], axis=1)[centres == 1], np.tile([0, 0, 5], (counts[1], 1)))
    assert_array_equal(np.stack([image, row, column], axis=1)[centres == 2], np.tile([1, 29, 39], (counts[2], 1)))


def test_within_a_class_every_pixel_is_as_likely(scenes, monkeypatch):
    monkeypatch.setattr(balanced_patches, "_BLOCK_PIXELS", 160)  # strips of four rows
    batch = BalancedSampler(scenes, 1, seed=0).batch(0, 6000)
    ground = batch.labels[:, 0, 0] == 0
    image, row, column = batch.images[ground, :, 0, 0].T.astype(int)
    assert abs(image.mean() - 0.5) < 0.05
    rows = np.bincount(row, minlength=30)
    assert_array_equal(rows[10:12], 0)
    expected = ground.sum() / 28
    assert (np.abs(np.delete(rows, [10, 11]) - expected) < 6 * expected**0.5).all()
    assert set(column) == set(range(40))


def test_strips_change_nothing(scenes, monkeypatch):
    expected = BalancedSampler(scenes, 9, seed=3).batch(4, 40)
    for pixels in (1, 100, 333):
        monkeypatch.setattr(balanced_patches, "_BLOCK_PIXELS", pixels)
        assert_array_equal(BalancedSampler(scenes, 9, seed=3).batch(4, 40).images, expected.images)


def test_patches_beyond_the_border_are_mirrored_and_unlabelled(scenes):
    batch = BalancedSampler(scenes, 5, seed=1).batch(0, 200)
    corner = batch.labels[:, 2, 2] == 2
    assert corner.any()
    assert (batch.labels[corner][:, 3:] == IGNORE).all()
    assert_array_equal(batch.images[corner][:, 1, :, 0], np.tile([27, 28, 29, 28, 27], (corner.sum(), 1)))


def test_a_patch_depends_on_the_seed_and_its_number_alone(scenes):
    whole = BalancedSampler(scenes, 9, seed=3).batch(0, 6)
    again = BalancedSampler(scenes, 9, seed=3)
    for step in (5, 0, 3):
        assert_array_equal(again.batch(step, 1).images, BalancedSampler(scenes, 9, seed=3).batch(step, 1).images)
    assert not np.array_equal(BalancedSampler(scenes, 9, seed=4).batch(0, 6).images, whole.images)


@pytest.mark.parametrize("cache_bytes", [0, 4000])
def test_images_read_by_window_give_the_same(tmp_path, cache_bytes):
    from densa import raster

    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
    for k in range(2):
        rows, columns = np.mgrid[:60, :50]
        raster.write_bands(tmp_path / "images" / f"{k}.tif", np.stack([rows, columns]).astype(np.uint16))
        raster.write_bands(tmp_path / "masks" / f"{k}.tif", ((rows + k) % 3)[None].astype(np.uint8))
    part = datasets.open(tmp_path, legend=Legend(("a", "b", "c")), split=SplitRule(val_fraction=0))["train"]
    expected = BalancedSampler(part, 33, seed=2).batch(0, 30)
    got = BalancedSampler(part, 33, seed=2, cache_bytes=cache_bytes).batch(0, 30)
    assert_array_equal(got.images, expected.images)
    assert_array_equal(got.labels, expected.labels)


def test_masks_without_a_label_are_refused(write, tmp_path):
    write("images/a.png", (8, 8))
    write("masks/a.png", np.full((8, 8), IGNORE))
    part = datasets.open(tmp_path, legend=LEGEND, split=SplitRule(val_fraction=0))["train"]
    with pytest.raises(InputError, match="labelled pixels"):
        BalancedSampler(part, 3, seed=0)
