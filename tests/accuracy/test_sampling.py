import csv

import numpy as np
import pytest

from densa import accuracy, raster
from densa.errors import InputError
from tests.accuracy.maps import LEGEND, place, write_scene


def plan(**values):
    return accuracy.SamplePlan(**values)


def test_points_of_each_class(tmp_path):
    labels, _ = write_scene(tmp_path, place())
    found = accuracy.draw_sample(tmp_path / "map.tif", plan(per_class=25, seed=4))
    assert found.numbers.tolist() == [25, 25, 25]
    rows, columns = found.places.T
    assert [LEGEND.class_names[k] for k in labels[rows, columns]] == list(found.classes)
    assert len(set(map(tuple, found.places.tolist()))) == 75
    sizes = [int((labels == k).sum()) for k in range(3)]
    assert found.probabilities.tolist() == [25 / n for n in sizes]
    assert [one.units for one in found.design.strata] == sizes
    assert found.without_class == (labels == 255).sum()
    assert found.classes != tuple(sorted(found.classes))  # in random order


def test_the_seed_decides(tmp_path):
    write_scene(tmp_path)
    draws = [
        accuracy.draw_sample(tmp_path / "map.tif", plan(total=30, seed=seed)).places.tolist() for seed in (0, 0, 1)
    ]
    assert draws[0] == draws[1]
    assert draws[0] != draws[2]


def test_the_size_for_a_half_width_is_drawn(tmp_path):
    labels, _ = write_scene(tmp_path)
    found = accuracy.draw_sample(tmp_path / "map.tif", plan(half_width=0.05, design="random"))
    n = (labels != 255).sum()
    assert len(found) == accuracy.sample_size(0.05, [n], stratified=False)
    assert found.expected_half_width == pytest.approx(0.05, rel=0.01)
    expected = {"field": 0.8, "forest": 0.95, "road": 0.6}
    stratified = accuracy.draw_sample(tmp_path / "map.tif", plan(half_width=0.05, expected=expected))
    assert len(stratified) < len(found)
    assert stratified.expected_half_width == pytest.approx(0.05, rel=0.03)


def test_blocks_are_units(tmp_path):
    labels, _ = write_scene(tmp_path)
    found = accuracy.draw_sample(tmp_path / "map.tif", plan(per_class=5, block=5))
    assert (found.places % 5 == 0).all()
    for (row, column), name in zip(found.places.tolist(), found.classes, strict=True):
        inside = labels[row : row + 5, column : column + 5]
        assert LEGEND.class_names[np.bincount(inside[inside != 255]).argmax()] == name
    assert sum(one.area for one in found.design.strata) == (labels != 255).sum()


def test_strata_may_be_another_raster(tmp_path):
    labels, _ = write_scene(tmp_path)
    strata = np.repeat([[3, 8]], 120, axis=0).repeat(75, axis=1).astype(np.uint8)
    raster.write_bands(tmp_path / "strata.tif", strata[None])
    found = accuracy.draw_sample(tmp_path / "map.tif", plan(per_class=10), strata=tmp_path / "strata.tif")
    assert [(one.name, one.units) for one in found.design.strata] == [("3", 65 * 120), ("8", 75 * 120)]
    assert [str(k) for k in strata[tuple(found.places.T)]] == list(found.strata)
    assert found.design.strata_of == "strata.tif"
    assert set(found.classes) <= set(LEGEND.class_names)
    assert (labels[tuple(found.places.T)] != 255).all()


def test_a_small_class_is_sampled_whole_and_this_is_said(tmp_path):
    labels = np.zeros((20, 20), np.uint8)
    labels[0, :4] = 2
    raster.write_label_map(tmp_path / "map.tif", labels, LEGEND)
    found = accuracy.draw_sample(tmp_path / "map.tif", plan(per_class=10))
    assert found.numbers.tolist() == [10, 4]
    assert "sampled as a whole, since they have no more units: road" in found.remarks
    assert found.probabilities.tolist()[1] == 1


@pytest.mark.parametrize("suffix", ["csv", "geojson", "gpkg", "fgb"])
@pytest.mark.parametrize("like", [None, place(), place(4326, 1e-3, 7.0, 47.0)])
def test_points_lie_at_the_centres_of_their_pixels(tmp_path, suffix, like):
    if suffix in ("gpkg", "fgb"):
        pytest.importorskip("pyogrio")
    from densa.accuracy.point_table import read_points

    write_scene(tmp_path, like)
    found = accuracy.draw_sample(tmp_path / "map.tif", plan(total=40))
    found.write(tmp_path / f"points.{suffix}")
    with raster.open(tmp_path / "map.tif") as opened:
        table = read_points(tmp_path / f"points.{suffix}", opened)
    order = np.argsort([int(float(k)) for k in table.attributes["id"]])
    assert np.abs(table.rows[order] - found.places[:, 0] - 0.5).max() < 0.01
    assert np.abs(table.columns[order] - found.places[:, 1] - 0.5).max() < 0.01
    assert table.design == found.design
    assert all(value in (None, "") or value != value for value in table.attributes["ref"])
    with pytest.raises(InputError, match="exists"):
        found.write(tmp_path / f"points.{suffix}")


def test_the_columns_of_a_file(tmp_path):
    write_scene(tmp_path, place())
    accuracy.draw_sample(tmp_path / "map.tif", plan(total=6)).write(tmp_path / "points.csv")
    rows = list(csv.reader((tmp_path / "points.csv").read_text(encoding="utf-8").splitlines()))
    assert rows[0] == [
        "id", "x", "y", "stratum", "map_class", "ref", "inclusion_probability", "row", "column", "design",
    ]  # fmt: skip
    assert [row[0] for row in rows[1:]] == list("123456")
    assert [bool(row[-1]) for row in rows[1:]] == [True] + [False] * 5


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "give one of total=500, per_class=50 and half_width=0.02, got none"),
        ({"total": 5, "per_class": 5}, "got total and per_class"),
        ({"total": 1}, "total must be a whole number from 2"),
        ({"half_width": 2.0}, "half_width must be a share between 0 and 1"),
        ({"per_class": 5, "design": "random"}, "per_class needs design=stratified"),
        ({"per_class": 5, "allocation": "equal"}, "allocation has no effect with per_class"),
        ({"total": 5, "design": "random", "allocation": "equal"}, "allocation has no effect with design=random"),
        ({"total": 5, "design": "best"}, "design must be one of stratified, random, systematic"),
    ],
)
def test_plans_that_mean_nothing(values, message):
    with pytest.raises(InputError, match=message):
        plan(**values)


def test_maps_that_do_not_fit_the_plan(tmp_path):
    write_scene(tmp_path)
    path = tmp_path / "map.tif"
    with pytest.raises(InputError, match="total must be at most 16800"):
        accuracy.draw_sample(path, plan(total=10**6, design="random"))
    with pytest.raises(InputError, match="total must be at least 6, 2 in each of the 3 strata"):
        accuracy.draw_sample(path, plan(total=4))
    with pytest.raises(InputError, match="expected must name every stratum, field, forest, road; see 'wood'"):
        accuracy.draw_sample(path, plan(total=50, allocation="neyman", expected={"wood": 0.5}))
    with pytest.raises(InputError, match="block must be from 1 to 4096 pixels and not larger than the map"):
        accuracy.draw_sample(path, plan(total=50, block=200))
    with pytest.raises(InputError, match="strata has no effect with design=random"):
        accuracy.draw_sample(path, plan(total=50, design="random"), strata=path)
