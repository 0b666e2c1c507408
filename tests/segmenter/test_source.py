import json
import multiprocessing
import pickle
import shutil

import numpy as np
import pytest
import torch

from densa.errors import InputError
from densa.legend import Legend
from densa.networks import build
from densa.segmenter import Architecture, BandContract, ModelSource, load_segmenter, save_model


def save(folder, name="unet", n_bands=2, seed=1, **arguments):
    torch.manual_seed(seed)
    arguments = {"width": 2, **arguments}
    network = build(name, n_bands, 2, **arguments)
    save_model(folder, network, Architecture(name, arguments), Legend(("cell", "wall")), BandContract(n_bands))
    return folder


@pytest.fixture
def folder(tmp_path):
    return save(tmp_path / "model")


def _apply(source, image):
    return source.load().probabilities(image)


def test_another_process_makes_the_same_segmenter(folder, rng):
    source = ModelSource(folder, device="cpu", precision="float32")
    assert len(pickle.dumps(source)) < 1000
    image = rng.standard_normal((2, 20, 30)).astype(np.float32)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        found = pool.apply(_apply, (source, image))
    np.testing.assert_array_equal(found, load_segmenter(folder, device="cpu", precision="float32").probabilities(image))


def test_the_fingerprint_follows_content_and_options_not_the_place(folder, tmp_path):
    first = ModelSource(folder).fingerprint()
    shutil.copytree(folder, tmp_path / "copy")
    (tmp_path / "copy" / "notes.txt").write_text("not the model's")
    assert ModelSource(tmp_path / "copy").fingerprint() == first
    assert (
        len({first, *(ModelSource(folder, **o).fingerprint() for o in ({"precision": "float32"}, {"device": "cpu"}))})
        == 3
    )
    save(folder, seed=2)
    assert ModelSource(folder).fingerprint() != first


def test_what_is_no_model(tmp_path, folder):
    with pytest.raises(InputError, match="does not exist"):
        ModelSource(tmp_path / "none").load()
    (tmp_path / "empty").mkdir()
    for use in (ModelSource.load, ModelSource.fingerprint):
        with pytest.raises(InputError, match=r"it has no model\.json"):
            use(ModelSource(tmp_path / "empty"))
    path = folder / "model.json"
    content = json.loads(path.read_text())
    for text, message in [
        (json.dumps({**content, "format": "onnx"}), "format must be .*densa-network.* got 'onnx'"),
        ("[]", "got 'None'"),
        ("[" * 100_000, "no description of a densa model"),
        ("\xff", "no description of a densa model"),
    ]:
        path.write_text(text, encoding="latin-1")
        with pytest.raises(InputError, match=message):
            load_segmenter(folder)
