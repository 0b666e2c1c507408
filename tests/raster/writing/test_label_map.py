"""Label maps: what is written is read back with its legend, here and by GDAL."""

from xml.etree import ElementTree

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from affine import Affine
from numpy.testing import assert_array_equal
from PIL import Image

from densa import raster
from densa.errors import InputError
from densa.legend import IGNORE, Legend
from densa.raster import LabelMapWriter, Window, tiles

LEGEND = Legend(("road", "water & ice", "árvore"), ((128, 64, 128), (0, 0, 255), (0, 200, 0)), codes=(3, 7, 9))
AS_WRITTEN = Legend(LEGEND.class_names, LEGEND.colors)  # in the file the classes are numbered from 0
PLACE = {"crs": "EPSG:32630", "transform": Affine(10, 0, 500000, 0, -10, 4000000)}


@pytest.fixture
def labels(rng):
    labels = rng.integers(0, 3, (70, 90)).astype(np.uint8)
    labels[:5, :7] = IGNORE
    return labels


@pytest.fixture
def scene(tmp_path, labels):
    with rasterio.open(
        tmp_path / "scene.tif", "w", driver="GTiff", count=1, height=70, width=90, dtype="uint8", **PLACE
    ) as file:
        file.write(labels[None])
    return tmp_path / "scene.tif"


@pytest.mark.parametrize("suffix", ["png", "tif", "tiff", "PNG"])
def test_read_back(tmp_path, labels, suffix):
    path = tmp_path / f"a.{suffix}"
    raster.write_label_map(path, labels, LEGEND)
    read, legend = raster.read_label_map(path)
    assert_array_equal(read, labels)
    assert legend == AS_WRITTEN
    assert_array_equal(legend.labels(read), labels)


def test_png_is_an_ordinary_palette_image(tmp_path, labels):
    raster.write_label_map(tmp_path / "a.png", labels, LEGEND)
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]
    with Image.open(tmp_path / "a.png") as image:
        assert image.mode == "P"
        assert_array_equal(np.asarray(image), labels)
        assert_array_equal(np.asarray(image.convert("RGB")), LEGEND.palette()[labels])
    rgb, _ = raster.open(tmp_path / "a.png").read()
    assert_array_equal(np.moveaxis(rgb, 0, 2), LEGEND.palette()[labels])


