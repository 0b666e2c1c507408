"""What stands under nodata decides nothing, and comes out as nodata."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scipy import ndimage

from densa import raster
from densa.engine import PredictionFiles, Work, predict_array, predict_to_file
from densa.legend import IGNORE


class Masked(raster.Raster):
    """An image with a mask, in memory."""

    def __init__(self, path, values, valid):
        super().__init__(path, *valid.shape, values.dtype, ("grey",) * len(values))
        self.values, self.valid = values, valid

    def _load(self, window, bands):
        rows = slice(window.row, window.row + window.height)
        columns = slice(window.column, window.column + window.width)
        return self.values[list(bands), rows, columns].copy(), self.valid[rows, columns].copy()

    def close(self):
        pass


def fields(shape):
    return st.integers(0, 2**32 - 1).map(lambda seed: np.random.default_rng(seed).random(shape))


@settings(max_examples=30)
@given(fields((40, 60)), fields((40, 60)), st.sampled_from([8, 16, 64]), st.floats(0, 1))
def test_values_under_nodata_change_no_valid_pixel(widest, tmp_path_factory, noise, other, tile_size, share):
    valid = ndimage.uniform_filter(noise, 7) > np.quantile(ndimage.uniform_filter(noise, 7), share * 0.99)
    values = (255 * noise[None]).astype(np.uint8)
    changed = np.where(valid, values, (255 * other[None]).astype(np.uint8))

    class Careless(widest):
        """Looks at what stands under nodata."""

        def probabilities(self, block, valid=None):
            return super().probabilities(block, None)

    path = tmp_path_factory.getbasetemp()
    for kind in (widest, Careless):
        labels, sure = predict_array(kind(), Masked(path, values, valid), tile_size=tile_size)
        again, sure_again = predict_array(kind(), Masked(path, changed, valid), tile_size=tile_size)
        assert_array_equal(labels, again)
        assert_array_equal(sure, sure_again)
        assert (labels[~valid] == IGNORE).all()
        assert (labels[valid] < 2).all()


def test_only_tiles_with_data_are_computed(widest, opened, tmp_path):
    image = np.zeros((48, 48), np.uint8)
    image[17:20, 30:34] = 200  # in the tiles (2, 3) and (2, 4) of 8 x 8
    segmenter = widest(halo=0, stride=1)
    source = opened(image, nodata=0)
    files = PredictionFiles(tmp_path / "map.tif", tmp_path / "p.tif", tmp_path / "u.tif")
    predict_to_file(segmenter, source, files, Work(tile_size=8))
    assert len(segmenter.calls) == 1 + 2  # one tells the model from others
    labels, _ = raster.read_label_map(tmp_path / "map.tif")
    assert_array_equal(labels == IGNORE, image == 0)
    for path in (files.probabilities, files.uncertainty):
        with raster.open(path) as written:
            assert not written.read()[0][:, image == 0].any()


def test_floats_that_are_not_finite_are_nodata(widest, opened, tmp_path):
    image = np.random.default_rng(0).random((20, 30)).astype(np.float32) * 255
    image[4:9, 5:25] = np.nan
    image[12, 3] = np.inf
    labels, _ = predict_array(widest(), opened(image), tile_size=8)
    assert_array_equal(labels == IGNORE, ~np.isfinite(image))
