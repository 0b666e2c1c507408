import json
import os
import shutil
import sys

import numpy as np
import pytest

from densa.errors import InputError
from densa.legend import Legend
from densa.segmenter import BandContract, Ensemble, ModelSource, Segmenter, load_segmenter, read_ensemble, save_ensemble
from tests.segmenter.exact import ONE_ROUNDING, assert_same


def load(folder):
    return load_segmenter(folder, device="cpu", precision="float32")


@pytest.fixture
def image(rng):
    return rng.standard_normal((3, 70, 45)).astype(np.float32)


@pytest.fixture
def folders(tmp_path, save):
    return [save(tmp_path / name, name, seed=seed) for seed, name in enumerate(("unet", "segnet"))]


@pytest.fixture
def ensemble(tmp_path, folders):
    save_ensemble(tmp_path / "both", folders, load=load, weights=(3, 1))
    return tmp_path / "both"


def test_the_mean_by_hand(make, image):
    a, b = make("unet"), make("segnet", seed=1)
    p, q = a.probabilities(image), b.probabilities(image)
    np.testing.assert_allclose(Ensemble([a, b]).probabilities(image), (p + q) / 2, rtol=0, atol=1e-6)
    weighted = Ensemble([a, b], (1, 3)).probabilities(image)
    np.testing.assert_allclose(weighted, (p + 3 * q) / 4, rtol=0, atol=1e-6)
    assert weighted.dtype == np.float32


def test_the_product_by_hand(make, image):
    a, b = make("unet"), make("segnet", seed=1)
    p, q = a.probabilities(image), b.probabilities(image)
    expected = p * q / (p * q).sum(axis=0)
    np.testing.assert_allclose(Ensemble([a, b], combine="product").probabilities(image), expected, rtol=0, atol=1e-6)
    expected = p**2 * np.sqrt(q)
    found = Ensemble([a, b], (2, 0.5), "product").probabilities(image)
    np.testing.assert_allclose(found, expected / expected.sum(axis=0), rtol=0, atol=1e-6)


class Sure(Segmenter):
    """Gives one class to every pixel with probability 1."""

    legend, bands, halo, stride = Legend(("a", "b")), BandContract(1), 0, 1

    def __init__(self, label):
        self.label = label

    def probabilities(self, block, valid=None):
        found = np.zeros((2, *block.shape[1:]), np.float32)
        found[self.label] = 1
        return found


def test_models_that_contradict_each_other_for_certain():
    found = Ensemble([Sure(0), Sure(1)], combine="product").probabilities(np.zeros((1, 2, 2)))
    np.testing.assert_allclose(found, 0.5)


def test_tiled_equals_whole(make, tiled, rng):
    """Strides of 16 and 32, halos of 112 and 224, with and without a margin."""
    ours = Ensemble([make("unet", exact=True), make("segnet", exact=True), make("unet-valid", width=4, exact=True)])
    assert (ours.stride, ours.halo) == (32, 224)
    image = rng.standard_normal((3, 333, 70)).astype(np.float32)
    assert_same(tiled(ours, image, 3), ours.probabilities(image), ONE_ROUNDING)


def test_colours_may_differ_names_may_not(make):
    first = make()
    other = Legend(("road", "roof", "tree"), ((1, 2, 3), (4, 5, 6), (7, 8, 9)))
    assert Ensemble([first, make(legend=other)]).legend == first.legend
    with pytest.raises(InputError, match=r"same classes in the same order; .* model 2 has roof, road, tree"):
        Ensemble([first, make(legend=Legend(("roof", "road", "tree")))])
    with pytest.raises(InputError, match="same bands"):
        Ensemble([first, make(n_bands=4)])
    with pytest.raises(InputError, match="same bands"):
        Ensemble([first, make(contract=BandContract(3, names=("r", "g", "b")))])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((1,),), "needs 2 weights, got 1"),
        (((1, 0),), "more than 0"),
        (((1, float("nan")),), "more than 0"),
        ((None, "median"), "mean or product, got 'median'"),
    ],
)
def test_invalid_ensembles(arguments, message):
    with pytest.raises(InputError, match=message):
        Ensemble([Sure(0), Sure(1)], *arguments)
    with pytest.raises(InputError, match="at least one"):
        Ensemble([])


