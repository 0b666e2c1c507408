"""Image files written and read whole."""

import rasterio
from PIL import Image

from densa import raster


def write_tiff(path, array, **options):
    """Write (bands, H, W) by rasterio."""
    bands, height, width = array.shape
    profile = {"count": bands, "height": height, "width": width, "dtype": array.dtype}
    profile |= {"photometric": "MINISBLACK", **options}  # GDAL would take four bands of bytes for RGBA
    with rasterio.open(path, "w", driver="GTiff", **profile) as file:
        file.write(array)
    return path


def saved_png(path, array, mode=None, **options):
    image = Image.fromarray(array)
    (image.convert(mode) if mode else image).save(path, **options)
    return path


def whole(path, **options):
    with raster.open(path, **options) as image:
        values, valid = image.read()
        assert values.shape == (image.n_bands, image.height, image.width)
        assert values.dtype == image.dtype
        assert valid.shape == values.shape[1:]
        assert valid.dtype == bool
    return values, valid
