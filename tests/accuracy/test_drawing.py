import numpy as np
import pytest
from numpy.testing import assert_allclose

from densa import raster
from densa.accuracy import units as module
from densa.accuracy.class_map import ClassMap
from densa.accuracy.drawing import Reservoir, _mixed, draw_systematic
from densa.accuracy.units import MapUnits, take_census
from densa.errors import InputError
from tests.accuracy.maps import scene, write_scene


def drawn(path, numbers, most=20, seed=0, by_stratum=True, block=1):
    with ClassMap(path) as class_map:
        reservoir = Reservoir(MapUnits(class_map, block=block), most, seed, by_stratum=by_stratum)
        reservoir.fill()
        return reservoir.draw(numbers)


@pytest.mark.parametrize("block", [1, 4])
def test_the_sample_does_not_depend_on_windows(tmp_path, monkeypatch, block):
    write_scene(tmp_path)
    found = []
    for rows, columns in ((512, 8192), (20, 36), (128, 8)):
        monkeypatch.setattr(module, "_ROWS", rows)
        monkeypatch.setattr(module, "_COLUMNS", columns)
        sample = drawn(tmp_path / "map.tif", {0: 5, 1: 20, 2: 10}, block=block)
        found.append([part.tolist() for part in (sample.rows, sample.columns, sample.classes, sample.strata)])
    assert found[1] == found[0]
    assert found[2] == found[0]


def test_it_is_the_smallest_hashes_by_brute_force(tmp_path):
    labels, _ = write_scene(tmp_path)
    key = np.uint64(np.random.SeedSequence(3).generate_state(1, np.uint64)[0])
    with np.errstate(over="ignore"):
        numbers = np.arange(labels.size, dtype=np.uint64)
        hashes = _mixed.py_func(_mixed.py_func(numbers + key) ^ key)
    sample = drawn(tmp_path / "map.tif", {0: 7, 1: 7, 2: 7}, seed=3)
    places = sample.rows * labels.shape[1] + sample.columns
    expected = np.concatenate(
        [np.flatnonzero(labels.ravel() == k)[np.argsort(hashes[labels.ravel() == k])[:7]] for k in range(3)]
    )
    assert sorted(places.tolist()) == sorted(expected.tolist())
    assert (np.diff(hashes[places].astype(np.float64)) > 0).all()  # in the order of the hashes: any beginning is random


def test_a_window_whose_hashes_are_all_large_is_read_again(tmp_path, monkeypatch):
    """The probable limit of a window holds too few units: the same sample as without it."""
    write_scene(tmp_path)
    expected = drawn(tmp_path / "map.tif", {0: 20, 1: 20, 2: 20})
    monkeypatch.setattr("densa.accuracy.drawing._SLACK", (-5.0, 0.0))
    found = drawn(tmp_path / "map.tif", {0: 20, 1: 20, 2: 20})
    assert found.rows.tolist() == expected.rows.tolist()


def test_every_pixel_is_drawn_as_often(tmp_path):
    """400 samples of a map of 8 pixels."""
    raster.write_bands(tmp_path / "map.tif", np.array([[[0, 0, 0, 0, 0], [1, 1, 1, 255, 255]]], np.uint8), nodata=255)
    counts = np.zeros((2, 5))
    with ClassMap(tmp_path / "map.tif") as class_map:
        units = MapUnits(class_map)
        for seed in range(400):
            reservoir = Reservoir(units, 2, seed)
            reservoir.fill()
            sample = reservoir.draw({0: 2, 1: 1})
            counts[sample.rows, sample.columns] += 1
    assert_allclose(counts[0] / 400, 2 / 5, atol=0.08)
    assert_allclose(counts[1, :3] / 400, 1 / 3, atol=0.08)
    assert counts[1, 3:].sum() == 0


def test_a_simple_random_sample_has_no_strata(tmp_path):
    labels, _ = write_scene(tmp_path)
    sample = drawn(tmp_path / "map.tif", 200, most=200, by_stratum=False)
    assert len(sample) == 200
    share = (labels == 1).sum() / (labels != 255).sum()
    assert abs((sample.classes == 1).mean() - share) < 0.12
    assert (labels[sample.rows, sample.columns] == sample.classes).all()


def test_a_systematic_sample_lies_on_a_grid(tmp_path):
    labels, _ = write_scene(tmp_path)
    with ClassMap(tmp_path / "map.tif") as class_map:
        units = MapUnits(class_map)
        sample, probability = draw_systematic(units, take_census(units), 100, seed=1)
    n_units = (labels != 255).sum()
    assert_allclose(probability, 100 / n_units)
    assert abs(len(sample) - 100) < 25
    rows = np.unique(sample.rows)
    assert set(np.diff(rows)) <= {int((1 / probability) ** 0.5), int((1 / probability) ** 0.5) + 1}
    assert (labels[sample.rows, sample.columns] == sample.classes).all()


def test_every_pixel_of_a_grid_is_drawn_as_often(tmp_path):
    raster.write_bands(tmp_path / "map.tif", np.zeros((1, 5, 7), np.uint8))
    counts = np.zeros((5, 7))
    with ClassMap(tmp_path / "map.tif") as class_map:
        units = MapUnits(class_map)
        census = take_census(units)
        for seed in range(500):
            try:
                sample, probability = draw_systematic(units, census, 4, seed)
            except InputError:
                continue
            counts[sample.rows, sample.columns] += 1
    assert_allclose(counts / 500, probability, atol=0.06)


def test_a_grid_that_meets_nothing_is_an_error(tmp_path):
    labels = np.full((1, 60, 60), 255, np.uint8)
    labels[0, 0, 0] = 0
    labels[0, 1, 1] = 0
    raster.write_bands(tmp_path / "map.tif", labels, nodata=255)
    with ClassMap(tmp_path / "map.tif") as class_map:
        units = MapUnits(class_map)
        census = take_census(units)
        assert len(draw_systematic(units, census, 2, seed=0)[0]) == 2  # the grid is as fine as the map
        census.class_units[0] = 3000
        with pytest.raises(InputError, match="no unit of the map lies on the grid"):
            draw_systematic(units, census, 2, seed=2)


def test_scene_has_all_classes():
    assert np.unique(scene()[0]).tolist() == [0, 1, 2, 255]
