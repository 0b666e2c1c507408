import numpy as np
import pytest

from densa.crf import DenseCrf
from densa.legend import Legend
from densa.segmenter import Augmented, BandContract, Ensemble, Refined, Segmenter


class Positioned(Segmenter):
    """Class 1 as likely as the pixel lies to the right and to the bottom of its image."""

    legend = Legend(("near", "far"))
    bands = BandContract(1)
    halo, stride = 0, 4

    def __init__(self, height=None, width=None):
        self.size = height, width

    def for_image(self, height, width):
        return Positioned(height, width)

    def probabilities(self, block, valid=None):
        return self.probabilities_at(block, valid, 0, 0)

    def probabilities_at(self, block, valid, row, column):
        rows = (np.arange(block.shape[1]) + row + 0.5) / self.size[0]
        columns = (np.arange(block.shape[2]) + column + 0.5) / self.size[1]
        far = (0.25 * rows[:, None] ** 2 + 0.5 * columns).astype(np.float32)
        return np.stack([1 - far, far])


WRAPPED = {
    "bare": lambda: Positioned(),
    "ensemble": lambda: Ensemble([Positioned(), Positioned()]),
    "flipped": lambda: Augmented(Positioned(), flips=("rows", "columns"), quarter_turns=False),
    "refined": lambda: Refined(Positioned(), DenseCrf(appearance_weight=0.0, smooth_px=0.5, n_iterations=1), reach=8),
    "all": lambda: Refined(
        Ensemble([Augmented(Positioned(), flips=("rows",))]), DenseCrf(smooth_weight=0.0, appearance_weight=0.0)
    ),
}


@pytest.mark.parametrize("name", WRAPPED)
def test_tiles_know_where_they_lie(name):
    """A core of whole strides with its halo, in an image of odd sides, gives what the whole image gives."""
    image = np.zeros((1, 30, 45), np.uint8)
    bound = WRAPPED[name]().for_image(30, 45)
    whole = bound.probabilities(image)
    step = bound.stride
    top, left = bound.halo + step, bound.halo
    tile = bound.probabilities_at(image[:, step:, : left + 8 + bound.halo], None, step, 0)
    np.testing.assert_allclose(tile[:, top - step :, : left + 8], whole[:, top:, : left + 8], atol=1e-6)


def test_a_flipped_view_has_flipped_positions():
    image = np.zeros((1, 8, 12), np.uint8)
    bound = Augmented(Positioned(), flips=("columns",), quarter_turns=False).for_image(8, 12)
    direct = Positioned(8, 12).probabilities(image)
    np.testing.assert_allclose(bound.probabilities(image), (direct + direct[:, :, ::-1]) / 2, atol=1e-6)


def test_others_stay_as_they_are(make):
    plain = make("unet")
    assert plain.for_image(3, 4) is plain
