import json
import pickle
import shutil
from dataclasses import replace

import numpy as np
import pytest

from densa.errors import InputError
from densa.segmenter import Augmented, ModelSource, MonteCarlo, load_segmenter, save_ensemble


@pytest.fixture
def folder(tmp_path, save):
    return save(tmp_path / "model", n_bands=2)


def test_another_process_can_make_the_same_segmenter(folder, rng):
    source = ModelSource(folder, device="cpu", precision="float32")
    sent = pickle.dumps(source)
    assert len(sent) < 1000
    image = rng.standard_normal((2, 20, 30)).astype(np.float32)
    expected = load_segmenter(folder, device="cpu", precision="float32").probabilities(image)
    np.testing.assert_array_equal(pickle.loads(sent).load().probabilities(image), expected)


def test_the_options_are_applied(tmp_path, save, folder, rng):
    image = rng.standard_normal((3, 40, 50)).astype(np.float32)
    options = {"device": "cpu", "precision": "float32"}
    bayesian = save(tmp_path / "bayesian", "bayesian-segnet")
    source = ModelSource(bayesian, **options, samples=2, seed=3, flips=("rows",), scales=(0.5, 1))
    found = source.load()
    assert isinstance(found, Augmented)
    assert isinstance(found.segmenter, MonteCarlo)
    inner = MonteCarlo(load_segmenter(bayesian, **options), 2, seed=3)
    expected = Augmented(inner, flips=("rows",), quarter_turns=False, scales=(0.5, 1)).probabilities(image)
    np.testing.assert_array_equal(found.probabilities(image), expected)
    with pytest.raises(InputError, match="UNet has no Monte-Carlo dropout"):
        ModelSource(folder, samples=2).load()
    save_ensemble(tmp_path / "both", [folder], load=load_segmenter)
    with pytest.raises(InputError, match="need a single network"):
        ModelSource(tmp_path / "both", samples=2).load()


def test_a_frozen_context_comes_along(tmp_path, save, rng):
    folder = save(tmp_path / "deeplab", "deeplabv3", backbone="resnet50")
    overview, valid = rng.standard_normal((3, 64, 80)).astype(np.float32), rng.random((64, 80)) > 0.2
    source = ModelSource(folder, device="cpu", precision="float32", overview=overview, overview_valid=valid)
    found = pickle.loads(pickle.dumps(source)).load()
    assert not found.whole_image
    model = load_segmenter(folder, device="cpu", precision="float32")
    expected = model.with_frozen_context(overview, valid).probabilities(overview)
    np.testing.assert_array_equal(found.probabilities(overview), expected)
    others = [ModelSource(folder), replace(source, overview=-overview), replace(source, overview_valid=None)]
    assert len({s.fingerprint() for s in (source, *others)}) == 4
    assert replace(source, overview=overview.copy()).fingerprint() == source.fingerprint()


def test_the_fingerprint_follows_content_and_options_not_the_place(folder, tmp_path, save):
    first = ModelSource(folder).fingerprint()
    shutil.copytree(folder, tmp_path / "copy")
    (tmp_path / "copy" / "notes.txt").write_text("not the model's")
    assert ModelSource(tmp_path / "copy").fingerprint() == first
    assert (
        len({first, *(ModelSource(folder, **o).fingerprint() for o in ({"precision": "float32"}, {"device": "cpu"}))})
        == 3
    )
    save(folder, n_bands=2, seed=2)
    assert ModelSource(folder).fingerprint() != first


def test_not_a_model_folder(tmp_path, folder):
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
        ("[" * 100_000, "not the description of a densa model"),
        ("\xff", "not the description of a densa model"),
    ]:
        path.write_text(text, encoding="latin-1")
        with pytest.raises(InputError, match=message):
            load_segmenter(folder)
