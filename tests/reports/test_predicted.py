import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from densa import datasets
from densa.errors import InputError
from densa.legend import Legend
from densa.reports import evaluate_pairs, pairs_of_predictions
from densa.segmenter import BandContract, Segmenter


class Brightness(Segmenter):
    """A segmenter whose class 1 is as probable as the first band is bright."""

    legend = Legend(("dark", "bright"))
    bands = BandContract(3, ("red", "green", "blue"), (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), "uint8")
    halo = 2
    stride = 4

    def probabilities(self, block, valid=None):
        bright = block[0].astype(np.float32) / 255
        return np.stack([1 - bright, bright])


@pytest.fixture
def dataset(tmp_path, rng):
    for folder in ("images", "masks"):
        (tmp_path / "test" / folder).mkdir(parents=True)
    for i in range(2):
        image = rng.integers(0, 256, (21, 501 + i, 3)).astype(np.uint8)
        Image.fromarray(image).save(tmp_path / "test" / "images" / f"{i}.png")
        Image.fromarray((image[..., 0] > 127).astype(np.uint8)).save(tmp_path / "test" / "masks" / f"{i}.png")
    return datasets.open(tmp_path, legend=Brightness.legend)["test"]


def test_predictions_are_evaluated_whatever_the_tiles(dataset):
    whole = list(pairs_of_predictions(Brightness(), dataset))
    told = []
    tiled = list(pairs_of_predictions(Brightness(), dataset, tile_size=12, progress=lambda *done: told.append(done)))
    assert told == [(1, 2), (2, 2)]
    for a, b in zip(whole, tiled, strict=True):
        assert_array_equal(a.predicted, b.predicted)
        assert_array_equal(a.predicted, a.target)
        assert_array_equal(a.probabilities(), b.probabilities())
        assert_array_equal(a.probabilities()[1] * 255, a.image()[0][0, ::2, ::2])  # 501 px: every second pixel
    assert evaluate_pairs(tiled, dataset.legend).summary.mean_iou == 1


def test_other_classes_are_refused(dataset):
    segmenter = Brightness()
    segmenter.legend = Legend(("low", "high"))
    with pytest.raises(InputError, match="classes of the model, low, high, got dark, bright"):
        next(pairs_of_predictions(segmenter, dataset))
