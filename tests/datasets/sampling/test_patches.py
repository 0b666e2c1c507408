import threading

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from densa import InputError, Legend, datasets, raster
from densa.datasets import PatchSampler, SplitRule
from densa.legend import IGNORE

WHOLE = SplitRule(val_fraction=0)


@pytest.fixture
def scenes(tmp_path):
    """Three 4-band uint16 images whose values tell image, row and column; labels follow the columns."""
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
    for k, (height, width) in enumerate([(40, 50), (30, 30), (64, 48)]):
        rows, columns = np.mgrid[:height, :width]
        bands = np.stack([np.full_like(rows, k), rows, columns, rows * 0 + 7]).astype(np.uint16)
        raster.write_bands(tmp_path / "images" / f"{k}.tif", bands)
        raster.write_bands(tmp_path / "masks" / f"{k}.tif", (columns % 3)[None].astype(np.uint8))
    return datasets.open(tmp_path, split=WHOLE)["train"]


def same(a, b):
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True) if x is not None)


def test_patches_are_where_they_say(scenes):
    batch = PatchSampler(scenes, 16, seed=3).batch(0, 20)
    assert batch.images.shape == (20, 4, 16, 16)
    assert batch.images.dtype == np.float32
    assert batch.labels.dtype == np.int64
    assert batch.valid.all()
    assert batch.weights is None
    assert len(np.unique(batch.images[:, 0, 0, 0])) == 3
    for image, labels in zip(batch.images, batch.labels, strict=True):
        assert_array_equal(labels, image[2] % 3)
        assert_array_equal(np.diff(image[1], axis=0), 1)
        assert_array_equal(np.diff(image[2], axis=1), 1)


def test_a_step_depends_on_the_seed_and_the_step_alone(scenes):
    first = PatchSampler(scenes, 16, seed=3)
    batches = [first.batch(step, 5) for step in range(30)]
    resumed = PatchSampler(scenes, 16, seed=3)
    assert all(same(resumed.batch(step, 5), batches[step]) for step in (29, 7, 8, 0))
    assert not same(PatchSampler(scenes, 16, seed=4).batch(7, 5), batches[7])
    assert not same(batches[7], batches[8])


@pytest.mark.parametrize("cache_bytes", [0, 9000, 1 << 30])
def test_the_cache_changes_nothing(scenes, cache_bytes):
    """With none, large images are read by window."""
    expected = PatchSampler(scenes, 16, seed=3)
    sampler = PatchSampler(scenes, 16, seed=3, cache_bytes=cache_bytes)
    assert all(same(sampler.batch(step, 4), expected.batch(step, 4)) for step in range(6))


def test_every_image_in_proportion_to_its_size(scenes):
    sampler = PatchSampler(scenes, 10, seed=0)
    assert sampler.patches_per_pass == 20 + 9 + 31
    batch = sampler.batch(0, 60)
    assert_array_equal(np.bincount(batch.images[:, 0, 0, 0].astype(int)), [20, 9, 31])
    # Two processes that share the steps see each patch of a pass once.
    halves = np.concatenate([sampler.batch(step, 30).images[:, 0, 0, 0] for step in (0, 1)])
    assert_array_equal(np.sort(halves), np.sort(batch.images[:, 0, 0, 0]))


def test_all_places_are_reached(scenes):
    batch = PatchSampler(scenes, 30, seed=0).batch(0, 300)
    second = batch.images[:, 0, 0, 0] == 0
    assert set(batch.images[second, 1, 0, 0]) == set(range(11))
    assert set(batch.images[second, 2, 0, 0]) == set(range(21))


def test_small_images_are_mirrored_and_unlabelled_beyond(scenes):
    batch = PatchSampler(scenes, 45, seed=0).batch(0, 12)
    for image, labels in zip(batch.images, batch.labels, strict=True):
        height, width = [(40, 50), (30, 30), (64, 48)][int(image[0, 0, 0])]
        inside = labels != IGNORE
        assert inside.sum() == min(height, 45) * min(width, 45)
        assert_array_equal(labels[inside], (image[2] % 3)[inside])
        assert (np.abs(np.diff(image[1], axis=0)) == 1).all()  # mirrored without repeating the border
        assert image[1].max() < height


@pytest.mark.parametrize("cache_bytes", [0, 1 << 30])
def test_extra_weights_follow_the_labels(scenes, cache_bytes):
    def weights(i):
        return scenes.labels(i) * np.float32(10) + i

    sampler = PatchSampler(scenes, 35, seed=1, extra=weights, cache_bytes=cache_bytes)
    batch = sampler.batch(2, 9)
    image = batch.images[:, 0]
    assert_array_equal(batch.weights, np.where(batch.labels == IGNORE, 0, batch.labels * 10 + image))


def test_batches_come_in_order_from_the_background(scenes):
    sampler = PatchSampler(scenes, 16, seed=3)
    before = threading.active_count()
    got = list(sampler.batches(range(5, 25), 4, ahead=3))
    assert len(got) == 20
    assert all(same(batch, sampler.batch(step, 4)) for step, batch in zip(range(5, 25), got, strict=True))
    assert threading.active_count() == before


def test_a_dropped_iterator_leaves_no_thread(scenes):
    before = threading.active_count()
    batches = PatchSampler(scenes, 16, seed=3).batches(range(10**6), 4)
    next(batches)
    assert threading.active_count() > before
    batches.close()
    assert threading.active_count() == before


def test_errors_come_through(scenes):
    sampler = PatchSampler(scenes, 16, seed=3)
    scenes.samples[1].image.write_bytes(b"")
    with pytest.raises(InputError, match=r"1\.tif"):
        list(sampler.batches(range(50), 4))


def test_invalid_pixels(write, tmp_path):
    pixels = np.full((20, 20, 4), 200)
    pixels[:10, :, 3] = 0
    write("images/a.png", pixels)
    write("masks/a.png", np.zeros((20, 20)))
    part = datasets.open(tmp_path, legend=Legend(("a", "b")))["train"]
    batch = PatchSampler(part, (20, 20), seed=0).batch(0, 1)
    assert_array_equal(batch.valid[0, :, 0], np.arange(20) >= 10)
    assert_array_equal(batch.labels[0] == IGNORE, ~batch.valid[0])


def test_what_cannot_be_sampled(scenes):
    with pytest.raises(InputError, match="at least one pixel"):
        PatchSampler(scenes, 0, seed=0)
    with pytest.raises(InputError, match="no image"):
        PatchSampler(datasets.Dataset((), scenes.legend), 8, seed=0)
