"""Tiled prediction equals prediction in one piece, for any tile size."""

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scipy import ndimage

from densa import raster
from densa.engine import PredictionFiles, default_tile_size, predict, predict_array, predict_to_file
from densa.errors import InputError


def save(path, image):
    raster.write_bands(path, image[None], overwrite=True)
    return raster.open(path)


@settings(max_examples=40)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 6))
def test_tiles_leave_no_seam(widest, tmp_path_factory, height, width, n_strides):
    image = np.random.default_rng(height * 100 + width).integers(0, 255, (height, width), dtype=np.uint8)
    with save(tmp_path_factory.mktemp("tiles") / "image.tif", image) as opened:
        whole, sure = predict_array(widest(), opened)
        tiled, tiled_sure = predict_array(widest(), opened, tile_size=4 * n_strides)
    assert_array_equal(whole, ndimage.maximum_filter(image, 5, mode="nearest") / 255 > 0.5)
    assert_array_equal(tiled, whole)
    assert_array_equal(tiled_sure, sure)


def test_invalid_pixels_are_ignored_and_empty_tiles_not_computed(widest, tmp_path):
    image = np.full((8, 32), 200, np.uint8)
    image[:, 12:] = 7
    raster.write_bands(tmp_path / "image.tif", image[None])
    with raster.open(tmp_path / "image.tif") as opened:
        read = opened.read
        opened.read = lambda *a, **k: (lambda pair: (pair[0], pair[0][0] != 7))(read(*a, **k))
        segmenter = widest(halo=0)
        labels, confidence = predict_array(segmenter, opened, tile_size=8)
    assert (labels[:, :12] == 1).all()
    assert (labels[:, 12:] == 255).all()
    assert (confidence[:, 12:] == 0).all()
    assert len(segmenter.calls) == 2  # of four tiles, two hold data


def test_tiles_come_in_row_major_order_with_progress(widest, tmp_path):
    seen = []
    with save(tmp_path / "image.tif", np.zeros((8, 12), np.uint8)) as opened:
        windows = [t.window for t in predict(widest(), opened, tile_size=8, progress=lambda *a: seen.append(a))]
    assert windows == [raster.Window(0, 0, 8, 8), raster.Window(0, 8, 8, 4)]
    assert seen == [(64, 96), (96, 96)]


def test_bands_and_tile_size_are_checked(widest, tmp_path):
    raster.write_bands(tmp_path / "rgb.tif", np.zeros((3, 8, 8), np.uint8))
    with (
        raster.open(tmp_path / "rgb.tif") as opened,
        pytest.raises(InputError, match=r"3 bands.*expects 1"),
    ):
        next(predict(widest(), opened))
    said = "multiple of the stride 4, got 6; use 4 or 8"
    with save(tmp_path / "grey.tif", np.zeros((8, 8), np.uint8)) as opened, pytest.raises(InputError, match=said):
        next(predict(widest(), opened, tile_size=6))


def test_files_carry_legend_and_probabilities(widest, tmp_path):
    image = np.zeros((6, 9), np.uint8)
    image[2, 3] = 250
    with save(tmp_path / "image.tif", image) as opened:
        predict_to_file(widest(), opened, PredictionFiles(tmp_path / "out.png", tmp_path / "out.probabilities.tif"))
        labels, legend = raster.read_label_map(tmp_path / "out.png")
        with pytest.raises(InputError, match="exists"):
            predict_to_file(widest(), opened, PredictionFiles(tmp_path / "out.png"))
    assert legend.class_names == ("low", "high")
    assert_array_equal(labels, ndimage.maximum_filter(image, 5, mode="nearest") > 127)
    with raster.open(tmp_path / "out.probabilities.tif") as written:
        values, _ = written.read()
        assert written.band_names == ("low", "high")
    assert_array_equal(values.sum(axis=0), np.full((6, 9), 255))


def test_a_failure_leaves_no_file(widest, tmp_path):
    class Broken(widest):
        def probabilities(self, block, valid=None):
            if len(self.calls) == 1:
                raise KeyboardInterrupt
            return super().probabilities(block, valid)

    with save(tmp_path / "image.tif", np.zeros((8, 8), np.uint8)) as opened, pytest.raises(KeyboardInterrupt):
        predict_to_file(Broken(), opened, PredictionFiles(tmp_path / "out.png"))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["image.tif"]


def test_stopping_early_ends_the_reading(widest, tmp_path):
    with save(tmp_path / "image.tif", np.zeros((8, 80), np.uint8)) as opened:
        segmenter = widest()
        for tile in predict(segmenter, opened, tile_size=8):
            assert tile.window.column == 0
            break
        assert len(segmenter.calls) == 1
    # The threads of `densa.parallel` stay, asleep.
    left = [t.name for t in threading.enumerate() if t.name.startswith("densa-")]
    assert not [name for name in left if not name.startswith("densa-kernel")]


def test_what_depends_on_the_whole_image_is_never_cut(widest, tmp_path):
    class Pooled(widest):
        whole_image = True

    with save(tmp_path / "wide.tif", np.zeros((4, 5000), np.uint8)) as opened:
        assert default_tile_size(Pooled(), 5000, 5000) >= 5000
        assert [tile.window for tile in predict(Pooled(), opened)] == [raster.Window(0, 0, 4, 5000)]
        with pytest.raises(InputError, match="depends on the whole image"):
            next(predict(Pooled(), opened, tile_size=400))
