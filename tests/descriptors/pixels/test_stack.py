"""A stack of pixel descriptors is its parts one after the other."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from densa.descriptors import ColourSpaces, MultiScale, Place, Position, Raw, RegionShape, Stack, TextonBank
from densa.errors import InputError

PARTS = (MultiScale((0.7,)), ColourSpaces(("hsv",)), Stack((Position(), Raw())), TextonBank(0.3))


def test_the_parts_one_after_the_other(rng):
    image = rng.integers(0, 256, (3, 12, 17), np.uint8)
    valid, place = rng.random((12, 17)) < 0.8, Place(4, 5, (30, 40))
    found = Stack(PARTS).compute(image, valid, place=place)
    assert_array_equal(found, np.concatenate([part.compute(image, valid, place=place) for part in PARTS]))
    assert Stack(PARTS).names(3) == [name for part in PARTS for name in part.names(3)]
    assert Stack(PARTS).halo == max(part.halo for part in PARTS) == TextonBank(0.3).halo
    assert Stack(list(PARTS)) == Stack(PARTS)


@pytest.mark.parametrize("parts", [(), (1,), (Raw(), RegionShape())])
def test_other_parts_are_refused(parts):
    with pytest.raises(InputError, match="at least one pixel descriptor and nothing else"):
        Stack(parts)
