"""Maps assessed by files of points, end to end."""

import csv
import json

import numpy as np
import pytest
from numpy.testing import assert_allclose

from densa import accuracy, raster
from densa.errors import InputError
from densa.legend import Legend
from tests.accuracy.maps import LEGEND, place, scene, write_scene

plan = accuracy.SamplePlan


def drawn(folder, name="points.csv", like=None, **values):
    """A sample of the scene whose references are filled in from the truth."""
    labels, truth = write_scene(folder, like)
    found = accuracy.draw_sample(folder / "map.tif", plan(**values))
    found.write(folder / name, overwrite=True)
    filled(folder / name, lambda row: LEGEND.class_names[truth[int(row["row"]), int(row["column"])]])
    return labels, truth, found


def filled(path, reference, field="ref"):
    """Change the cells of a field, in a CSV file."""
    with path.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row[field] = reference(row)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def assessed(folder, points="points.csv", **arguments):
    return accuracy.assess_map(folder / "map.tif", folder / points, **arguments)


def test_a_stratified_sample_gives_the_estimates_of_olofsson(tmp_path):
    labels, truth, sample = drawn(tmp_path, like=place(), per_class=60)
    found = assessed(tmp_path)
    rows, columns = sample.places.T
    sizes = np.array([(labels == k).sum() for k in range(3)])
    counts = np.zeros((3, 3))
    np.add.at(counts, (labels[rows, columns], truth[rows, columns]), 1)
    assert_allclose(found.accuracy.counts, counts)
    shares = counts / counts.sum(1, keepdims=True) * (sizes / sizes.sum())[:, None]
    assert_allclose(found.accuracy.matrix, shares, rtol=1e-4)
    assert_allclose(found.mapped_areas.sum(), sizes.sum() * 100, rtol=2e-3)
    true_share = (truth[labels != 255] == 1).mean()
    assert found.accuracy.areas[1].low < true_share < found.accuracy.areas[1].high
    assert found.remarks == ()


def test_a_raster_in_place_of_a_column(tmp_path):
    drawn(tmp_path, like=place(), per_class=60)
    by_field, by_raster = assessed(tmp_path), assessed(tmp_path, reference=tmp_path / "truth.tif")
    assert_allclose(by_raster.accuracy.matrix, by_field.accuracy.matrix)
    assert by_raster.reference == "truth.tif"


def test_a_reference_raster_on_another_grid(tmp_path):
    """Pixels of 5 m in place of 10 m, and a strip without a label."""
    _, truth, sample = drawn(tmp_path, like=place(), per_class=60)
    fine = truth.repeat(2, axis=0).repeat(2, axis=1)
    fine[:, 250:] = 255
    raster.write_label_map(tmp_path / "fine.tif", fine, LEGEND, like=place(size=5.0))
    found = assessed(tmp_path, reference=tmp_path / "fine.tif")
    assert found.n_empty == (sample.places[:, 1] >= 125).sum() > 0
    assert "have no reference class and are left out" in found.remarks[0]


@pytest.mark.parametrize("suffix", ["gpkg", "geojson"])
def test_other_formats_give_the_same(tmp_path, suffix):
    if suffix == "gpkg":
        pytest.importorskip("pyogrio")
    _, _, sample = drawn(tmp_path, like=place(), per_class=30)
    sample.write(tmp_path / f"points.{suffix}")
    expected = assessed(tmp_path)
    found = assessed(tmp_path, f"points.{suffix}", reference=tmp_path / "truth.tif")
    assert_allclose(found.accuracy.matrix, expected.accuracy.matrix)


@pytest.mark.parametrize("design", ["random", "systematic"])
def test_other_designs_are_post_stratified(tmp_path, design):
    labels, truth, _ = drawn(tmp_path, total=900, design=design)
    found = assessed(tmp_path)
    assert found.estimator == f"{design}, post-stratified by the classes of the map (Olofsson et al. 2014)"
    assert [one.name for one in found.accuracy.strata] == list(LEGEND.class_names)
    inside = labels != 255
    right = (labels == truth)[inside].mean()
    assert abs(found.accuracy.overall.value - right) < 3 * found.accuracy.overall.standard_error


def test_a_class_with_too_few_points_is_no_post_stratum(tmp_path):
    _, _, sample = drawn(tmp_path, total=12, design="random", seed=2)
    assert list(sample.classes).count("road") < 2
    found = assessed(tmp_path)
    assert [one.name for one in found.accuracy.strata] == ["all"]
    assert "fewer than two points on road" in found.remarks[0]


