"""Samples of pixels and regions: an equal share of every class, whatever windows they are read in."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from densa.errors import InputError
from densa.shallow import PixelFeatures, RegionFeatures, patches_at, sample_pixels, sample_regions, sampling


def test_samples_do_not_depend_on_the_windows(images, monkeypatch):
    """Every pixel's features and patch are those of the whole image, and the choice is the seed's."""
    features = PixelFeatures(("bands", "multi-scale", "position"), (1.0,))
    whole = sample_pixels(images, features, 3, n_samples=300, patch_side=5, seed=1)
    monkeypatch.setattr(sampling, "_TILE", 32)
    monkeypatch.setattr(sampling, "_STRIP_PIXELS", 1000)
    cut = sample_pixels(images, features, 3, n_samples=300, patch_side=5, seed=1)
    for one, other in zip(whole, cut, strict=True):
        assert_array_equal(one, other)
    assert_array_equal(np.bincount(whole.labels), [100, 100, 100])
    assert_array_equal(whole.patches[:, 12], whole.labels)
    first = features.compute(images.pixels[0])
    where = np.flatnonzero((first[:, :, :] == whole.features[0][:, None, None]).all(axis=0).ravel())
    rows, columns = np.divmod(where, first.shape[2])
    assert_array_equal(patches_at(images.maps[0], rows, columns, 5)[0], whole.patches[0])


class Labels:
    """Label maps without images."""

    def __init__(self, *maps):
        self.maps = [np.asarray(m, np.uint8) for m in maps]

    def __len__(self):
        return len(self.maps)

    def size(self, i):
        return self.maps[i].shape

    def labels(self, i, window=None):
        row, column, height, width = window or (0, 0, *self.maps[i].shape)
        return self.maps[i][row : row + height, column : column + width]

    def image(self, i, window=None):
        """Bands that tell the image, the row and the column."""
        row, column, height, width = window or (0, 0, *self.maps[i].shape)
        rows, columns = np.mgrid[row : row + height, column : column + width]
        return np.stack([np.full_like(rows, i), rows, columns]).astype(np.float32), np.ones(rows.shape, bool)


BANDS = PixelFeatures(("bands",))


@settings(max_examples=30)
@given(st.integers(0, 2**32), st.integers(2, 4), st.integers(2, 60), st.integers(1, 3))
def test_every_class_has_its_share_of_the_pixels(seed, n_classes, n_samples, n_images):
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 12, (n_images, 2))
    maps = [rng.choice([*range(n_classes), 255], size) for size in sizes]
    maps[0][0, 0] = 0
    found = sample_pixels(Labels(*maps), BANDS, n_classes, n_samples=n_samples, seed=seed)
    everything = np.concatenate([m.ravel() for m in maps])
    counts = np.bincount(everything, minlength=256)[:n_classes]
    assert_array_equal(found.counts, counts)
    assert found.n_pixels == everything.size
    assert_array_equal(
        np.bincount(found.labels, minlength=n_classes), np.minimum(counts, max(1, n_samples // n_classes))
    )
    places = found.features.astype(int)
    assert len(np.unique(places, axis=0)) == len(places)  # none twice
    for (i, row, column), label in zip(places, found.labels, strict=True):
        assert maps[i][row, column] == label
    assert_array_equal(places, places[np.lexsort(places.T[::-1])])  # by image, row and column


def test_pixels_of_a_class_are_equally_likely():
    """Of 400 pixels 10 are drawn by 800 seeds: each 20 times on average, within six standard deviations."""
    labels = Labels(np.zeros((10, 20)), np.ones((10, 20)) * 0)
    labels.maps[1][0, 0] = 1
    times = np.zeros((2, 10, 20), int)
    for seed in range(800):
        found = sample_pixels(labels, BANDS, 2, n_samples=20, seed=seed)
        i, row, column = found.features[found.labels == 0].astype(int).T
        times[i, row, column] += 1
    assert times.sum() == 8000
    assert times[1, 0, 0] == 0
    drawn = np.delete(times.ravel(), 200)
    assert abs(drawn - drawn.mean()).max() < 6 * np.sqrt(drawn.mean())


def test_progress_counts_images():
    calls = []
    labels = Labels(np.zeros((3, 3)), np.ones((3, 3)))
    sample_pixels(labels, BANDS, 2, progress=lambda *c: calls.append(c))
    assert calls == [(1, 4), (2, 4), (3, 4), (4, 4)]
    calls.clear()
    sample_regions(labels, RegionFeatures(BANDS, 4), 2, progress=lambda *c: calls.append(c))
    assert calls == [(1, 2), (2, 2)]


def test_regions_have_the_class_of_most_of_their_labels(images):
    """All regions of the whole images, by brute force; a share of 0.75 must be of one class."""
    features = RegionFeatures(PixelFeatures(("bands",)), 8, neighbours=False)
    for m in images.maps:
        m[:, ::3] = 255
    expected = []
    for i, labels in enumerate(images.maps):
        table, regions = features.compute(*images.image(i))
        for k in range(1, regions.max() + 1):
            known = labels[(regions == k) & (labels != 255)]
            counts = np.bincount(known, minlength=3)
            if known.size and counts.max() >= 0.75 * known.size:
                expected.append((counts.argmax(), *table[k - 1]))
    found = sample_regions(images, features, 3, n_samples=10**6, purity=0.75)
    rows = np.column_stack([found.labels, found.features])
    expected = np.array(expected, np.float32)
    assert_allclose(rows[np.lexsort(rows.T)], expected[np.lexsort(expected.T)])
    assert found.n_pixels == sum(m.size for m in images.maps)
    assert_array_equal(found.counts, sum(np.bincount(m.ravel(), minlength=256)[:3] for m in images.maps))


def test_regions_do_not_depend_on_the_windows(images, monkeypatch):
    features = RegionFeatures(PixelFeatures(("bands",)), 4, n_rounds=1)
    whole = sample_regions(images, features, 3, n_samples=10**6)
    monkeypatch.setattr(sampling, "_TILE", 30)
    cut = sample_regions(images, features, 3, n_samples=10**6)
    for one, other in zip(whole[:2], cut[:2], strict=True):
        assert_array_equal(np.unique(one, axis=0), np.unique(other, axis=0))
    assert_array_equal(np.bincount(whole.labels), np.bincount(cut.labels))
    assert_array_equal(whole.counts, cut.counts)
    assert whole.n_pixels == cut.n_pixels


@pytest.mark.parametrize("sample", [sample_pixels, lambda images, f, n: sample_regions(images, RegionFeatures(f), n)])
def test_labels_that_are_no_classes_are_said(sample):
    with pytest.raises(InputError, match="labels must be classes below 2 or 255, image 2 has 7"):
        sample(Labels(np.zeros((3, 3)), np.full((3, 3), 7)), BANDS, 2)
    with pytest.raises(InputError, match="no pixel is labelled"):
        sample(Labels(np.full((3, 3), 255)), BANDS, 2)
