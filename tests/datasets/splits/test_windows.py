from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from densa import InputError, datasets, raster
from densa.datasets import BalancedSampler, PatchSampler, WindowDataset, block_split


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


def test_objects_of_a_window_are_those_inside(tmp_path):
    numbers = np.zeros((20, 30), np.uint16)
    numbers[3:9, 4:12], numbers[10:18, 15:29] = 7, 300
    for folder in ("01", "01_GT/SEG"):
        (tmp_path / folder).mkdir(parents=True)
    raster.write_bands(tmp_path / "01" / "t000.tif", np.full((1, 20, 30), 9, np.uint8))
    raster.write_bands(tmp_path / "01_GT" / "SEG" / "man_seg000.tif", numbers[None])
    whole = datasets.open(tmp_path)["train"]
    part = WindowDataset(whole.samples, whole.legend, whole.encoding, windows=(raster.Window(5, 10, 12, 16),))
    assert_array_equal(part.instances(0), numbers[5:17, 10:26])
    assert_array_equal(part.labels(0), numbers[5:17, 10:26] > 0)


def test_objects_of_files_are_cut_at_the_window(scene, tmp_path):
    height, width = scene.size(0)
    numbers = np.arange(height * width, dtype=np.uint16).reshape(height, width) + 1
    raster.write_bands(tmp_path / "numbers.tif", numbers[None])
    samples = (replace(scene.samples[0], objects=(tmp_path / "numbers.tif",)),)
    part = WindowDataset(samples, scene.legend, windows=(raster.Window(10, 20, 5, 6),))
    ignored = part.labels(0) == 255
    assert_array_equal(part.instances(0), np.where(ignored, 0, numbers[10:15, 20:26]))


def test_objects_of_a_label_map_are_cut_at_the_window(scene):
    part = WindowDataset(scene.samples, scene.legend, windows=(raster.Window(10, 20, 5, 6),))
    assert_array_equal(part.instances(0) > 0, part.labels(0) == 1)
    assert part.size(0) == (5, 6)
    assert_array_equal(part.mask_reader(0)(raster.Window(1, 2, 3, 4)), part.labels(0)[1:4, 2:6])


def test_a_subset_keeps_the_windows_of_its_images(scene):
    val = block_split(scene, block=40, buffer=10, val_fraction=0.3, seed=2)["val"]
    last = len(val) - 1
    some = val.subset([last, 0])
    assert some.windows == (val.windows[last], val.windows[0])
    assert_array_equal(some.labels(0), val.labels(last))
