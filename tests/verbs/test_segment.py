"""Regions from Python: arrays, open rasters and files alike, in memory the same as in the file."""

import numpy as np
import pytest
from skimage import data

import densa
from densa import raster
from densa.errors import InputError


@pytest.fixture
def photo(tmp_path):
    image = np.ascontiguousarray(data.astronaut()[::8, ::8])
    raster.write_bands(tmp_path / "photo.tif", np.moveaxis(image, -1, 0))
    return tmp_path / "photo.tif", image


@pytest.mark.parametrize(("method", "options"), [("slic", {"count": 40}), ("watershed", {}), ("mean-shift", {})])
def test_every_kind_of_input_gives_the_regions_of_the_file(photo, tmp_path, method, options):
    path, image = photo
    written = densa.segment(path, method, output=tmp_path / "regions.tif", **options)
    with raster.open(written.files["regions"]) as file:
        expected = file.read()[0][0]
    with raster.open(path) as opened:
        for given in (path, str(path), image, opened):
            np.testing.assert_array_equal(np.asarray(densa.segment(given, method, **options)), expected)
    assert written.n_regions == expected.max()
    again = densa.segment(image, method, output=tmp_path / "again.tif", tile_size=24, **options)
    with raster.open(again.files["regions"]) as file:
        np.testing.assert_array_equal(file.read()[0][0], expected)


@pytest.mark.parametrize(
    ("image", "options", "said"),
    [
        ("nowhere.tif", {}, "image must exist"),
        (np.zeros((3, 3)), {"workers": 2}, "workers is for files"),
        (np.zeros((3, 3)), {"compactness": -1}, "compactness must be"),
        (np.zeros((3, 3)), {"cuont": 4}, "did you mean count"),
        (np.zeros(3), {}, "image must be"),
        (np.zeros((2, 2, 300)), {}, "at most 256 bands"),
        (np.array([["a"]]), {}, "integers or real numbers"),
    ],
)
def test_mistakes(image, options, said):
    with pytest.raises(InputError, match=said):
        densa.segment(image, **options)