def test_strata_that_are_not_the_classes(tmp_path):
    labels, truth = write_scene(tmp_path)
    strata = np.repeat([[0, 1]], 120, axis=0).repeat(75, axis=1).astype(np.uint8)
    raster.write_bands(tmp_path / "strata.tif", strata[None])
    sample = accuracy.draw_sample(tmp_path / "map.tif", plan(per_class=80), strata=tmp_path / "strata.tif")
    sample.write(tmp_path / "points.csv")
    found = assessed(tmp_path, reference=tmp_path / "truth.tif")
    rows, columns = sample.places.T
    expected = accuracy.estimate_accuracy(
        strata[rows, columns],
        labels[rows, columns],
        truth[rows, columns],
        [accuracy.Stratum(str(h), n, n) for h, n in enumerate((65 * 120, 75 * 120))],
        class_names=LEGEND.class_names,
    )
    assert_allclose(found.accuracy.matrix, expected.matrix)
    assert_allclose(found.accuracy.users[0].standard_error, expected.users[0].standard_error)


def test_another_map_than_that_which_was_sampled(tmp_path):
    """The points of one map serve another (Stehman 2014): strata stay those of the sample."""
    labels, truth, _ = drawn(tmp_path, per_class=60)
    better = np.where(np.random.default_rng(0).random(labels.shape) < 0.5, truth, labels)
    better[labels == 255] = 255
    raster.write_label_map(tmp_path / "better.tif", better, LEGEND)
    first = assessed(tmp_path)
    second = accuracy.assess_map(tmp_path / "better.tif", tmp_path / "points.csv")
    assert second.accuracy.overall.value > first.accuracy.overall.value
    assert_allclose(
        [one.value for one in second.accuracy.areas], [one.value for one in first.accuracy.areas]
    )  # of the truth: the map has no part in them


def test_blocks_with_a_reference_raster_are_clusters_of_pixels(tmp_path):
    labels, truth = write_scene(tmp_path)
    sample = accuracy.draw_sample(tmp_path / "map.tif", plan(total=150, block=5, design="random"))
    sample.write(tmp_path / "points.csv")
    found = assessed(tmp_path, reference=tmp_path / "truth.tif")
    assert found.design.block == 5
    right = (labels == truth)[labels != 255].mean()
    assert abs(found.accuracy.overall.value - right) < 4 * found.accuracy.overall.standard_error
    assert found.accuracy.overall.standard_error < 0.02  # pixels of a block are wrong independently here


def test_blocks_with_one_reference_class(tmp_path):
    write_scene(tmp_path)
    accuracy.draw_sample(tmp_path / "map.tif", plan(per_class=10, block=5)).write(tmp_path / "points.csv")
    filled(tmp_path / "points.csv", lambda row: row["map_class"])
    assert_allclose(assessed(tmp_path).accuracy.overall.value, 1)


def test_maps_in_degrees_weight_pixels_by_their_area(tmp_path):
    """A map of two classes in rows from the equator to 80 degrees: the share of the area is not that of the pixels."""
    labels = np.zeros((160, 100), np.uint8)
    labels[80:] = 1
    like = place(4326, size=0.5, x=0, y=80)
    raster.write_label_map(tmp_path / "map.tif", labels, Legend(("north", "south")), like=like)
    truth = np.where(np.arange(160)[:, None] < 120, 0, 1).astype(np.uint8).repeat(100, axis=1)
    raster.write_label_map(tmp_path / "truth.tif", truth, Legend(("north", "south")), like=like)
    accuracy.draw_sample(tmp_path / "map.tif", plan(per_class=200)).write(tmp_path / "points.csv")
    found = assessed(tmp_path, reference=tmp_path / "truth.tif")
    true_share = np.sin(np.radians(20)) / np.sin(np.radians(80))  # of the zone up to 20 degrees
    assert abs(found.accuracy.areas[1].value - true_share) < 3 * found.accuracy.areas[1].standard_error
    assert abs(found.accuracy.areas[1].value - 0.25) > 0.05  # the share of the pixels
    assert found.design.unit == "m2"


