"""Local binary patterns against scikit-image and by hand."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from densa.descriptors import LocalBinaryPatterns
from densa.errors import InputError


@pytest.mark.parametrize(("n_points", "radius"), [(8, 1), (8, 2), (16, 2), (12, 2.5), (6, 1)])
@pytest.mark.parametrize(("method", "theirs"), [("riu2", "uniform"), ("plain", "default")])
def test_patterns_are_scikit_images(rng, n_points, radius, method, theirs):
    feature = pytest.importorskip("skimage.feature")
    image = rng.permutation(40 * 50).reshape(40, 50).astype(np.uint16)  # no ties, which rounding decides there
    found = LocalBinaryPatterns(n_points, radius, method).compute(image[None])[0]
    expected = feature.local_binary_pattern(image, n_points, radius, theirs)
    inside = np.s_[4:-4, 4:-4]  # scikit-image sees 0 beyond the border
    assert_array_equal(found[inside], expected[inside])
    assert found.max() < LocalBinaryPatterns(n_points, radius, method).n_codes


def test_patterns_by_hand():
    # the four corners of radius 1 lie between pixels; a single bright pixel is darker nowhere: no bit set
    image = np.zeros((1, 5, 5))
    image[0, 2, 2] = 9
    plain = LocalBinaryPatterns(4, 1, "plain").compute(image)[0]
    assert plain[2, 2] == 0
    assert plain[0, 0] == plain[4, 4] == 15  # flat: as bright as the middle
    assert plain[2, 1] == 15
    image[0, 2, 2] = -9
    plain = LocalBinaryPatterns(4, 1, "plain").compute(image)[0]
    assert plain[2, 1] == 15 - 1  # the point to the right, bit 0, is darker
    assert plain[3, 2] == 15 - 2  # the point above, bit 1
    assert LocalBinaryPatterns(4, 1).compute(image)[0, 2, 1] == 3


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"n_points": 1}, "n_points must be a whole number from 2 to 24"),
        ({"n_points": 30}, "n_points must be a whole number from 2 to 24"),
        ({"radius": 0}, "radius must be a finite number above 0"),
        ({"method": "uniform"}, "method must be one of riu2, plain"),
    ],
)
def test_bad_parameters_are_named(fields, said):
    with pytest.raises(InputError, match=said):
        LocalBinaryPatterns(**fields)


def test_patterns_turn_with_the_image(rng):
    """Rotation by a quarter turns the points of the circle by a quarter; riu2 does not change."""
    image = rng.permutation(30 * 30).reshape(1, 30, 30)
    turned = np.rot90(image, axes=(1, 2))  # counter-clockwise
    riu2 = LocalBinaryPatterns(8, 1.5)
    assert_array_equal(riu2.compute(turned)[0], np.rot90(riu2.compute(image)[0]))
    plain = LocalBinaryPatterns(8, 1.5, "plain")
    codes = plain.compute(image)[0].astype(int)
    assert_array_equal(plain.compute(turned)[0], np.rot90((codes << 2 | codes >> 6) & 255))
