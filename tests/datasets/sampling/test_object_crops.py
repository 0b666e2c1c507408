import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from densa import InputError, Legend, datasets, raster
from densa.datasets import ObjectSampler, SplitRule
from densa.datasets.sampling.object_crops import _overlapping
from densa.legend import IGNORE

LEGEND = Legend(("ground", "house", "tree"))
WHOLE = SplitRule(val_fraction=0)


@pytest.fixture
def scene(write, tmp_path):
    """A scene of 100 x 120: houses A and B of class 1, side by side, a tree; the bands tell the object."""
    labels, bands = np.zeros((100, 120), int), np.full((100, 120), 10)
    for n, (rows, columns, label) in enumerate(
        [((20, 40), (20, 40), 1), ((20, 40), (44, 64), 1), ((70, 80), (60, 90), 2)], 1
    ):
        labels[slice(*rows), slice(*columns)] = label
        bands[slice(*rows), slice(*columns)] = 60 * n
    labels[25:30, 10:16] = IGNORE
    write("images/a.png", np.repeat(bands[..., None], 3, axis=2))
    write("masks/a.png", labels)
    return datasets.open(tmp_path, legend=LEGEND, split=WHOLE)["train"]


def test_the_first_stage_shows_one_object_in_the_middle(scene):
    sampler = ObjectSampler(scene, 56, seed=0, single=True)
    assert sampler.patches_per_pass == 3
    batch = sampler.batch(0, 30)
    seen = set()
    for image, labels in zip(batch.images, batch.labels, strict=True):
        value = float(np.median(image[0][np.isin(labels, [1, 2])]))
        seen.add(value)
        assert set(np.unique(labels)) <= {0, {60: 1, 120: 1, 180: 2}[int(value)], IGNORE}
        columns = np.nonzero(np.isin(labels, [1, 2]))[1]
        # 20 pixels, enlarged by 1.2 and cropped by 224/250: the object takes 20 / 21.5 of the patch.
        assert columns.max() - columns.min() > 0.85 * 56
        assert abs((columns.min() + columns.max()) / 2 - 27.5) < 4
        # The other house shows in the picture and is background in the labels.
        assert (labels[image[0] == 10] != 1).all()
    assert seen == {60, 120, 180}


def test_of_the_neighbour_only_the_picture_is_left(write, tmp_path):
    """Two houses, one around a corner of the other: its box holds that corner, not the other way about."""
    labels = np.zeros((90, 90), int)
    labels[30:50, 30:50] = 1
    labels[20:28, 30:60] = 1
    labels[28:34, 54:60] = 1
    write("images/a.png", np.repeat(np.where(labels == 1, 200, 20)[..., None], 3, axis=2))
    write("masks/a.png", labels)
    part = datasets.open(tmp_path, legend=LEGEND, split=WHOLE)["train"]
    batch = ObjectSampler(part, 64, seed=0, single=True).batch(0, 8)
    hidden = (batch.images[:, 0] > 190) & (batch.labels == 0)
    shown = (batch.images[:, 0] > 190) & (batch.labels == 1)
    assert hidden.any(axis=(1, 2)).sum() == 4
    assert shown.any(axis=(1, 2)).all()


def test_the_second_stage_shows_all_labels(scene):
    batch = ObjectSampler(scene, 56, seed=0, single=False).batch(0, 60)
    known = batch.labels != IGNORE
    expected = np.select([batch.images[:, 0] == v for v in (10, 60, 120, 180)], [0, 1, 1, 2], -1)
    sharp = known & (expected >= 0)
    assert_array_equal(batch.labels[sharp], expected[sharp])
    assert all(np.isin(labels, [1, 2]).any() for labels in batch.labels)
    both = [(image[0] == 60).any() and (image[0] == 120).any() for image in batch.images]
    assert any(both)


