import numpy as np
import pytest
from torch import nn

from densa.errors import InputError
from densa.segmenter import Augmented, Ensemble
from tests.segmenter.exact import assert_same


@pytest.fixture
def deeplab(make):
    return make("deeplabv3", width=4, backbone="resnet50", exact=True)


@pytest.fixture
def image(rng):
    return rng.standard_normal((3, 1200, 40)).astype(np.float32)


def test_tiled_equals_whole(deeplab, tiled, image):
    ours = deeplab.with_frozen_context(image[:, ::4])
    assert not ours.whole_image
    assert (ours.halo, ours.stride) == (deeplab.halo, deeplab.stride)
    assert_same(tiled(ours, image, 16), ours.probabilities(image), 1e-12)


def test_the_image_itself_as_overview(deeplab, image):
    """Then labels are those of the whole image; with another overview they are not; the original stays as it is."""
    image = image[:, :200]
    whole = deeplab.probabilities(image)
    assert_same(deeplab.with_frozen_context(image).probabilities(image), whole, 1e-12)
    assert np.abs(deeplab.with_frozen_context(image + 1).probabilities(image) - whole).max() > 1e-4
    assert deeplab.whole_image
    np.testing.assert_array_equal(deeplab.probabilities(image), whole)


def test_invalid_pixels_of_the_overview_count_as_the_mean(deeplab, rng, image):
    overview, valid = image[:, :60], rng.random((60, 40)) > 0.4
    expected = deeplab.with_frozen_context(overview * valid).probabilities(overview)
    overview = np.where(valid, overview, np.nan)
    found = deeplab.with_frozen_context(overview).probabilities(image[:, :60])
    np.testing.assert_array_equal(found, expected)


def test_what_is_local_stays_as_it_is(make):
    unet = make()
    assert unet.with_frozen_context(np.zeros((3, 9, 9))) is unet


def test_members_and_views_are_frozen(make, deeplab, image):
    unet, overview, image = make(), image[:, :80], image[:, :100]
    frozen = deeplab.with_frozen_context(overview)
    both = Ensemble([unet, deeplab], (1, 2), "product")
    assert both.whole_image
    found = both.with_frozen_context(overview)
    assert not found.whole_image
    expected = Ensemble([unet, frozen], (1, 2), "product")
    np.testing.assert_array_equal(found.probabilities(image), expected.probabilities(image))
    views = Augmented(both, flips=("rows",), quarter_turns=False)
    assert views.whole_image
    found = views.with_frozen_context(overview)
    assert not found.whole_image
    np.testing.assert_array_equal(
        found.probabilities(image), Augmented(expected, flips=("rows",), quarter_turns=False).probabilities(image)
    )


class Global(nn.Module):
    """Subtracts the mean of the image; nothing to freeze."""

    def __init__(self):
        super().__init__()
        self.score = nn.Conv2d(3, 3, 1)

    def forward(self, x):
        return self.score(x - x.mean(dim=(2, 3), keepdim=True))


def test_what_has_no_context_to_freeze(make):
    from densa.segmenter import NetworkSegmenter

    like = make()
    whole = NetworkSegmenter(Global(), like.legend, like.bands, device="cpu")
    assert whole.whole_image
    with pytest.raises(InputError, match="Global depends on the whole image and its context cannot be frozen"):
        whole.with_frozen_context(np.zeros((3, 9, 9)))
