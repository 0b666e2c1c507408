import numpy as np
import pytest

from densa import Legend, datasets, raster
from densa.datasets import SplitRule

LEGEND = Legend(("ground", "road"))


@pytest.fixture
def scene(tmp_path):
    """A GeoTIFF of 120 x 160 whose bands tell row and column, with its mask."""
    from affine import Affine

    rows, columns = np.mgrid[:120, :160]
    for kind in ("images", "masks"):
        (tmp_path / kind).mkdir()
    place = raster.Georeference(None, Affine(2, 0, 1000, 0, -2, 5000))
    raster.write_bands(tmp_path / "images" / "a.tif", np.stack([rows, columns]).astype(np.uint8), like=place)
    raster.write_label_map(tmp_path / "masks" / "a.tif", ((rows + columns) % 3 == 0).astype(np.uint8), LEGEND)
    return datasets.open(tmp_path, legend=LEGEND, split=SplitRule(val_fraction=0))["train"]