def test_geotiff_as_gdal_and_qgis_see_it(tmp_path, labels, scene):
    with raster.open(scene) as like:
        raster.write_label_map(tmp_path / "a.tif", labels, LEGEND, like=like)
    with rasterio.open(tmp_path / "a.tif") as file:
        assert file.crs.to_epsg() == 32630
        assert file.transform == PLACE["transform"]
        assert file.nodata == IGNORE
        assert file.block_shapes == [(512, 512)]
        assert file.compression.name == "deflate"
        assert_array_equal(file.read(1), labels)
        assert [file.colormap(1)[i][:3] for i in range(3)] == list(LEGEND.colors)
    with raster.open(tmp_path / "a.tif") as image:
        assert_array_equal(image.read()[1], labels != IGNORE)
    root = ElementTree.parse(tmp_path / "a.tif.aux.xml").getroot()
    assert [c.text for c in root.iter("Category")] == list(LEGEND.class_names)
    rows = [[f.text for f in row] for row in root.iter("Row")]
    assert rows[1] == ["1", "water & ice", "0", "0", "255", "255"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.tif", "a.tif.aux.xml", "scene.tif"]


def test_gdal_reads_the_class_names(tmp_path, labels):
    """GDAL itself, copying the file to a VRT, must find the categories beside it."""
    raster.write_label_map(tmp_path / "a.tif", labels, LEGEND)
    rasterio.shutil.copy(tmp_path / "a.tif", tmp_path / "b.vrt", driver="VRT")
    assert [c.text for c in ElementTree.parse(tmp_path / "b.vrt").iter("Category")] == list(LEGEND.class_names)


@pytest.mark.parametrize("suffix", ["png", "tif"])
@pytest.mark.parametrize("tile_size", [16, 50, 600])
def test_windows_in_any_order(tmp_path, labels, suffix, tile_size, rng):
    path = tmp_path / f"a.{suffix}"
    cores = [core for core, _ in tiles(*labels.shape, tile_size)]
    with LabelMapWriter(path, *labels.shape, LEGEND) as writer:
        for i in rng.permutation(len(cores)):
            row, column, height, width = cores[i]
            writer.write(cores[i], labels[row : row + height, column : column + width])
        assert not path.exists()
    assert_array_equal(raster.read_label_map(path)[0], labels)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_what_is_not_written_is_not_labelled(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    with LabelMapWriter(path, 600, 700, LEGEND) as writer:
        writer.write(Window(2, 3, 1, 2), np.array([[0, 1]], np.uint8))
    labels, _ = raster.read_label_map(path)
    assert_array_equal(labels[2, 3:5], [0, 1])
    assert (labels == IGNORE).sum() == labels.size - 2


def test_files_of_others_carry_no_legend(tmp_path, labels):
    Image.fromarray(labels).save(tmp_path / "a.png")
    read, legend = raster.read_label_map(tmp_path / "a.png")
    assert_array_equal(read, labels)
    assert legend is None


def test_damaged_legend(tmp_path, labels):
    raster.write_label_map(tmp_path / "a.tif", labels, LEGEND)
    with rasterio.open(tmp_path / "a.tif", "r+", IGNORE_COG_LAYOUT_BREAK="YES") as file:
        file.update_tags(DENSA_LEGEND='{"classes": 3}')
    with pytest.raises(InputError, match=r"the legend in .*a\.tif cannot be read"):
        raster.read_label_map(tmp_path / "a.tif")


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_refused_labels_leave_nothing(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    for wrong, message in (
        (np.full((4, 5), 3, np.uint8), r"0\.\.2 or 255, got 3"),
        (np.zeros((4, 5), np.int64), "uint8, got int64"),
        (np.zeros((4, 5, 1), np.uint8), r"\(H, W\)"),
        (np.zeros((0, 5), np.uint8), "at least 1, got 0 and 5"),
    ):
        with pytest.raises(InputError, match=message):
            raster.write_label_map(path, wrong, LEGEND)
        assert not list(tmp_path.iterdir())
    for window in (Window(0, 0, 4, 4), Window(1, 0, 4, 5), Window(-1, 0, 4, 5)):
        with pytest.raises(InputError), LabelMapWriter(path, 4, 5, LEGEND) as writer:
            writer.write(window, np.zeros((4, 5), np.uint8))
        assert not list(tmp_path.iterdir())


def test_other_suffix_and_size(tmp_path):
    with pytest.raises(InputError, match=r"must end in \.png or \.tif or \.tiff"):
        LabelMapWriter(tmp_path / "a.jpg", 4, 5, LEGEND)
    with pytest.raises(InputError, match="tiled TIFF"), LabelMapWriter(tmp_path / "a.png", 2**20, 2**20, LEGEND):
        pass
    assert not list(tmp_path.iterdir())


def test_writing_outside_the_with_block(tmp_path):
    writer = LabelMapWriter(tmp_path / "a.png", 4, 5, LEGEND)
    with pytest.raises(RuntimeError, match="with"):
        writer.write(Window(0, 0, 4, 5), np.zeros((4, 5), np.uint8))


def test_254_classes(tmp_path):
    legend = Legend(tuple(f"class {i}" for i in range(254)))
    labels = np.array([[*range(254), 255]], np.uint8)
    for name in ("a.png", "a.tif"):
        raster.write_label_map(tmp_path / name, labels, legend)
        read, its_legend = raster.read_label_map(tmp_path / name)
        assert_array_equal(read, labels)
        assert its_legend == legend
