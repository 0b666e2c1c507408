import numpy as np
import pytest
from numpy.testing import assert_allclose

from densa import raster
from densa.accuracy import units as module
from densa.accuracy.class_map import NONE, ClassMap
from densa.accuracy.units import MapUnits, take_census
from densa.errors import InputError
from tests.accuracy.maps import place, scene, write_scene


@pytest.mark.parametrize("block", [1, 7])
def test_windows_change_nothing(tmp_path, monkeypatch, block):
    write_scene(tmp_path, place())
    found = []
    for rows, columns in ((512, 8192), (21, 35), (64, 16)):
        monkeypatch.setattr(module, "_ROWS", rows)
        monkeypatch.setattr(module, "_COLUMNS", columns)
        with ClassMap(tmp_path / "map.tif") as class_map:
            found.append(take_census(MapUnits(class_map, block=block)))
    for other in found[1:]:
        assert (other.class_units == found[0].class_units).all()
        assert (other.class_areas == found[0].class_areas).all()
        assert other.none == found[0].none


def test_pixels_are_counted_with_their_area(tmp_path):
    labels, _ = write_scene(tmp_path, place())
    with ClassMap(tmp_path / "map.tif") as class_map:
        census = take_census(MapUnits(class_map))
    assert census.class_units[:3].tolist() == [int((labels == k).sum()) for k in range(3)]
    assert census.none == (labels == 255).sum()
    assert census.unit == "m2"
    # square metres on the ellipsoid: the central meridian of the projection has the scale 0.9996
    assert_allclose(census.class_areas[:3].sum() * census.unit_area, (labels != 255).sum() * 100 / 0.9996**2, rtol=1e-4)


def test_pixels_in_degrees_have_their_true_areas(tmp_path):
    """Against the area of zones of the authalic sphere, whose radius is 6371.0072 km."""
    labels = np.tile(np.arange(2, dtype=np.uint8), (60, 20))
    like = place(4326, size=1.0, x=0, y=60)
    raster.write_bands(tmp_path / "map.tif", labels[None], like=like)
    with ClassMap(tmp_path / "map.tif") as class_map:
        units = MapUnits(class_map)
        census = take_census(units)
        rows = units.pixel_areas(raster.Window(0, 0, 60, 1))[:, 0]
    sphere = 6_371_007.2**2 * np.radians(1) * (np.sin(np.radians(60)) - 0)
    assert_allclose(census.class_areas[0] * census.unit_area, 20 * sphere, rtol=2e-3)
    assert rows[0] < 0.55 * rows[-1]
    assert_allclose(rows.sum() * 40, census.class_areas.sum() * census.unit_area, rtol=1e-6)


def test_the_class_of_a_block_is_the_most_frequent_one(tmp_path):
    labels = np.array([[0, 0, 1, 5], [0, 1, 5, 1], [255, 255, 2, 2], [255, 255, 2, 255], [3, 3, 4, 4]], np.uint8)
    raster.write_bands(tmp_path / "map.tif", labels[None], nodata=255)
    with ClassMap(tmp_path / "map.tif") as class_map:
        units = MapUnits(class_map, block=2)
        found = units.read(raster.Window(0, 0, 5, 4))
    assert found.classes.tolist() == [[0, 1], [NONE, 2], [3, 4]]  # of equals the lowest
    assert found.unit_areas.tolist() == [[4, 4], [0, 3], [2, 2]]
    assert units.window_of(2, 1) == (4, 2, 1, 2)


def test_strata_are_read_on_the_grid_of_the_map(tmp_path):
    labels, _ = write_scene(tmp_path, place())
    coarse = np.zeros((1, 12, 15), np.uint8)
    coarse[0, :6] = 1
    coarse[0, -1] = 9
    raster.write_bands(tmp_path / "strata.tif", coarse, like=place(size=100.0), nodata=9)
    with ClassMap(tmp_path / "map.tif") as class_map, ClassMap(tmp_path / "strata.tif") as strata:
        census = take_census(MapUnits(class_map, strata=strata))
    assert census.codes(strata=True) == [0, 1]
    assert census.stratum_units[1] == (labels[:60] != 255).sum()
    assert census.class_units.sum() == (labels[:110] != 255).sum()  # without a stratum: not of the population


def test_strata_of_another_size_without_a_georeference_are_refused(tmp_path):
    write_scene(tmp_path)
    raster.write_bands(tmp_path / "strata.tif", np.zeros((1, 5, 5), np.uint8))
    with (
        ClassMap(tmp_path / "map.tif") as class_map,
        ClassMap(tmp_path / "strata.tif") as strata,
        pytest.raises(InputError, match="must have one size where one has no georeference, got 5 x 5 and 120 x 150"),
    ):
        MapUnits(class_map, strata=strata)


def test_a_map_without_a_class_and_one_with_too_many_are_refused(tmp_path):
    raster.write_bands(tmp_path / "none.tif", np.full((1, 3, 3), 7, np.uint8), nodata=7)
    with ClassMap(tmp_path / "none.tif") as class_map, pytest.raises(InputError, match="no pixel with a class"):
        take_census(MapUnits(class_map))
    raster.write_bands(tmp_path / "many.tif", np.arange(400, dtype=np.uint16).reshape(1, 20, 20))
    with ClassMap(tmp_path / "many.tif") as class_map, pytest.raises(InputError, match="400 different values"):
        take_census(MapUnits(class_map))


def test_progress_reaches_its_end(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_ROWS", 32)
    labels, _ = scene()
    write_scene(tmp_path)
    seen = []
    with ClassMap(tmp_path / "map.tif") as class_map:
        take_census(MapUnits(class_map), lambda done, total: seen.append((done, total)))
    assert seen[-1] == (labels.size, labels.size)
    assert len(seen) == 4
