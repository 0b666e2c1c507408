"""Polygons are written while the tiles are assembled, and know nothing of them."""

import json

import pytest

from densa.engine import PolygonShape, PredictionFiles, Work, plan_outputs, predict_to_file
from densa.errors import InputError


def test_polygons_do_not_depend_on_the_tiles(model, scene, tmp_path):
    found = []
    for tile_size in (None, 64, 128):
        path = tmp_path / f"{tile_size}.geojson"
        files = PredictionFiles(tmp_path / f"{tile_size}.tif", polygons=path, shape=PolygonShape(min_area=12))
        assert predict_to_file(model.load(), scene, files, Work(tile_size=tile_size))
        found.append(sorted(json.loads(path.read_text())["features"], key=lambda f: json.dumps(f["geometry"])))
    whole, *tiled = found
    assert sum(f["properties"]["area_px"] for f in whole) == 200 * 330
    for features in tiled:
        assert [f["geometry"] for f in features] == [f["geometry"] for f in whole]
        for one, other in zip(features, whole, strict=True):
            mean, expected = (f["properties"]["mean_probability"] for f in (one, other))
            assert mean == pytest.approx(expected, abs=1 / 255)


def test_where_polygons_go(tmp_path, scene):
    shape = PolygonShape(simplify=0.5)
    [planned] = plan_outputs([scene.path], tmp_path / "maps", polygons="gpkg", shape=shape)
    assert planned.files.shape == shape
    assert planned.files.polygons == tmp_path / "maps" / "scene.gpkg"
    [planned] = plan_outputs([scene.path], tmp_path / "map.tif", polygons=str(tmp_path / "fields.fgb"))
    assert planned.files.polygons == tmp_path / "fields.fgb"
    (tmp_path / "other.tif").write_bytes(scene.path.read_bytes())
    with pytest.raises(InputError, match="is one file, but there are 2 label maps; give polygons=gpkg instead"):
        plan_outputs([scene.path, tmp_path / "other.tif"], tmp_path / "maps", polygons="all.gpkg")