def test_values_without_a_legend(tmp_path):
    labels = np.zeros((1, 20, 20), np.uint8)
    labels[0, 10:] = 7
    raster.write_bands(tmp_path / "map.tif", labels)
    accuracy.draw_sample(tmp_path / "map.tif", plan(per_class=5)).write(tmp_path / "points.csv")
    filled(tmp_path / "points.csv", lambda row: "7.0" if row["map_class"] == "7" else 0)
    assert assessed(tmp_path).accuracy.class_names == ("0", "7")
    filled(tmp_path / "points.csv", lambda row: 3)
    with pytest.raises(InputError, match=r"not in the legend: 3 .*classes that the map does not show need legend=FILE"):
        assessed(tmp_path)


def test_points_of_others_are_taken_as_drawn_in_the_classes(tmp_path):
    labels, truth = write_scene(tmp_path, place())
    rng = np.random.default_rng(0)
    rows, columns = rng.integers(0, 120, 200), rng.integers(10, 150, 200)
    places = sorted(set(zip(rows.tolist(), columns.tolist(), strict=True)))
    lines = ["lage;x;y;klasse"]  # as a German Excel writes it
    for k, (row, column) in enumerate(places):
        x, y = 500_005 + 10 * column, 5_199_995 - 10 * row
        lines.append(f"{k};{x},0;{y},0;{LEGEND.class_names[truth[row, column]].upper()}")
    (tmp_path / "points.csv").write_text("\n".join(lines), encoding="utf-8")
    found = assessed(tmp_path, class_field="klasse")
    assert "does not say how its points were drawn" in found.remarks[0]
    assert [one.units for one in found.accuracy.strata] == [int((labels == k).sum()) for k in range(3)]


def test_longitudes_and_latitudes_in_a_table(tmp_path):
    from rasterio.warp import transform

    _, truth = write_scene(tmp_path, place())
    rng = np.random.default_rng(0)
    places = sorted(set(zip(rng.integers(0, 120, 90).tolist(), rng.integers(10, 150, 90).tolist(), strict=True)))
    rows, columns = np.array(places).T
    lon, lat = transform("EPSG:32632", "EPSG:4326", 500_005 + 10 * columns, 5_199_995 - 10 * rows)
    lines = ["lon,lat,ref", *(f"{x},{y},{truth[at]}" for x, y, at in zip(lon, lat, places, strict=True))]
    (tmp_path / "points.csv").write_text("\n".join(lines), encoding="utf-8")
    found = assessed(tmp_path)
    counts = np.zeros((3, 3))
    np.add.at(counts, (scene()[0][rows, columns], truth[rows, columns]), 1)
    assert_allclose(found.accuracy.counts, counts)


def test_a_picture_as_a_map(tmp_path):
    labels, truth = scene()
    for name, values in (("map.png", labels), ("truth.png", truth)):
        raster.write_label_map(tmp_path / name, values, LEGEND)
    accuracy.draw_sample(tmp_path / "map.png", plan(per_class=20)).write(tmp_path / "points.geojson")
    found = accuracy.assess_map(tmp_path / "map.png", tmp_path / "points.geojson", reference=tmp_path / "truth.png")
    assert found.accuracy.points.tolist() == [20, 20, 20]
    assert found.design.unit == "px"


def test_a_breakdown_by_a_field(tmp_path):
    labels, _, _ = drawn(tmp_path, per_class=60)
    filled(tmp_path / "points.csv", lambda row: "west" if int(row["column"]) < 75 else "east", field="side")
    found = assessed(tmp_path, by="side")
    assert [one.value for one in found.domains] == ["east", "west"]
    assert sum(one.points for one in found.domains) == 180
    assert_allclose(sum(one.share.value for one in found.domains), 1)
    west = labels[:, :75] != 255
    assert abs(found.domains[1].share.value - west.sum() / (labels != 255).sum()) < 0.1
    assert found.to_json()["groups"][0]["value"] == "east"


def test_empty_references_are_counted_and_left_out(tmp_path):
    drawn(tmp_path, per_class=60)
    filled(tmp_path / "points.csv", lambda row: row["ref"] if int(row["id"]) % 3 else "  ")
    found = assessed(tmp_path)
    assert (found.n_points, found.n_empty) == (180, 60)
    assert found.accuracy.points.sum() == 120
    assert found.remarks[0].startswith("60 of 180 points have no reference class and are left out")
    filled(tmp_path / "points.csv", lambda row: "")
    with pytest.raises(InputError, match="none of the 180 points has a reference class"):
        assessed(tmp_path)


