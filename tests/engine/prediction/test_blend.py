"""Blending by overlapping windows, against its definition and whatever the tiles."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from densa import raster
from densa.engine import Blended, PredictionFiles, Work, predict, predict_to_file
from densa.errors import InputError
from densa.segmenter import Segmenter


class Average(Segmenter):
    """Every pixel of a window gets the mean of the window: context is all of it."""

    halo, stride, whole_image = 0, 2, True

    def __init__(self, widest):
        self.legend, self.bands = widest.legend, widest.bands

    def probabilities(self, block, valid=None):
        high = np.full(block.shape[1:], block[0][valid].mean() / 255, np.float32)
        return np.stack([1 - high, high])


def weights(kind, n):
    i = np.arange(n)
    return 1 - abs((2 * i + 1) / n - 1) if kind == "linear" else 0.5 - 0.5 * np.cos(2 * np.pi * (i + 0.5) / n)


def by_definition(image, size, kind):
    height, width = image.shape
    total, weight = np.zeros(image.shape), np.zeros(image.shape)
    step = size // 2
    for row in range(0, max(height - step, 1), step):
        for column in range(0, max(width - step, 1), step):
            part = image[row : row + size, column : column + size]
            share = np.outer(weights(kind, size)[: part.shape[0]], weights(kind, size)[: part.shape[1]])
            total[row : row + size, column : column + size] += share * part.mean() / 255
            weight[row : row + size, column : column + size] += share
    return total / weight


@pytest.mark.parametrize("kind", ["linear", "hann"])
@pytest.mark.parametrize("shape", [(50, 71), (16, 16), (7, 90), (33, 8), (1, 1)])
def test_blending_is_what_it_says_for_any_tile(widest, opened, kind, shape):
    image = np.random.default_rng(0).integers(0, 255, shape, dtype=np.uint8)
    source = opened(image)
    blended = Blended(Average(widest()), window_size=16, weights=kind)
    found = []
    for tile_size in (None, 8, 24):
        high = np.empty(shape, np.float32)
        for tile in predict(blended, source, tile_size=tile_size):
            row, column, height, width = tile.window
            high[row : row + height, column : column + width] = tile.probabilities[1]
        found.append(high)
    assert_allclose(found[0], by_definition(image.astype(float), 16, kind), atol=1e-6)
    assert_array_equal(found[1], found[0])
    assert_array_equal(found[2], found[0])


def test_windows_without_data_count_for_nothing(widest, opened):
    image = np.zeros((8, 40), np.uint8)
    image[:, :8] = 100
    source = opened(image, nodata=0)
    [tile] = predict(Blended(Average(widest()), window_size=16, weights="hann"), source)
    assert_allclose(tile.probabilities[1][:, :8], np.full((8, 8), 100 / 255), rtol=1e-6)
    assert (tile.labels()[:, 8:] == 255).all()


def test_a_blended_map_is_resumed_like_any_other(widest, opened, tmp_path):
    image = opened(np.random.default_rng(0).integers(0, 255, (40, 64), dtype=np.uint8))
    files = PredictionFiles(tmp_path / "map.tif", tmp_path / "p.tif")
    assert predict_to_file(Average(widest()), image, files, Work(tile_size=16), blend="hann")
    with raster.open(tmp_path / "p.tif") as written:
        found = written.read()[0][1]
    expected = by_definition(image.read()[0][0].astype(float), 16, "hann")
    assert np.abs(found / 255 - expected).max() <= 0.5 / 255 + 1e-6


def test_what_cannot_be_blended_is_refused(widest):
    with pytest.raises(InputError, match="blend must be linear or hann, got 'cubic'"):
        Blended(widest(), window_size=16, weights="cubic")
    with pytest.raises(InputError, match="multiple of 8, twice the model's stride, got 20; use 24"):
        Blended(widest(), window_size=20, weights="hann")
