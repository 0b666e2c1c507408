"""A job that was stopped is continued; a work folder of another job is refused with the reason."""

import os

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from densa import raster
from densa.engine import PolygonShape, PredictionFiles, Work, predict_to_file
from densa.engine.work import resumable
from densa.errors import InputError
from tests.engine.work.refusals import refused


def expected_bytes(segmenter, image, folder):
    predict_to_file(segmenter, image, PredictionFiles(folder / "expected.tif"))
    return (folder / "expected.tif").read_bytes()


def test_the_finished_tiles_are_not_computed_again(stopped, widest, tmp_path):
    tiles = sorted(p.name for p in (tmp_path / "map.tif.partial").glob("*.tile"))
    assert 5 <= len(tiles) <= 6
    assert not (tmp_path / "map.tif").exists()
    segmenter, lines = widest(), []
    assert predict_to_file(
        segmenter, stopped, PredictionFiles(tmp_path / "map.tif"), Work(resume=True), tell=lines.append
    )
    assert len(segmenter.calls) == 1 + 10 - len(tiles)
    assert lines == [f"map.tif: {len(tiles)} of 10 tiles are finished already"]
    assert not (tmp_path / "map.tif.partial").exists()
    assert (tmp_path / "map.tif").read_bytes() == expected_bytes(widest(), stopped, tmp_path)


@pytest.mark.parametrize("damage", ["cut", "empty", "flip", "of another tile", "huge"])
def test_damaged_tiles_are_computed_again(stopped, widest, tmp_path, damage):
    tiles = sorted((tmp_path / "map.tif.partial").glob("*.tile"))
    data = tiles[0].read_bytes()
    changed = {
        "cut": data[:-3],
        "empty": b"",
        "flip": data[:-1] + bytes([data[-1] ^ 1]),
        "of another tile": b"densaT1\n" + bytes(60),
        "huge": data + bytes(10_000),
    }[damage]
    tiles[0].write_bytes(changed)
    (tiles[0].parent / f"{tiles[1].name}.0a1b2c3d.tmp").write_bytes(data[:9])  # killed while it was written
    segmenter = widest()
    predict_to_file(segmenter, stopped, PredictionFiles(tmp_path / "map.tif"), Work(resume=True))
    assert len(segmenter.calls) == 1 + 10 - (len(tiles) - 1)
    assert (tmp_path / "map.tif").read_bytes() == expected_bytes(widest(), stopped, tmp_path)


def test_without_resume_a_work_folder_is_an_error_or_begun_anew(stopped, widest, tmp_path):
    with pytest.raises(InputError, match=r"holds an unfinished prediction of map\.tif; resume=True continues it"):
        predict_to_file(widest(), stopped, PredictionFiles(tmp_path / "map.tif"), Work(tile_size=8))
    segmenter = widest()
    predict_to_file(segmenter, stopped, PredictionFiles(tmp_path / "map.tif"), Work(tile_size=8, overwrite=True))
    assert len(segmenter.calls) == 11
    assert not (tmp_path / "map.tif.partial").exists()


def test_what_is_complete_already_is_kept(widest, opened, tmp_path):
    image = opened(np.random.default_rng(1).integers(0, 255, (16, 40), dtype=np.uint8))
    files, work = PredictionFiles(tmp_path / "map.tif", tmp_path / "p.tif"), Work(tile_size=8, resume=True)
    predict_to_file(widest(), image, files, work)
    before = os.stat(tmp_path / "map.tif").st_mtime_ns
    segmenter = widest()
    assert predict_to_file(segmenter, image, files, work)
    assert len(segmenter.calls) == 1
    assert os.stat(tmp_path / "map.tif").st_mtime_ns == before
    refused("exists", widest(halo=8), image, PredictionFiles(tmp_path / "map.tif"))
    (tmp_path / "p.tif").unlink()
    refused("exists", widest(), image, files)


def test_a_run_that_stopped_between_its_outputs_puts_both_in_place(stopped, widest, tmp_path, monkeypatch):
    def dies(built, final, *, overwrite):
        os.replace(built["labels"], final["labels"])
        raise KeyboardInterrupt

    monkeypatch.setattr(resumable, "_rename", dies)
    with pytest.raises(KeyboardInterrupt):
        predict_to_file(widest(), stopped, PredictionFiles(tmp_path / "map.tif"), Work(resume=True))
    assert (tmp_path / "map.tif").exists()
    monkeypatch.undo()
    predict_to_file(widest(), stopped, PredictionFiles(tmp_path / "map.tif"), Work(resume=True))
    assert (tmp_path / "map.tif").read_bytes() == expected_bytes(widest(), stopped, tmp_path)
    assert not (tmp_path / "map.tif.partial").exists()


def test_overwriting_is_remembered(widest, opened, tmp_path):
    class Stops(widest):
        def probabilities(self, block, valid=None):
            if len(self.calls) == 4:
                raise KeyboardInterrupt
            return super().probabilities(block, valid)

    image = opened(np.random.default_rng(1).integers(0, 255, (16, 40), dtype=np.uint8))
    (tmp_path / "map.tif").write_bytes(b"an old map")
    with pytest.raises(KeyboardInterrupt):
        predict_to_file(Stops(), image, PredictionFiles(tmp_path / "map.tif"), Work(tile_size=8, overwrite=True))
    assert (tmp_path / "map.tif").read_bytes() == b"an old map"
    predict_to_file(widest(), image, PredictionFiles(tmp_path / "map.tif"), Work(resume=True))
    assert raster.read_label_map(tmp_path / "map.tif")[0].shape == (16, 40)


def test_resuming_what_never_began_begins(widest, opened, tmp_path):
    image = opened(np.full((16, 40), 200, np.uint8))
    assert predict_to_file(widest(), image, PredictionFiles(tmp_path / "map.png"), Work(tile_size=8, resume=True))
    assert_array_equal(raster.read_label_map(tmp_path / "map.png")[0], np.ones((16, 40), np.uint8))


def test_the_main_file_comes_last(tmp_path):
    files = PredictionFiles(tmp_path / "map.tif", uncertainty=tmp_path / "u.tif", shape=PolygonShape(min_area=3))
    assert files.main == tmp_path / "map.tif"
    assert list(files.each().items()) == [("uncertainty", tmp_path / "u.tif"), ("labels", tmp_path / "map.tif")]
    moved = files.inside(tmp_path / "assembly")
    assert moved.each() == {name: tmp_path / "assembly" / path.name for name, path in files.each().items()}
    assert moved.shape == files.shape


def test_one_file_for_two_products_is_refused(widest, opened, tmp_path):
    image = opened(np.zeros((16, 40), np.uint8))
    with pytest.raises(InputError, match=r"map\.tif is named for two products"):
        predict_to_file(widest(), image, PredictionFiles(tmp_path / "map.tif", tmp_path / "map.tif"))


def test_a_missing_folder_is_told_before_the_model_is_tried(widest, opened, tmp_path):
    segmenter, image = widest(), opened(np.zeros((16, 40), np.uint8))
    with pytest.raises(InputError, match="there is no folder"):
        predict_to_file(segmenter, image, PredictionFiles(tmp_path / "maps" / "map.tif"))
    assert segmenter.calls == []