def test_a_stratum_whose_references_are_all_empty_is_an_error(tmp_path):
    drawn(tmp_path, per_class=5)
    filled(tmp_path / "points.csv", lambda row: "" if row["stratum"] == "road" else row["ref"])
    with pytest.raises(InputError, match="strata without points: road"):
        assessed(tmp_path)
    filled(tmp_path / "points.csv", lambda row: "road" if row["id"] == road_of(tmp_path) else row["ref"])
    found = assessed(tmp_path)
    assert any("one point have no variance" in line for line in found.remarks)
    assert found.to_json()["overall_accuracy"]["standard_error"] is None


def road_of(folder):
    with (folder / "points.csv").open(encoding="utf-8") as file:
        return next(row["id"] for row in csv.DictReader(file) if row["stratum"] == "road")


def changed(folder, **cells):
    """The first point with other cells."""
    filled(folder / "points.csv", lambda row: row["ref"])
    for field, value in cells.items():
        filled(folder / "points.csv", lambda row, f=field, v=value: v if row["id"] == "1" else row[f], field=field)


def test_bad_points_are_listed(tmp_path):
    drawn(tmp_path, per_class=5)
    changed(tmp_path, x="-3", y="7")
    with pytest.raises(InputError, match=r"1 of 15 points of .* are outside of .*: 1; remove them"):
        assessed(tmp_path)
    changed(tmp_path, x="0.5", y="0.5")
    with pytest.raises(InputError, match=r"1 of 15 points of .* are where .* has no class: 1; remove them"):
        assessed(tmp_path)
    changed(tmp_path, x="", y="7")
    with pytest.raises(InputError, match=r"line 2 of .* must have a number in the column x"):
        assessed(tmp_path)


def test_points_twice_on_one_pixel_are_listed(tmp_path):
    drawn(tmp_path, per_class=5)
    with (tmp_path / "points.csv").open(encoding="utf-8") as file:
        second = list(csv.DictReader(file))[1]
    changed(tmp_path, x=second["x"], y=second["y"])
    with pytest.raises(InputError, match="points twice on one pixel: 1 and 2; keep one of each"):
        assessed(tmp_path)


def test_unknown_classes_and_fields_are_listed(tmp_path):
    drawn(tmp_path, per_class=5)
    with pytest.raises(InputError, match="has no field 'klass'; its fields: id, x, y, stratum, map_class, ref"):
        assessed(tmp_path, class_field="klass")
    with pytest.raises(InputError, match="has no field 'slope'"):
        assessed(tmp_path, by="slope")
    changed(tmp_path, ref="swamp")
    with pytest.raises(InputError, match=r"not in the legend: swamp \(points 1\); the classes: field, forest, road"):
        assessed(tmp_path)


def test_a_lost_design_is_an_error(tmp_path):
    drawn(tmp_path, per_class=5)
    changed(tmp_path, design="")
    with pytest.raises(InputError, match="has lost the design of its sample"):
        assessed(tmp_path)
    changed(tmp_path, design='{"densa_sample":1}')
    with pytest.raises(InputError, match="cannot be read"):
        assessed(tmp_path)


def test_a_reference_system_on_one_side_only(tmp_path):
    labels, _, sample = drawn(tmp_path, like=place(), per_class=5)
    raster.write_label_map(tmp_path / "plain.tif", labels, LEGEND)
    sample.write(tmp_path / "points.geojson")
    text = json.loads((tmp_path / "points.geojson").read_text(encoding="utf-8"))
    text["crs"] = {"type": "name", "properties": {"name": "urn:ogc:def:crs:OGC:1.3:CRS84"}}
    (tmp_path / "points.geojson").write_text(json.dumps(text), encoding="utf-8")
    with pytest.raises(InputError, match="has no georeference"):
        accuracy.assess_map(tmp_path / "plain.tif", tmp_path / "points.geojson", reference=tmp_path / "truth.tif")


def test_json_is_strict(tmp_path):
    drawn(tmp_path, like=place(), per_class=20)
    found = assessed(tmp_path).to_json()
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert_allclose(
        found["quantity_disagreement"] + found["allocation_disagreement"], 1 - found["overall_accuracy"]["value"]
    )
    one = found["classes"][0]
    assert_allclose(one["area_m2"], one["share"]["value"] * found["area_m2"])
    assert one["area_low_m2"] < one["area_m2"] < one["area_high_m2"]


def test_the_scene_has_errors():
    labels, truth = scene()
    assert 0.1 < (labels != truth)[labels != 255].mean() < 0.3
