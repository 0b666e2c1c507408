"""The bands as they are."""

import numpy as np
from numpy.testing import assert_array_equal

from densa.descriptors import Raw


def test_the_bands_are_kept_and_named(rng):
    image = rng.integers(0, 60_000, (4, 5, 6)).astype(np.uint16)
    found = Raw().compute(image)
    assert found.dtype == np.float32
    assert_array_equal(found, image)
    assert Raw().names(4) == ["band 1", "band 2", "band 3", "band 4"]
    assert Raw().halo == 0