def test_round_trip(ensemble, folders, image):
    expected = Ensemble([load(folder) for folder in folders], (3, 1)).probabilities(image)
    for folder in folders:
        shutil.rmtree(folder)
    np.testing.assert_array_equal(load(ensemble).probabilities(image), expected)
    files = sorted(str(p.relative_to(ensemble)) for p in ensemble.rglob("*") if p.is_file())
    assert files == [f"{m}model.{kind}" for m in ("member-0/", "member-1/", "") for kind in ("json", "safetensors")][:5]
    assert sorted(os.listdir(ensemble.parent)) == ["both"]


def test_an_ensemble_of_an_ensemble(tmp_path, ensemble, folders, image):
    save_ensemble(tmp_path / "more", [ensemble, folders[0]], load=load, combine="product")
    expected = Ensemble([load(ensemble), load(folders[0])], combine="product").probabilities(image)
    np.testing.assert_array_equal(load(tmp_path / "more").probabilities(image), expected)
    first = ModelSource(tmp_path / "more").fingerprint()
    inner = tmp_path / "more" / "member-0" / "member-1" / "model.safetensors"
    inner.write_bytes(inner.read_bytes() + b" ")
    assert ModelSource(tmp_path / "more").fingerprint() != first


def test_only_an_ensemble_is_overwritten(tmp_path, ensemble, folders):
    with pytest.raises(InputError, match="exists"):
        save_ensemble(ensemble, folders, load=load)
    with pytest.raises(InputError, match="is not an ensemble"):
        save_ensemble(folders[0], folders, load=load, overwrite=True)
    save_ensemble(ensemble, folders[:1], load=load, overwrite=True)
    assert read_ensemble(ensemble).weights == (1.0,)
    assert sorted(os.listdir(tmp_path)) == ["both", "segnet", "unet"]


def test_a_failed_save_leaves_nothing(tmp_path, folders, monkeypatch):
    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", fail)
    with pytest.raises(InputError, match="No space left"):
        save_ensemble(tmp_path / "both", folders, load=load)
    assert sorted(os.listdir(tmp_path)) == ["segnet", "unet"]


def test_models_that_do_not_fit_are_not_saved(tmp_path, folders, save):
    other = save(tmp_path / "other", legend=Legend(("a", "b", "c")))
    with pytest.raises(InputError, match="same classes"):
        save_ensemble(tmp_path / "both", [folders[0], other], load=load)
    with pytest.raises(InputError, match="does not exist"):
        save_ensemble(tmp_path / "both", [folders[0], tmp_path / "none"], load=load)
    with pytest.raises(InputError, match="1 to 32 models, got 0"):
        save_ensemble(tmp_path / "both", [], load=load)
    assert not (tmp_path / "both").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weights": []}, "weights"),
        ({"weights": [1.0] * 33}, "weights"),
        ({"weights": [1.0, 1.0, 1.0]}, "ensemble of 3 models, but member-2 is not a folder"),
        ({"weights": [1.0, -1.0]}, "more than 0"),
        ({"combine": "median"}, "mean or product"),
        ({"members": ["/etc"]}, "members: Extra inputs"),
        ({"version": 2}, "version"),
    ],
)
def test_a_description_of_something_else(ensemble, change, message):
    path = ensemble / "model.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(InputError, match=message):
        load(ensemble)


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
def test_members_lie_inside(ensemble, folders):
    shutil.rmtree(ensemble / "member-1")
    (ensemble / "member-1").symlink_to(folders[1])
    with pytest.raises(InputError, match="member-1 is not a folder in it"):
        load(ensemble)
    (ensemble / "member-1").unlink()
    (ensemble / "member-1").symlink_to(".")
    for use in (load, read_ensemble, lambda folder: ModelSource(folder).fingerprint()):
        with pytest.raises(InputError, match="member-1 is not a folder in it"):
            use(ensemble)


def test_too_deep_and_too_many(tmp_path):
    """Refused from the descriptions, before a weight is read."""

    def write(folder, n_members):
        folder.mkdir(parents=True)
        content = {"format": "densa-ensemble", "version": 1, "combine": "mean", "weights": [1.0] * n_members}
        (folder / "model.json").write_text(json.dumps(content))

    place = tmp_path / "deep"
    for _ in range(6):
        write(place, 1)
        place /= "member-0"
    place.mkdir()
    with pytest.raises(InputError, match="more than 4 ensembles deep"):
        load(tmp_path / "deep")
    write(tmp_path / "wide", 32)
    for i in range(32):
        write(tmp_path / "wide" / f"member-{i}", 32)
        for j in range(32):
            (tmp_path / "wide" / f"member-{i}" / f"member-{j}").mkdir()
    with pytest.raises(InputError, match="may hold 128 models"):
        load(tmp_path / "wide")
