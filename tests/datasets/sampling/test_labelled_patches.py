"""Patches around labelled pixels."""

import numpy as np
import pytest

from densa import Legend, datasets
from densa.datasets import LabelledSampler, Sample
from densa.datasets.strokes import Stroke, StrokeLabels
from densa.errors import InputError


@pytest.fixture
def part(tmp_path):
    from PIL import Image

    def make(strokes, height=300, width=500):
        path = tmp_path / "scene.tif"
        Image.fromarray(np.zeros((height, width, 3), np.uint8)).save(path)
        drawn = StrokeLabels(strokes, height, width)
        return datasets.Dataset((Sample("scene", path, path, "", drawn=drawn),), Legend(("a", "b", "c")))

    return make


STROKES = (Stroke(0, 9, ((10, 10), (400, 20))), Stroke(1, 1, ((480, 290),)), Stroke(0, 9, ((10, 200), (400, 200))))


@pytest.mark.parametrize("cache", [0, 1 << 30])
def test_every_patch_holds_a_label_and_classes_are_as_often(part, cache):
    dataset = part(STROKES)
    sampler = LabelledSampler(dataset, (40, 64), seed=3, cache_bytes=cache)
    assert sampler.pixels_per_class.tolist() == datasets.class_frequencies(dataset).pixels.tolist()
    batch = sampler.batch(0, 200)
    held = [set(np.unique(labels)) - {255} for labels in batch.labels]
    assert all(held)
    share = np.mean([1 in classes for classes in held])
    assert 0.4 < share < 0.6
    again = LabelledSampler(dataset, (40, 64), seed=3, cache_bytes=1 << 30).batch(0, 200)
    np.testing.assert_array_equal(again.labels, batch.labels)


def test_the_label_is_anywhere_in_the_patch_and_the_patch_inside(part):
    sampler = LabelledSampler(part([Stroke(1, 1, ((250, 150),))]), 33, seed=0)
    batch = sampler.batch(0, 300)
    places = np.array([np.argwhere(labels == 1)[0] for labels in batch.labels])
    assert places.min() == 0
    assert places.max() >= 31
    edge = LabelledSampler(part([Stroke(1, 1, ((499, 0),))]), 33, seed=0).batch(0, 20)
    assert (edge.labels[:, 0, 32] == 1).all()  # shifted inside


def test_images_smaller_than_a_patch_and_images_without_labels(part):
    batch = LabelledSampler(part([Stroke(1, 1, ((5, 5),))], 20, 30), 64, seed=0).batch(0, 4)
    assert (batch.labels != 255).any(axis=(1, 2)).all()
    with pytest.raises(InputError, match="need labelled pixels"):
        LabelledSampler(part([Stroke(1, 1, ((900, 5),))]), 64, seed=0)
