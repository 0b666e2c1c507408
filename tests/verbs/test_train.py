"""Training from Python: densa's networks by name, and networks of the caller's."""

import inspect
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import densa
from densa.errors import InputError
from densa.options import options_of
from densa.training.settings import TrainOptions

sys.path.insert(0, str(Path(__file__).parent))
from own_networks import ResNetFPN

QUICK = {"steps": 30, "patch_size": 32, "batch_size": 4, "learning_rate": 1e-2, "device": "cpu", "progress": False}


def test_keywords_are_the_options():
    keywords = inspect.signature(densa.train).parameters
    assert set(options_of(TrainOptions)) <= set(keywords)
    assert keywords["learning_rate"].default == 2e-3


def test_a_run_by_name_is_predicted_evaluated_and_loaded(squares, tmp_path):
    run = densa.train(squares, model="unet", output=tmp_path / "run", width=2, precision="float32", **QUICK)
    image = next((squares / "val" / "images").iterdir())
    labels = densa.predict(run, image)
    assert labels.shape == (48, 64)
    assert sum(labels.counts().values()) == 48 * 64
    np.testing.assert_array_equal(np.asarray(labels), np.asarray(densa.predict(tmp_path / "run", str(image))))
    array = densa.raster.read_image(image)
    np.testing.assert_array_equal(np.asarray(labels), np.asarray(densa.predict(densa.load(run.folder), array)))
    report = densa.evaluate(run.folder, squares, split="val", progress=False)
    assert 0 <= report.summary.mean_iou <= 1


def test_a_network_of_the_callers_comes_back_with_a_factory(squares, tmp_path):
    torch.manual_seed(0)
    factory = "own_networks:make_fpn"
    run = densa.train(squares, model=ResNetFPN(1, 2), factory=factory, output=tmp_path / "run", **QUICK)
    with pytest.raises(InputError, match="code that is not densa's"):
        densa.load(run.folder)
    model = densa.load(run.folder, factories="own_networks", device="cpu")
    image = densa.raster.read_image(next((squares / "val" / "images").iterdir()))
    np.testing.assert_array_equal(
        np.asarray(densa.predict(model, image, tile_size=16)), np.asarray(densa.predict(model, image))
    )


def test_a_network_of_the_callers_comes_back_as_a_module(squares, tmp_path):
    torch.manual_seed(0)
    network = ResNetFPN(1, 2)
    run = densa.train(squares, model=network, output=tmp_path / "run", **QUICK)
    with pytest.raises(InputError, match="give it as `module`"):
        densa.load(run.folder)
    loaded = densa.load(run.folder, module=ResNetFPN(1, 2), device="cpu")
    before = densa.wrap(network, legend=loaded.legend, bands=loaded.bands, device="cpu", progress=False)
    image = densa.raster.read_image(next((squares / "val" / "images").iterdir()))
    same = np.asarray(densa.predict(loaded, image)) == np.asarray(densa.predict(before, image))
    assert same.mean() > 0.99


def test_a_factory_by_name(squares, tmp_path):
    run = densa.train(
        squares, model="own_networks:make_fpn", model_arguments={"width": 3}, output=tmp_path / "run", **QUICK
    )
    assert densa.load(run.folder, factories="own_networks").receptive_field.stride == 8
    with pytest.raises(InputError, match="code that is not densa's"):  # a file from elsewhere names code, too
        densa.train(output=tmp_path / "other", config=run.folder / "config.yaml", progress=False)


def test_a_missing_folder_is_named_before_torch_is_needed():
    with pytest.raises(InputError, match="data must exist, got nowhere"):
        densa.train("nowhere", output="run")
