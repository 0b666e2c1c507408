"""Killed at random moments, as by a power cut, a prediction still comes out the same."""

from densa import raster

PREDICT = """
import torch
from densa import raster
from densa.engine import PredictionFiles, Work, predict_to_file
from densa.segmenter import ModelSource

torch.set_num_threads(1)
segmenter = ModelSource(pathlib.Path(sys.argv[2]), device="cpu", precision="float32").load()

def make(name, **options):
    with raster.open(folder / "scene.tif") as image:
        files = PredictionFiles(folder / f"{name}.tif", folder / f"{name}.p.tif")
        predict_to_file(segmenter, image, files, Work(tile_size=32, **options))
"""


def test_killed_three_times_the_bytes_are_those_of_an_uninterrupted_run(model, scene, tmp_path, killed):
    killed(PREDICT, model.folder)
    for suffix in (".tif", ".p.tif"):
        assert (tmp_path / f"map{suffix}").read_bytes() == (tmp_path / f"expected{suffix}").read_bytes()
    assert raster.read_label_map(tmp_path / "map.tif")[1].class_names == ("ground", "roof", "tree")
