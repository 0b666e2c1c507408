"""Predictions: one that was interrupted, and ones by any workers."""

import numpy as np
import pytest

from densa.engine import PredictionFiles, Work, predict_to_file
from densa.options import options_of

SUFFIXES = (".tif", ".probabilities.tif", ".uncertainty.tif")


@pytest.fixture
def stopped(widest, opened, tmp_path):
    """A prediction of 10 tiles that was interrupted in the seventh."""

    class Stops(widest):
        def probabilities(self, block, valid=None):
            if len(self.calls) == 7:  # one call tells the model from others
                raise KeyboardInterrupt
            return super().probabilities(block, valid)

    image = opened(np.random.default_rng(1).integers(0, 255, (16, 40), dtype=np.uint8))
    with pytest.raises(KeyboardInterrupt):
        predict_to_file(Stops(), image, PredictionFiles(tmp_path / "map.tif"), Work(tile_size=8))
    return image


@pytest.fixture
def predicted(model, scene, tmp_path):
    """Predict the scene by tiles of 64; gives the bytes of all its files."""
    segmenter = model.load()

    def run(name, **options):
        paths = [tmp_path / f"{name}{suffix}" for suffix in SUFFIXES]
        work = {"tile_size": 64} | {key: options.pop(key) for key in options_of(Work) if key in options}
        options = {"load": model.load, "fingerprint": model.fingerprint(), **options}
        if predict_to_file(segmenter, scene, PredictionFiles(*paths), Work(**work), **options):
            assert not list(tmp_path.glob("*.partial"))
            return [path.read_bytes() for path in paths]
        return None

    return run


@pytest.fixture
def expected(predicted):
    return predicted("expected")
