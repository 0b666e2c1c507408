import numpy as np
import pytest
import rasterio

from densa import raster


@pytest.fixture
def place(tmp_path):
    """A raster with a georeference of choice, open."""

    def make(crs, transform, width=30, height=4):
        options = {"driver": "GTiff", "count": 1, "dtype": "uint8", "crs": crs, "transform": transform}
        with rasterio.open(tmp_path / "like.tif", "w", height=height, width=width, **options) as file:
            file.write(np.zeros((1, height, width), np.uint8))
        image = raster.open(tmp_path / "like.tif")
        image.close()
        return image

    return make