def test_boxes_of_the_second_stage_overlap_by_half():
    box = np.array([10.0, 20.0, 40.0, 12.0])
    rng = np.random.default_rng(0)
    others = np.stack([_overlapping(box, rng) for _ in range(200)])
    low = np.maximum(others[:, :2], box[:2])
    high = np.minimum(others[:, :2] + others[:, 2:], box[:2] + box[2:])
    common = np.prod(np.maximum(high - low, 0), axis=1)
    overlap = common / (np.prod(others[:, 2:], axis=1) + np.prod(box[2:]) - common)
    assert overlap.min() >= 0.5 - 1e-12
    assert len(np.unique(others, axis=0)) > 190


def test_another_class_may_be_the_background(scene):
    batch = ObjectSampler(scene, 56, seed=0, single=True, background=2).batch(0, 20)
    assert 2 in batch.labels
    assert set(np.unique(batch.labels)) <= {0, 1, 2, IGNORE}
    assert ObjectSampler(scene, 56, seed=0, single=True, background=2).patches_per_pass == 3  # ground is one then


def test_instances_that_touch_are_apart(write, tmp_path):
    numbers = np.zeros((60, 60), np.uint16)
    numbers[20:40, 10:30], numbers[20:40, 30:50] = 7, 300
    for k in range(2):
        for folder in ("01", "01_GT/SEG"):
            (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        raster.write_bands(tmp_path / f"01/t00{k}.tif", np.where(numbers > 0, 150, 20).astype(np.uint8)[None])
        raster.write_bands(tmp_path / f"01_GT/SEG/man_seg00{k}.tif", numbers[None])
    part = next(iter(datasets.open(tmp_path, split=WHOLE).values()))
    assert part.encoding == "instances"
    sampler = ObjectSampler(part, 40, seed=0, single=True)
    assert sampler.patches_per_pass == 4
    share = (sampler.batch(0, 12).labels == 1).mean(axis=(1, 2))
    assert_allclose(share, (20 / 21.5) ** 2, atol=0.1)


def test_a_patch_depends_on_the_seed_and_its_number_alone(scene):
    for single in (True, False):
        first = ObjectSampler(scene, 32, seed=3, single=single)
        batches = [first.batch(step, 3) for step in range(6)]
        resumed = ObjectSampler(scene, 32, seed=3, single=single)
        for step in (5, 2, 0):
            again = resumed.batch(step, 3)
            assert_array_equal(again.images, batches[step].images)
            assert_array_equal(again.labels, batches[step].labels)
        assert not np.array_equal(batches[0].images, batches[1].images)


def test_no_data_does_not_mix_into_its_neighbours(write, tmp_path):
    pixels = np.full((60, 60, 4), 200)
    pixels[:, 30:] = 0
    write("images/a.png", pixels)
    labels = np.zeros((60, 60))
    labels[20:40, 20:40] = 1
    write("masks/a.png", labels)
    part = datasets.open(tmp_path, legend=LEGEND, split=WHOLE)["train"]
    batch = ObjectSampler(part, 47, seed=0, single=True).batch(0, 3)
    assert 0 < batch.valid.mean() < 1
    for image, valid in zip(batch.images, batch.valid, strict=True):
        assert_allclose(image[:, valid], 200, rtol=1e-5)
    assert (batch.labels[~batch.valid] == IGNORE).all()


@pytest.mark.parametrize(("labels", "background"), [(0, 0), (1, 1), (IGNORE, 0)])
def test_masks_without_objects_are_refused(write, tmp_path, labels, background):
    write("images/a.png", (20, 20))
    write("masks/a.png", np.full((20, 20), labels))
    part = datasets.open(tmp_path, legend=LEGEND, split=WHOLE)["train"]
    with pytest.raises(InputError, match="no object to crop"):
        ObjectSampler(part, 16, seed=0, single=True, background=background)
    with pytest.raises(InputError, match="from 0 to 2, got 3"):
        ObjectSampler(part, 16, seed=0, single=True, background=3)
