"""A calibration in `model.json`: of networks, forests and ensembles; checked when it is loaded."""

import json

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from densa import networks
from densa.crf import DenseCrf
from densa.errors import InputError
from densa.legend import Legend
from densa.methods import ensemble
from densa.segmenter import (
    Architecture,
    BandContract,
    Calibrated,
    ModelSource,
    MonteCarlo,
    Refined,
    Scaling,
    load_segmenter,
    read_calibration,
    save_forest,
    save_model,
    store_calibration,
    store_crf,
    stored_crf,
)
from densa.shallow import PixelFeatures, ShallowModel, fit_trees

SOFTER = Scaling("temperature", (2.5,))


@pytest.fixture
def folder(trained, tmp_path):
    """A copy of the model."""
    import shutil

    return shutil.copytree(trained, tmp_path / "model")


@pytest.fixture
def forest(tmp_path):
    values = np.arange(256, dtype=np.float32)[:, None]
    trees = fit_trees(values, values[:, 0] >= 100, 2, n_trees=3)
    model = ShallowModel(PixelFeatures(("bands",)), trees, np.ones(2), n_bands=1)
    save_forest(tmp_path / "forest", model, "pixel-forest", Legend(("ground", "square")), BandContract(1))
    return tmp_path / "forest"


def test_it_is_stored_applied_and_removed(folder, rng):
    before = (folder / "model.json").read_text()
    block = rng.integers(0, 256, (1, 64, 64)).astype(np.uint8)
    plain = load_segmenter(folder).probabilities(block)
    store_calibration(folder, SOFTER, {"fitted_on": "val"})
    assert read_calibration(folder).scaling == SOFTER
    assert read_calibration(folder).record == {"fitted_on": "val"}
    loaded = load_segmenter(folder)  # the test block of the weights still fits
    assert isinstance(loaded, Calibrated)
    assert_array_equal(loaded.probabilities(block), SOFTER(plain))
    assert_array_equal(ModelSource(folder, flips=("rows",)).load().scaling.temperatures, (2.5,))
    store_calibration(folder, None)
    assert json.loads((folder / "model.json").read_text()) == json.loads(before)
    assert not isinstance(load_segmenter(folder), Calibrated)


def test_a_forest_and_an_ensemble_have_one_too(folder, forest, tmp_path, rng):
    block = rng.integers(0, 256, (1, 64, 64)).astype(np.uint8)
    plain = load_segmenter(forest).probabilities(block)
    store_calibration(forest, Scaling("vector", (1, 2), (0.5, 0)))
    assert_array_equal(load_segmenter(forest).probabilities(block), Scaling("vector", (1, 2), (0.5, 0))(plain))
    store_calibration(folder, SOFTER)
    ensemble([folder, folder], tmp_path / "both")
    members = load_segmenter(tmp_path / "both").members
    assert [member.scaling for member in members] == [SOFTER, SOFTER]  # copied with the models
    store_calibration(tmp_path / "both", Scaling("temperature", (0.5,)))
    assert load_segmenter(tmp_path / "both").scaling.temperatures == (0.5,)


def test_samples_and_a_crf_are_scaled_last(tmp_path):
    network = networks.build("bayesian-segnet", 1, 2, width=1)
    save_model(tmp_path, network, Architecture("bayesian-segnet", {"width": 1}), Legend(("a", "b")), BandContract(1))
    store_calibration(tmp_path, SOFTER)
    found = ModelSource(tmp_path, samples=2, crf=DenseCrf()).load()
    assert isinstance(found, Calibrated)
    assert isinstance(found.segmenter, Refined)
    assert isinstance(found.segmenter.segmenter, MonteCarlo)


def test_a_crf_is_kept_beside_it(folder):
    store_crf(folder, DenseCrf(smooth_weight=2))
    store_calibration(folder, SOFTER)
    store_crf(folder, DenseCrf(smooth_weight=3))
    assert (stored_crf(folder).smooth_weight, read_calibration(folder).scaling) == (3, SOFTER)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"method": "temperature", "temperatures": [0]}, "temperatures must be 0.01 to 100, got 0"),
        ({"method": "temperature", "temperatures": [-3]}, "temperatures must be 0.01 to 100"),
        ({"method": "temperature", "temperatures": [1e999]}, "temperatures must be 0.01 to 100"),
        ({"method": "temperature", "temperatures": ["x"]}, "temperatures.0"),
        ({"method": "class-wise", "temperatures": [1, 2, 3]}, "of 2 classes has 2 temperatures, got 3"),
        ({"method": "vector", "temperatures": [1, 2], "biases": [1]}, "has 2 biases, got 1"),
        ({"method": "platt", "temperatures": [1]}, "method"),
        ({"temperatures": [1]}, "method"),
        ({"method": "temperature", "temperatures": [1], "more": 1}, "more"),
    ],
)
def test_damage_is_one_line_that_names_the_file(folder, content, message):
    path = folder / "model.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"calibration": content}))
    with pytest.raises(InputError, match=message) as caught:
        load_segmenter(folder)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_model_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"^\S+ is not a model folder: it has no model.json"):
        store_calibration(tmp_path, SOFTER)
    (tmp_path / "model.json").write_text("[1]")
    with pytest.raises(InputError, match="not the description"):
        read_calibration(tmp_path)
