"""With any workers, the files are the same to the last byte."""

import os
import signal

import numpy as np
import pytest

from densa.engine import PredictionFiles, Work, predict_to_file
from densa.engine.prediction.tile import Products
from densa.engine.prediction.tile_job import TileJob
from densa.engine.prediction.windows import Tiling
from densa.engine.work.crew import Crew
from densa.engine.work.job import run_tile
from densa.errors import InputError
from densa.raster.grid import Grid


def test_threads(predicted, expected):
    assert predicted("threads", workers=3) == expected


def test_one_tile_or_many(predicted, expected):
    """Labels are the same; a probability may be rounded to the other byte."""
    assert predicted("whole", tile_size=None)[0] == expected[0]


class DieOnce:
    """Loads the model; the first process to do so kills itself when it has, as the system does when memory is short."""

    def __init__(self, load, mark):
        self.load, self.mark = load, mark

    def __call__(self):
        segmenter = self.load()
        try:
            self.mark.touch(exist_ok=False)
        except FileExistsError:
            return segmenter
        os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))  # Windows has only the second


def test_processes_one_of_them_killed(predicted, expected, model, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([os.path.dirname(__file__), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.syspath_prepend(os.path.dirname(__file__))
    import importlib

    killer = importlib.import_module("test_crew").DieOnce(model.load, tmp_path / "died")
    assert predicted("processes", workers=2, executor="processes", load=killer) == expected
    assert (tmp_path / "died").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((0,), "workers must be at least 1, got 0"),
        ((2, "magic"), 'must be "threads" or "processes", got \'magic\''),
        ((2, "threads", "local:2"), "either `workers` or the address"),
        ((1, "threads", "somewhere"), "the address of a scheduler, as tcp://host:8786, or local:4, got 'somewhere'"),
        ((1, "threads", "local:0"), "local:N must start 1 to"),
    ],
)
def test_crews_that_are_none(arguments, said):
    with pytest.raises(InputError, match=said):
        Crew(*arguments)


def test_a_crew_that_is_none_is_refused_before_the_model_is_tried(widest, opened, tmp_path):
    segmenter, image = widest(), opened(np.zeros((16, 40), np.uint8))
    with pytest.raises(InputError, match="either `workers` or the address"):
        predict_to_file(segmenter, image, PredictionFiles(tmp_path / "map.tif"), Work(workers=2, dask="local:2"))
    assert segmenter.calls == []


def test_a_worker_loads_a_model_once(widest, opened, tmp_path):
    image = opened(np.zeros((16, 40), np.uint8))
    loads = []

    def load():
        loads.append(1)
        return widest()

    job = TileJob("key", image.path, 0, load, Tiling(Grid(16, 40, 8, 4, 4)), Products(2))
    assert run_tile(job, 0) == run_tile(job, 9)
    assert loads == [1]
