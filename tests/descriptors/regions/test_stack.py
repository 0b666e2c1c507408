"""A stack of region descriptors is its parts side by side."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from densa.descriptors import FeatureStatistics, Raw, RegionPosition, RegionShape, RegionStack
from densa.errors import InputError

PARTS = (RegionShape(), FeatureStatistics(("std",)), RegionStack((RegionPosition(),)))


def test_the_parts_side_by_side(rng):
    features, regions = rng.random((2, 9, 11)), rng.integers(0, 5, (9, 11))
    found = RegionStack(PARTS).compute(features, regions, 6)
    assert_array_equal(found, np.hstack([part.compute(features, regions, 6) for part in PARTS]))
    assert RegionStack(PARTS).names(["a", "b"]) == [name for part in PARTS for name in part.names(["a", "b"])]
    assert RegionStack(list(PARTS)) == RegionStack(PARTS)


@pytest.mark.parametrize("parts", [(), (1,), (RegionShape(), Raw())])
def test_other_parts_are_refused(parts):
    with pytest.raises(InputError, match="at least one region descriptor and nothing else"):
        RegionStack(parts)
