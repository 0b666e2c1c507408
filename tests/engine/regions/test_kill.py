"""Killed at random moments, a segmentation still comes out the same."""

import numpy as np
from scipy import ndimage

from densa import raster

SEGMENT = """
from densa import raster
from densa.engine import Work
from densa.engine.regions import MeanShift, RegionFiles, segment_to_file

def make(name, **options):
    with raster.open(folder / "scene.tif") as image:
        files = RegionFiles(folder / f"{name}.tif", statistics=folder / f"{name}.csv")
        segment_to_file(MeanShift(3, 20, min_size=9), image, files, Work(tile_size=32, **options))
"""


def test_killed_three_times_the_bytes_are_those_of_an_uninterrupted_run(rng, tmp_path, killed):
    values = ndimage.gaussian_filter(rng.normal(size=(2, 150, 170)), (0, 2, 2)) * 300 + 128
    raster.write_bands(tmp_path / "scene.tif", np.clip(values, 0, 255).astype(np.uint8))
    killed(SEGMENT)
    for suffix in (".tif", ".csv"):
        assert (tmp_path / f"map{suffix}").read_bytes() == (tmp_path / f"expected{suffix}").read_bytes()
    with raster.open(tmp_path / "map.tif") as made:
        assert made.read()[0].max() > 3
