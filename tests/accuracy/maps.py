"""Maps and their truths for the tests of this folder."""

import numpy as np
from affine import Affine
from rasterio.crs import CRS

from densa import raster
from densa.legend import Legend

LEGEND = Legend(("field", "forest", "road"))


def place(epsg=32632, size=10.0, x=500_000.0, y=5_200_000.0):
    return raster.Georeference(CRS.from_epsg(epsg), Affine(size, 0, x, 0, -size, y))


def scene(height=120, width=150, seed=0, errors=0.2):
    """(labels, truth): a map with nodata at its left border, and the classes that are really there."""
    rng = np.random.default_rng(seed)
    labels = np.zeros((height, width), np.uint8)
    labels[height // 3 :] = 1
    labels[:, width // 2 : width // 2 + 4] = 2
    truth = labels.copy()
    wrong = rng.random(labels.shape) < errors
    truth[wrong] = (truth[wrong] + rng.integers(1, 3, wrong.sum())) % 3
    labels[:, :10] = 255
    return labels, truth


def write_scene(folder, like=None, **arguments):
    labels, truth = scene(**arguments)
    raster.write_label_map(folder / "map.tif", labels, LEGEND, like=like, overwrite=True)
    raster.write_label_map(folder / "truth.tif", truth, LEGEND, like=like, overwrite=True)
    return labels, truth
