"""Shallow models on disk: kept without a pickle, loaded without scikit-learn, refused where damaged."""

import json
import subprocess
import sys

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from safetensors.numpy import load_file, save_file

from densa.errors import InputError
from densa.legend import Legend
from densa.segmenter import BandContract, ForestSegmenter, load_forest, load_segmenter, read_forest, save_forest
from densa.shallow import SHALLOW, ShallowSettings, train_shallow

LEGEND = Legend(("ground", "square"))
BANDS = BandContract(3, mean=(80.0,) * 3, std=(40.0,) * 3)


class OneImage:
    """An image in memory."""

    def __init__(self, rng):
        self.map = np.zeros((60, 70), np.uint8)
        self.map[10:40, 20:50] = 1
        self.pixels = (60 + 90 * self.map + rng.normal(0, 9, (3, 60, 70))).clip(0, 255).astype(np.uint8)

    def __len__(self):
        return 1

    def size(self, i):
        return self.map.shape

    def place(self, w):
        return np.s_[w.row : w.row + w.height, w.column : w.column + w.width] if w else np.s_[:, :]

    def labels(self, i, window=None):
        return self.map[self.place(window)]

    def image(self, i, window=None):
        place = self.place(window)
        return self.pixels[:, *place], np.ones(self.map[place].shape, bool)


def model_of(image, method="pixel-forest", **options):
    quick = {"trees": 4, "samples": 800, "scales": (1.0,), "region_size": 6, "patch": 5, **options}
    return train_shallow(image, method, 3, LEGEND.class_names, ShallowSettings(**quick))


@pytest.mark.parametrize("method", sorted(SHALLOW))
def test_a_model_comes_back_bit_for_bit(tmp_path, rng, method):
    image = OneImage(rng)
    model = model_of(image, method, features=("colours", "multi-scale", "position"))
    save_forest(tmp_path / "run", model, method, LEGEND, BANDS, training={"samples": 800})
    loaded = load_segmenter(tmp_path / "run")
    assert isinstance(loaded, ForestSegmenter)
    assert_array_equal(loaded.probabilities(image.pixels), model.probabilities(image.pixels))
    said = read_forest(tmp_path / "run")
    assert (said.method, said.legend, said.bands) == (method, LEGEND, BANDS)
    assert (loaded.legend, loaded.bands, loaded.stride) == (LEGEND, BANDS, said.stride)
    assert said.training == {"samples": 800}
    assert loaded.halo % loaded.stride == 0


def test_scikit_learn_is_not_imported_to_load_and_predict(tmp_path, rng):
    image = OneImage(rng)
    for method in ("pixel-forest", "region-boosting"):
        save_forest(tmp_path / method, model_of(image, method), method, LEGEND, BANDS)
    code = (
        "import sys, numpy as np\n"
        "from densa.segmenter import load_segmenter\n"
        "for folder in sys.argv[1:]:\n"
        "    found = load_segmenter(folder).probabilities(np.zeros((3, 30, 40), np.uint8))\n"
        "    assert found.shape == (2, 30, 40)\n"
        "assert not [m for m in sys.modules if m.split('.')[0] == 'sklearn'], 'imported'\n"
    )
    folders = [str(tmp_path / method) for method in ("pixel-forest", "region-boosting")]
    done = subprocess.run([sys.executable, "-c", code, *folders], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def saved(tmp_path, rng):
    """The folder of a small forest."""
    folder = tmp_path / "run"
    save_forest(folder, model_of(OneImage(rng)), "pixel-forest", LEGEND, BANDS)
    return folder


def test_damaged_trees_are_refused(saved):
    arrays = load_file(saved / "model.safetensors")
    inner = int(np.flatnonzero(arrays["feature"] >= 0)[-1])

    def changed(name, place, value):
        copy = {key: array.copy() for key, array in arrays.items()}
        copy[name][place] = value
        return copy

    for wrong, said in (
        (changed("child", inner, 0), "come after it"),
        (changed("feature", inner, 10**6), "none of the"),
        (changed("child", inner, 2**31 - 2), "come after it"),
        (changed("check/probabilities", slice(None), 0.5), "test block"),
        ({**arrays, "child": arrays["child"][:-1].copy()}, "it must be"),
        ({key: a for key, a in arrays.items() if key != "starts"}, "lacks starts"),
        ({**arrays, "more": arrays["starts"]}, "has also more"),
    ):
        save_file(wrong, saved / "model.safetensors")
        with pytest.raises(InputError, match=said):
            load_forest(saved)
    damaged = "not a whole safetensors file"
    for content, said in ((b"", damaged), (b"\x80\x04pickle", "is a pickle"), (b"\xff" * 100, damaged)):
        (saved / "model.safetensors").write_bytes(content)
        with pytest.raises(InputError, match=said):
            load_forest(saved)
    (saved / "model.safetensors").unlink()
    with pytest.raises(InputError, match=r"has no model\.safetensors"):
        load_forest(saved)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"combine": "product"}, "combine"),
        ({"n_nodes": 7}, "it must be"),
        ({"n_trees": 10**9}, "it must be"),
        ({"factors": [1.0]}, "factors"),
        ({"factors": [1.0, -1.0]}, "factors"),
        ({"factors": [1.0, 1.0, 1.0]}, "factors"),
        ({"features": {"sets": ["colours"]}}, "feature"),
        ({"features": {"sets": ["bands", "patterns", "textons"]}}, "trees are for|test block"),
        ({"features": {"sets": ["magic"]}}, "features must be some of"),
        ({"features": {"sets": ["bands"], "scales": ["a"]}}, "features cannot be made"),
        ({"features": {"sets": ["multi-scale"], "scales": [1e9]}}, "scale"),
        ({"regions": {"step": 10**9}}, "step"),
        ({"regions": {"step": "a"}}, "step"),
        ({"regions": {"colour": 1}}, "regions cannot be made"),
        ({"extra": 1}, "extra"),
    ],
)
def test_damaged_descriptions_are_refused(saved, change, said):
    path = saved / "model.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(InputError, match=said):
        load_forest(saved)


def test_errors_of_a_model_that_does_not_fit(saved, rng):
    loaded = load_forest(saved)
    with pytest.raises(InputError, match="expects 3 bands"):
        loaded.probabilities(np.zeros((2, 20, 20), np.uint8))
    with pytest.raises(InputError, match="2 classes and 3 bands"):
        ForestSegmenter(loaded.model, Legend(("a", "b", "c")), BANDS)


def test_the_engine_tiles_a_forest_without_a_seam(tmp_path, rng):
    from densa import engine, raster

    image = OneImage(rng)
    raster.write_bands(tmp_path / "image.tif", image.pixels)
    for method in ("pixel-forest", "region-forest", "structured-forest"):
        model = model_of(image, method, features=("multi-scale", "position"))
        save_forest(tmp_path / method, model, method, LEGEND, BANDS)
        loaded = load_segmenter(tmp_path / method)
        with raster.open(tmp_path / "image.tif") as opened:
            whole = engine.predict_array(loaded, opened)
            tiled = engine.predict_array(loaded, opened, tile_size=24)
        for one, other in zip(whole, tiled, strict=True):
            assert_array_equal(one, other)
