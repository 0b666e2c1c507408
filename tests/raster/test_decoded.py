"""Images that are decoded as a whole."""

import numpy as np

from densa import raster
from tests.raster.images import saved_png


def test_read_arrays_are_the_callers(tmp_path):
    path = saved_png(tmp_path / "a.png", np.ones((4, 4), np.uint8))
    with raster.open(path) as image:
        values, valid = image.read()
        values[:] = 9
        valid[:] = False
        again, still = image.read()
    assert (again == 1).all()
    assert still.all()
