"""A photograph is divided alike in bytes, in 16 bits and in floats from 0 to 1, also in tiles."""

import numpy as np
import pytest
from skimage.data import astronaut

import densa
from densa import raster, regions
from densa.metrics import boundary_recall


@pytest.fixture(scope="module")
def photo():
    image = astronaut()[::4, ::4].copy()
    image[0, 0], image[0, 1] = 0, 255
    return image


def scaled(photo, kind):
    return {
        "float32": (photo / 255).astype(np.float32),
        "float64": photo / 255 - 3.0,
        "uint16": photo.astype(np.uint16) * 257,
        "int16": photo.astype(np.int16) * 20 - 500,
    }[kind]


@pytest.mark.parametrize("kind", ["float32", "float64", "uint16", "int16"])
def test_slic_follows_edges_in_any_type(photo, kind):
    expected = regions.slic(photo, 200, lab=False)
    found = regions.slic(scaled(photo, kind), 200)
    assert (found == expected).mean() > 0.99


def test_a_given_compactness_is_in_units_of_the_image(photo):
    image = scaled(photo, "float32")
    np.testing.assert_array_equal(regions.slic(image, 200, 10 / 255), regions.slic(image, 200))


@pytest.mark.parametrize(("method", "option"), [("slic", "compactness"), ("mean-shift", "range radius")])
def test_regions_of_files_have_one_scale_in_all_tiles_and_say_so(run_cli, tmp_path, photo, method, option):
    bytes_, floats = tmp_path / "bytes.tif", tmp_path / "floats.tif"
    grey = photo[..., 1].copy()
    grey[0, 0], grey[0, 1] = 0, 255
    raster.write_bands(bytes_, grey[None])
    raster.write_bands(floats, (grey / 255).astype(np.float32)[None])
    found = []
    for image, tile in ((bytes_, 32), (floats, 32), (floats, 128)):
        output = tmp_path / f"{image.stem}{tile}.tif"
        code, _, err = run_cli("regions", image, "--method", method, "-o", output, "--tile-size", tile)
        assert code == 0, err
        assert ("float32 values: " in err and f"{option} is" in err) == (image == floats)
        found.append(raster.read_image(output).squeeze())
    np.testing.assert_array_equal(found[1], found[2])
    assert boundary_recall(found[0], found[1], radius=1) > 0.97
    array = densa.segment((grey / 255).astype(np.float32), method)
    np.testing.assert_array_equal(np.asarray(array), found[2])


def test_a_compactness_that_leaves_a_grid_is_told(run_cli, tmp_path, photo):
    raster.write_bands(tmp_path / "a.tif", np.moveaxis(scaled(photo, "float32"), -1, 0))
    code, _, err = run_cli("regions", tmp_path / "a.tif", "-o", tmp_path / "r.tif", "--compactness", 10)
    assert code == 0, err
    assert "the regions are nearly a grid; leave it out for 0.0392" in err
