"""Images as they come: those of scikit-image, and the development images where they are at hand."""

from importlib.resources import files

import numpy as np
import pytest
import skimage.io
from numpy.testing import assert_array_equal
from PIL import Image
from skimage import data

from densa import raster
from densa.legend import Legend
from densa.raster import Window

FOLDER = files("skimage.data")


@pytest.mark.parametrize("name", ["coins", "camera", "astronaut", "page", "immunohistochemistry", "horse"])
@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_images_of_scikit_image(tmp_path, name, suffix):
    image = getattr(data, name)()
    image = image.astype(np.uint8) * 255 if image.dtype == bool else image
    skimage.io.imsave(tmp_path / f"a.{suffix}", image, check_contrast=False)
    values, valid = raster.open(tmp_path / f"a.{suffix}").read()
    assert_array_equal(values, image[None] if image.ndim == 2 else np.moveaxis(image, 2, 0))
    assert valid.all()


@pytest.mark.parametrize("name", ["coins.png", "coffee.png", "rocket.jpg", "multipage.tif"])
def test_files_of_scikit_image_as_it_reads_them(name):
    path = str(FOLDER / name)
    expected = np.atleast_3d(skimage.io.imread(path)[0] if name == "multipage.tif" else skimage.io.imread(path))
    values, _ = raster.open(path).read()
    assert_array_equal(np.moveaxis(values, 0, 2), expected)


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("name", "shape", "dtype", "share_valid"),
    [
        ("kathmandu_rgba_4096.tif", (3, 4096, 4096), "uint8", 0.88),
        ("landsat_RGB.byte.tif", (3, 718, 791), "uint8", 0.675),
        ("m_4709963_se_14_1_20140720.tif", (4, 723, 934), "uint8", 1.0),
        ("sen1floods11/S2/Spain_7370579_S2Hand.tif", (13, 512, 512), "int16", 1.0),
        ("sen1floods11/S1/Spain_7370579_S1Hand.tif", (2, 512, 512), "float32", 1.0),
        ("sen1floods11/Labels/Spain_7370579_LabelHand.tif", (1, 512, 512), "int16", 1.0),
    ],
)
def test_rasters(realdata, name, shape, dtype, share_valid):
    with raster.open(realdata / "rasters" / name) as image:
        values, valid = image.read()
        assert image.georeference is not None
        assert image.n_pages == 1
    assert values.shape == shape
    assert values.dtype == dtype
    assert valid.mean() == pytest.approx(share_valid, abs=0.005)


@pytest.mark.realdata
def test_large_rasters_by_windows(realdata):
    with raster.open(realdata / "rasters" / "cog_world.tif") as image:
        assert (image.height, image.width) == (18000, 36000)
        values, _ = image.read(Window(17990, 35990, 30, 40), border="mirror")
    assert values.shape == (1, 30, 40)
    # Columns 35990..35999, then 35998, 35997, ...; rows 17990..17999, then 17998, ...
    assert_array_equal(values[:, :, 10:19], values[:, :, 8::-1])
    assert_array_equal(values[:, 10:19], values[:, 8::-1])
    with raster.open(realdata / "rasters" / "cog_cmap.tif") as image:
        assert image.band_names == ("red", "green", "blue")
        assert image.n_pages == 1


@pytest.mark.realdata
def test_label_map_on_a_real_scene(realdata, tmp_path):
    with raster.open(realdata / "rasters" / "landsat_RGB.byte.tif") as scene:
        values, valid = scene.read()
        labels = np.where(valid, values[0] > values[1], 255).astype(np.uint8)
        raster.write_label_map(tmp_path / "a.tif", labels, Legend(("green", "red")), like=scene)
        with raster.open(tmp_path / "a.tif") as written:
            assert written.georeference == scene.georeference
            assert_array_equal(written.read()[1], valid)


@pytest.mark.realdata
def test_masks(realdata):
    camvid = next(iter(sorted((realdata / "camvid" / "trainannot").iterdir())))
    mask = raster.read_mask(camvid)
    assert mask.shape == (360, 480)
    assert mask.max() <= 11
    palette = raster.read_mask(realdata / "dubai" / "Tile 2" / "masks" / "image_part_008.png")
    assert palette.shape == (544, 510)
    assert palette.max() <= 6
    colours = raster.read_mask(realdata / "dubai" / "Tile 1" / "masks" / "image_part_008.png")
    assert colours.shape == (644, 797, 3)
    instances = raster.read_mask(next(iter(sorted((realdata / "dic_hela" / "01_ST" / "SEG").iterdir()))))
    assert instances.dtype == np.uint16
    with Image.open(camvid) as image:
        assert_array_equal(mask, np.asarray(image))
