"""A dry run: tiles, time, disk and memory before anything is written."""

import numpy as np
import pytest

from densa.engine import PredictionFiles, Work, estimate_prediction, predict_to_file


def test_what_is_counted(widest, opened, tmp_path):
    image = np.full((64, 96), 9, np.uint8)
    image[:, 32:] = 0
    found = estimate_prediction(
        widest(), opened(image, nodata=0), PredictionFiles(tmp_path / "map.tif"), Work(tile_size=16)
    )
    assert (found.tiles, found.tile_size, found.halo) == (4 * 6, 16, 4)
    # Blocks: 20, 24, 24 and 20 rows; 20, 24, 24, 24, 24 and 20 columns.
    assert found.overhead == pytest.approx(88 * 136 / (64 * 96) - 1)
    assert found.empty == pytest.approx(16 / 24)
    assert found.seconds > 0
    assert found.sentence().startswith(
        "24 tiles of 16 px with a halo of 4 px (95% computed twice, 67% of the tiles empty)"
    )
    assert not list(tmp_path.glob("map.tif*"))


def test_empty_tiles_cost_no_time(widest, opened, tmp_path):
    source = opened(np.zeros((64, 96), np.uint8), nodata=0)
    segmenter = widest()
    found = estimate_prediction(segmenter, source, PredictionFiles(tmp_path / "map.tif"), Work(tile_size=16))
    assert found.empty == 1
    assert segmenter.calls == []


def test_time_follows_from_the_tiles(widest, opened, tmp_path, monkeypatch):
    """With a clock of one second per computed tile."""
    from densa.engine.prediction import estimate as estimate

    segmenter = widest(halo=0)
    monkeypatch.setattr(estimate.time, "perf_counter", lambda: float(len(segmenter.calls)))
    image = opened(np.ones((80, 160), np.uint8))
    found = estimate_prediction(segmenter, image, PredictionFiles(tmp_path / "map.tif"), Work(tile_size=16))
    assert found.seconds == pytest.approx(50, rel=0.01)
    assert len(segmenter.calls) == 4  # one to get ready, three timed
    two = estimate_prediction(segmenter, image, PredictionFiles(tmp_path / "map.tif"), Work(tile_size=16, workers=2))
    assert two.seconds <= found.seconds


def test_polygons_are_counted(widest, opened, tmp_path):
    rng = np.random.default_rng(0)
    image = opened(np.kron(rng.integers(0, 2, (20, 30)) * 255, np.ones((16, 16), int)).astype(np.uint8))
    work, file = Work(tile_size=160), tmp_path / "map.geojson"
    bare = estimate_prediction(widest(), image, PredictionFiles(tmp_path / "map.tif"), work)
    files = PredictionFiles(tmp_path / "map.tif", polygons=file)
    found = estimate_prediction(widest(), image, files, work)
    predict_to_file(widest(), image, files, work)
    size = file.stat().st_size
    # Polygons are cut at the borders of the tiles that are tried, and the probability is one more plane.
    assert 0.75 * size < found.disk_bytes - bare.disk_bytes < 1.25 * size
