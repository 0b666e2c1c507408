"""Files beside a label map have no data where the map has none."""

import numpy as np
import pytest
import rasterio
from numpy.testing import assert_array_equal

from densa import raster


@pytest.mark.parametrize("tile_size", [16, 64])
def test_probabilities_and_uncertainty_are_masked_where_the_map_is(run_cli, trained, tmp_path, tile_size):
    values = np.random.default_rng(0).integers(1, 255, (1, 48, 64)).astype(np.uint8)
    values[0, :20, 8:40] = 0
    raster.write_bands(tmp_path / "a.tif", values, nodata=0)
    options = ["--probabilities", "--uncertainty", "--tile-size", tile_size]
    code, _, err = run_cli("predict", trained, tmp_path / "a.tif", "-o", tmp_path / "map.tif", *options)
    assert code == 0, err
    missing = values[0] == 0
    for name in ("map.tif", "map.probabilities.tif", "map.uncertainty.tif"):
        with rasterio.open(tmp_path / name) as file:
            for number in file.indexes:
                assert_array_equal(file.read_masks(number) == 0, missing)
        with raster.open(tmp_path / name) as file:
            assert_array_equal(~file.read()[1], missing)
    assert not list(tmp_path.glob("*.msk"))
