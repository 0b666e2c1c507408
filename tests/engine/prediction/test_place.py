"""Segmenters that depend on the block's position and the image's size are given both."""

from functools import partial

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from densa import raster
from densa.engine import PredictionFiles, Work, predict_array, predict_to_file


@pytest.fixture
def diagonal(widest):
    class Diagonal(widest):
        """Class 1 in one pixel of ten, counted from the image's corner, and below the middle of the image."""

        size = None

        def for_image(self, height, width):
            bound = type(self)()
            bound.size = height, width
            return bound

        def probabilities(self, block, valid=None):
            return self.probabilities_at(block, valid, 0, 0)

        def probabilities_at(self, block, valid, row, column):
            rows, columns = np.mgrid[row : row + block.shape[1], column : column + block.shape[2]]
            high = (((rows + columns) % 10 == 0) | (rows >= self.size[0] / 2)).astype(np.float32)
            return np.stack([1 - high, high])

    return Diagonal


def test_in_memory_in_files_and_in_pieces(diagonal, opened, tmp_path):
    image = opened(np.zeros((70, 90), np.uint8))
    rows, columns = np.mgrid[:70, :90]
    expected = ((rows + columns) % 10 == 0) | (rows >= 35)
    for tile_size in (None, 16):
        assert_array_equal(predict_array(diagonal(), image, tile_size=tile_size)[0], expected)
    for workers in (1, 2):
        target = tmp_path / f"{workers}.png"
        work = Work(tile_size=16, workers=workers)
        predict_to_file(diagonal(), image, PredictionFiles(target), work, load=partial(diagonal))
        assert_array_equal(raster.read_label_map(target)[0], expected)
    predict_to_file(diagonal(), image, PredictionFiles(tmp_path / "map.png"), Work(tile_size=8), blend="hann")
    assert_array_equal(raster.read_label_map(tmp_path / "map.png")[0], expected)
