"""A work folder of another job, or of other things, is refused with the reason."""

import json

import numpy as np
import pytest

from densa import raster
from densa.engine import PredictionFiles, Work, predict_to_file
from densa.engine.work.journal import WorkFolder
from densa.errors import InputError
from tests.engine.work.refusals import refused


def test_a_journal_of_another_image_model_or_setting_is_refused(stopped, widest, opened, tmp_path):
    output = PredictionFiles(tmp_path / "map.tif")
    more = PredictionFiles(tmp_path / "map.tif", tmp_path / "p.tif")
    refused("another settings: probabilities is now true", widest(), stopped, more)
    refused("another settings: blend is now", widest(), stopped, output, blend="hann")
    refused("another tiles: size is now 16, it was 8", widest(), stopped, output, tile_size=16)
    refused("another model: halo is now 8, it was 4", widest(halo=8), stopped, output)
    refused("another model: fingerprint is now", widest(), stopped, output, fingerprint="of a file")

    class Trained(widest):
        def probabilities(self, block, valid=None):
            return super().probabilities(block, valid)[::-1]

    refused("another model: fingerprint is now", Trained(), stopped, output)
    other = opened(np.zeros((16, 40), np.uint8), "other.tif")
    refused('another image: name is now "other.tif"', widest(), other, output)
    raster.write_bands(tmp_path / "image.tif", np.zeros((1, 16, 40), np.uint8), overwrite=True)
    with raster.open(tmp_path / "image.tif") as changed:
        refused("another image: (bytes|modified_ns|content) is now", widest(), changed, output)
    assert (tmp_path / "map.tif.partial").exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", "it is no JSON"),
        (b"[1]", "is no journal of densa"),
        (b'{"format": "other"}', "is no journal of densa"),
        (b'{"format": "densa-prediction", "tiles": {"size": 1e99}}', "names no tile size"),
        (b'{"format": "densa-prediction", "tiles": 3}', "names no tile size"),
        (b"[" * 100_000, "it is no JSON"),
        (b" " * 2**21, "too large"),
    ],
)
def test_journals_that_are_none(stopped, widest, tmp_path, content, said):
    (tmp_path / "map.tif.partial" / "journal.json").write_bytes(content)
    refused(said, widest(), stopped, PredictionFiles(tmp_path / "map.tif"))


def test_a_folder_of_other_things_is_left_alone(widest, opened, tmp_path):
    image = opened(np.zeros((16, 40), np.uint8))
    (tmp_path / "map.tif.partial").mkdir()
    (tmp_path / "map.tif.partial" / "thesis.doc").write_text("all of it")
    with pytest.raises(InputError, match=r"holds thesis\.doc, which is not of densa"):
        predict_to_file(widest(), image, PredictionFiles(tmp_path / "map.tif"), Work(tile_size=8, overwrite=True))
    assert (tmp_path / "map.tif.partial" / "thesis.doc").read_text() == "all of it"


def test_two_runs_do_not_share_a_folder(stopped, widest, tmp_path):
    with WorkFolder(tmp_path / "map.tif").lock() as mine:
        assert mine
        refused("another process is working in", widest(), stopped, PredictionFiles(tmp_path / "map.tif"))
        with pytest.raises(InputError, match="another process is working in"):
            predict_to_file(widest(), stopped, PredictionFiles(tmp_path / "map.tif"), Work(tile_size=8, overwrite=True))


def test_the_journal_is_plain_json(stopped, tmp_path):
    content = json.loads((tmp_path / "map.tif.partial" / "journal.json").read_text())
    assert content["tiles"] == {"size": 8, "halo": 4, "stride": 4}
    assert content["image"]["height"] == 16


def test_a_journal_of_a_version_that_computes_otherwise_is_refused(tmp_path):
    folder = WorkFolder(tmp_path / "map.tif")
    folder.begin({"tiles": {"size": 8, "halo": 4}})
    with pytest.raises(InputError, match=r"map\.tif\.partial was begun by another version of densa, which computes"):
        folder.check({"tiles": {"size": 8, "halo": 4, "window": 64}})
