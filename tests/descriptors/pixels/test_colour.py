"""Colour spaces against scikit-image."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from densa.descriptors import ColourSpaces
from densa.errors import InputError


def test_colours_are_scikit_images(rng):
    color = pytest.importorskip("skimage.color")
    image = rng.integers(0, 256, (30, 40, 3), np.uint8)
    image[0, 0], image[0, 1], image[0, 2] = 0, 255, 77
    found = ColourSpaces().compute(np.moveaxis(image, -1, 0))
    for i, convert in enumerate((color.rgb2lab, color.rgb2luv, color.rgb2hsv)):
        assert_allclose(np.moveaxis(found[3 * i : 3 * i + 3], 0, -1), convert(image), atol=5e-4, rtol=1e-4)


def test_full_intensity(rng):
    image = rng.integers(0, 256, (3, 4, 5), np.uint8)
    expected = ColourSpaces().compute(image)
    assert_allclose(ColourSpaces().compute(image.astype(np.uint16) * 257), expected, atol=1e-4)
    assert_allclose(ColourSpaces().compute(image / 255), expected, atol=1e-4)
    assert_allclose(ColourSpaces(white=255).compute(image.astype(np.float32)), expected, atol=1e-4)
    assert_array_equal(ColourSpaces(("hsv",)).compute(image), expected[6:])


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"spaces": ("cmyk",)}, "spaces must be some of lab, luv, hsv"),
        ({"spaces": ()}, "spaces must be some of"),
        ({"white": 0}, "white must be a finite number above 0"),
    ],
)
def test_bad_parameters_are_named(fields, said):
    with pytest.raises(InputError, match=said):
        ColourSpaces(**fields)
