import numpy as np
from numpy.testing import assert_array_equal
from scipy import ndimage

from densa.legend import Legend
from densa.segmenter import BandContract, Segmenter
from densa.training.loop.validation import validate


class _Bright(Segmenter):
    """Two classes by the mean over 5x5 pixels; reads 2 pixels away."""

    legend, bands, halo, stride = Legend(("dark", "bright")), BandContract(3), 4, 4

    def probabilities(self, block, valid=None):
        total = ndimage.convolve(block.sum(axis=0, dtype=np.int64), np.ones((5, 5), np.int64), mode="mirror")
        bright = (total > 90 * 75).astype(np.float32)
        return np.stack([1 - bright, bright])


def test_confusion_over_the_images(scenes):
    whole = validate(_Bright(), scenes["val"])
    parts = [validate(_Bright(), scenes["val"], images=[i]) for i in range(2)]
    assert_array_equal(whole.counts, parts[0].counts + parts[1].counts)
    labelled = sum((scenes["val"].labels(i) != 255).sum() for i in range(2))
    assert whole.matrix.sum() == labelled
    assert whole.summary().mean_iou > 0.5


def test_stops_when_asked(scenes):
    answers = iter([False, True])
    assert_array_equal(
        validate(_Bright(), scenes["val"], stopped=lambda: next(answers)).counts,
        validate(_Bright(), scenes["val"], images=[0]).counts,
    )
