"""Small rasters with islands of valid pixels."""

import numpy as np
import pytest

from densa import raster


@pytest.fixture
def make_raster(tmp_path):
    """Write (bands, h, w) values, invalid where `valid` is False, and open them."""
    left = []

    def make(values, valid=None, name=None):
        values = np.asarray(values)
        path = tmp_path / (name or f"raster{len(left)}.tif")
        nodata = None
        if valid is not None and not valid.all():
            nodata = _unused(values)
            values = np.where(valid, values, nodata).astype(values.dtype)
        raster.write_bands(path, values, nodata=nodata, overwrite=True)
        left.append(raster.open(path))
        return left[-1]

    yield make
    for opened in left:
        opened.close()


def _unused(values):
    """A value that no pixel has; a pixel is invalid where all its bands have it."""
    if values.dtype.kind == "f":
        return float("nan")
    free = np.setdiff1d(np.arange(256), values)
    assert len(free), "leave a value below 256 unused for the pixels without data"
    return int(free[-1])
