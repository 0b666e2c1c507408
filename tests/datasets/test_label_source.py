"""Labels that are drawn when they are read stand where masks stand: sizes, windows, checks, statistics, patches."""

from dataclasses import dataclass, field

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from densa import Legend, datasets, raster
from densa.datasets.dataset import strips
from densa.errors import InputError
from densa.raster import Window


@dataclass(eq=False)
class Columns:
    """Class 1 in the columns from `first` on, class 0 before; every tenth row has no label."""

    height: int
    width: int
    first: int
    asked: list = field(default_factory=list)

    def read(self, window):
        self.asked.append(window)
        columns = window.column + np.arange(window.width)
        labels = np.repeat((columns >= self.first).astype(np.uint8)[None], window.height, axis=0)
        labels[(window.row + np.arange(window.height)) % 10 == 0] = 255
        return labels


@pytest.fixture
def drawn(write, tmp_path):
    write("scene.tif", (40, 60))
    sample = datasets.Sample("scene", tmp_path / "scene.tif", tmp_path / "scene.txt", "", drawn=Columns(40, 60, 20))
    return datasets.Dataset((sample,), Legend(("left", "right")))


def test_windows_are_parts_of_the_whole(drawn):
    whole = drawn.labels(0)
    assert whole.shape == drawn.mask_size(0) == (40, 60)
    assert_array_equal(drawn.mask_reader(0)(Window(8, 15, 10, 12)), whole[8:18, 15:27])
    blocks = datasets.WindowDataset.of(drawn, [(0, Window(5, 10, 20, 30))])
    assert_array_equal(blocks.labels(0), whole[5:25, 10:40])


def test_checks_and_statistics_read_it_by_strips(drawn, monkeypatch):
    monkeypatch.setattr("densa.datasets.dataset._STRIP_PIXELS", 60 * 7)
    assert max(window.height for window in strips(40, 60)) == 7
    assert datasets.check(drawn) == 3
    assert_array_equal(datasets.class_frequencies(drawn).pixels, [36 * 20, 36 * 40])
    assert max(window.height for window in drawn.samples[0].drawn.asked) == 7


def test_patches_ask_for_their_window_alone(drawn):
    source = drawn.samples[0].drawn
    batch = datasets.PatchSampler(drawn, 16, seed=0, cache_bytes=0).batch(0, 8)
    assert set(np.unique(batch.labels)) == {0, 1, 255}
    assert {(window.height, window.width) for window in source.asked} == {(16, 16)}


def test_another_size_than_the_image_is_refused(drawn, tmp_path):
    sample = datasets.Sample("scene", tmp_path / "scene.tif", tmp_path / "scene.txt", "", drawn=Columns(40, 50, 20))
    wrong = datasets.Dataset((sample,), drawn.legend)
    with pytest.raises(InputError, match="40x50"):
        wrong.labels(0)
    with pytest.raises(InputError, match="40x50"):
        datasets.check(wrong)


def test_whole_images_are_remembered_as_valid(write, tmp_path):
    write("images/a.tif", (6, 8))
    write("masks/a.png", np.eye(6, 8, dtype=np.uint8))
    part = datasets.open(tmp_path)["train"]
    list(part.strips_of_labels(0))
    assert part.labels_and_valid(0)[1] is None
    assert raster.read_mask(tmp_path / "masks/a.png").shape == (6, 8)
