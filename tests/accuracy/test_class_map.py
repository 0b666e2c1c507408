import numpy as np
import pytest

from densa import raster
from densa.accuracy.class_map import NONE, ClassMap
from densa.errors import InputError
from densa.legend import Legend


def codes(path, legend=None):
    with ClassMap(path, legend) as found:
        return found.read().tolist(), found


def test_a_map_of_densa_has_its_classes_and_255_is_none(tmp_path):
    raster.write_label_map(tmp_path / "map.tif", np.array([[0, 1, 255]], np.uint8), Legend(("field", "road")))
    found, class_map = codes(tmp_path / "map.tif")
    assert found == [[0, 1, NONE]]
    assert class_map.names([1]) == ["road"]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.float32])
def test_values_are_classes_where_there_is_no_legend(tmp_path, dtype):
    raster.write_bands(tmp_path / "map.tif", np.array([[[5, 0, 40]]], dtype), nodata=0)
    found, class_map = codes(tmp_path / "map.tif")
    assert found == [[5, NONE, 40]]
    assert class_map.names([40]) == ["40"]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_given_legend_names_the_values(tmp_path, dtype):
    raster.write_bands(tmp_path / "map.tif", np.array([[[10, 20, 0]]], dtype))
    legend = Legend(("field", "road"), codes=(10, 20), ignored_codes=(0,))
    assert codes(tmp_path / "map.tif", legend)[0] == [[0, 1, NONE]]
    with pytest.raises(InputError, match="values 0"):
        codes(tmp_path / "map.tif", Legend(("field", "road"), codes=(10, 20)))


def test_a_class_that_the_file_declares_as_nodata_is_one_where_the_legend_names_it(tmp_path):
    raster.write_bands(tmp_path / "map.tif", np.array([[[0, 1]]], np.uint8), nodata=0)
    assert codes(tmp_path / "map.tif")[0] == [[NONE, 1]]
    assert codes(tmp_path / "map.tif", Legend(("water", "land")))[0] == [[0, 1]]


def test_colours_need_a_legend(tmp_path):
    colors = np.array([[[255, 0], [0, 255], [0, 0]]], np.uint8).reshape(3, 1, 2)
    raster.write_bands(tmp_path / "map.tif", colors)
    with pytest.raises(InputError, match="holds colours; give the legend"):
        codes(tmp_path / "map.tif")
    legend = Legend(("red", "green"), colors=((255, 0, 0), (0, 255, 0)))
    assert codes(tmp_path / "map.tif", legend)[0] == [[0, 1]]


def test_an_image_is_no_map_of_classes(tmp_path):
    raster.write_bands(tmp_path / "four.tif", np.zeros((4, 2, 2), np.uint8))
    with pytest.raises(InputError, match="must be a map of classes with 1 band, got 4"):
        ClassMap(tmp_path / "four.tif")
    raster.write_bands(tmp_path / "heights.tif", np.array([[[-3, 7]]], np.int16))
    with pytest.raises(InputError, match="got the value -3; declare it as nodata"):
        codes(tmp_path / "heights.tif")
    raster.write_bands(tmp_path / "shares.tif", np.array([[[0.5, 1]]], np.float32))
    with pytest.raises(InputError, match="whole numbers"):
        codes(tmp_path / "shares.tif")
