import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from densa import raster
from densa.engine import PredictionFiles, predict_array
from densa.engine.prediction.patches import (
    patch_starts,
    predict_patches,
    predict_patches_array,
    predict_patches_to_file,
)
from densa.errors import InputError
from densa.legend import Legend
from densa.networks import build
from densa.segmenter import BandContract, NetworkSegmenter, Segmenter

LEGEND = Legend(("ground", "roof", "tree"))
BANDS = BandContract(3, ("red", "green", "blue"), (120.0,) * 3, (60.0,) * 3)


@pytest.fixture(scope="module")
def segmenter():
    torch.manual_seed(1)
    network = build("dilated6", 3, 3, width=2).eval()
    return NetworkSegmenter(network, LEGEND, BANDS, device="cpu", precision="float32")


def _logits(segmenter, pixels, valid):
    with torch.inference_mode():
        return segmenter.network(segmenter.pixels(pixels, valid))[0].numpy()


def _softmax(logits):
    powers = np.exp(logits - logits.max(axis=0))
    return powers / powers.sum(axis=0)


def _clear(probabilities):
    """Where the first class is so far ahead of the second that no rounding of float32 decides."""
    ordered = np.sort(probabilities, axis=0)
    clear = ordered[-1] - ordered[-2] > 1e-4
    assert clear.mean() > 0.95
    return clear


def _brute(segmenter, image, sizes):
    """As the authors' code has it: raw logits summed over whole-image accumulators, divided by counts."""
    pixels, valid = image.read()
    pixels[:, ~valid] = 0
    height, width = valid.shape
    mean = 0
    for size in sizes:
        total, count = np.zeros((3, height, width), np.float64), np.zeros((height, width))
        for row in patch_starts(height, size):
            for column in patch_starts(width, size):
                place = np.s_[row : row + size, column : column + size]
                total[:, *place] += _logits(segmenter, np.ascontiguousarray(pixels[:, *place]), valid[place])
                count[place] += 1
        assert count.min() >= 1
        mean = mean + _softmax(total / count) / len(sizes)
    return mean, valid


def test_positions_of_the_paper():
    assert patch_starts(100, 25) == [0, 12, 24, 36, 48, 60, 72, 75]  # stride 12, the last shifted from 84
    assert patch_starts(49, 25) == [0, 12, 24]
    assert patch_starts(20, 25) == [0]
    assert patch_starts(3, 1) == [0, 1, 2]


@given(st.integers(1, 300), st.integers(1, 120))
def test_every_pixel_lies_in_a_patch_and_every_patch_inside(side, size):
    starts = patch_starts(side, size)
    counts = np.zeros(side, int)
    for start in starts:
        assert start == 0 or start + size <= side
        counts[start : start + size] += 1
    assert counts.min() >= 1
    assert starts == sorted(set(starts))
    assert len(starts) == max(-(-(side - size) // max(size // 2, 1)), 0) + 1


@pytest.mark.parametrize("sizes", [[25], [40], [33, 20, 41]])
def test_logits_are_averaged_as_in_the_authors_code(segmenter, scene, sizes):
    expected, valid = _brute(segmenter, scene, sizes)
    strips = list(predict_patches(segmenter, scene, sizes))
    found = np.concatenate([strip.probabilities for strip in strips], axis=1)
    assert [strip.window.row for strip in strips] == list(
        np.cumsum([0, *(strip.window.height for strip in strips)])[:-1]
    )
    assert_allclose(found, expected, atol=2e-6)
    assert max(strip.window.height for strip in strips) <= max(sizes)
    labels, confidence = predict_patches_array(segmenter, scene, sizes)
    assert_array_equal(labels, found.argmax(axis=0))
    assert_array_equal(confidence, found.max(axis=0))
    assert valid.all()


def test_the_scene_is_never_read_whole(segmenter, scene, monkeypatch):
    read, load = [], type(scene).read
    monkeypatch.setattr(
        type(scene), "read", lambda self, window=None, **k: (read.append(window), load(self, window, **k))[1]
    )
    predict_patches_array(segmenter, scene, [24])
    assert {window.height for window in read} == {24}


class _Constant(Segmenter):
    """The same probabilities everywhere, whatever the image shows."""

    legend, bands, halo, stride = LEGEND, BANDS, 0, 1
    shares = np.array([0.2, 0.5, 0.3], np.float32)

    def probabilities(self, block, valid=None):
        return np.broadcast_to(self.shares[:, None, None], (3, *block.shape[1:]))


@pytest.mark.parametrize("sizes", [[25], [7, 30], [330]])
def test_constant_logits_stay_constant(scene, sizes):
    for strip in predict_patches(_Constant(), scene, sizes):
        assert_allclose(
            strip.probabilities, np.broadcast_to(_Constant.shares[:, None, None], strip.probabilities.shape), rtol=1e-5
        )


def test_one_patch_over_all_is_the_exact_prediction(segmenter, opened):
    rng = np.random.default_rng(2)
    image = opened(rng.integers(0, 255, (3, 50, 44)).astype(np.uint8), "small.tif")
    (strip,) = predict_patches(segmenter, image, [50])
    found, expected = predict_patches_array(segmenter, image, [50])[0], predict_array(segmenter, image)[0]
    assert_array_equal(found[_clear(strip.probabilities)], expected[_clear(strip.probabilities)])


def test_far_from_patch_borders_both_modes_agree(segmenter, scene):
    """A pixel whose receptive field lies inside the one patch that holds it has the logits of exact prediction."""
    exact = predict_array(segmenter, scene)[1]
    by_patches = predict_patches_array(segmenter, scene, [200])[1]
    # Columns 0 to 99 lie in the first patch alone; the field reaches 18 pixels.
    assert_allclose(by_patches[:, :80], exact[:, :80], atol=1e-5)
    assert np.abs(by_patches - exact).max() > 1e-3


def test_nodata(segmenter, opened):
    rng = np.random.default_rng(3)
    pixels = rng.integers(1, 255, (3, 60, 70)).astype(np.uint8)
    pixels[:, :30, :40] = 0
    image = opened(pixels, "holes.tif", nodata=0)
    labels, confidence = predict_patches_array(segmenter, image, [16])
    assert (labels[:30, :40] == 255).all()
    assert (labels[30:] < 3).all()
    assert (confidence[:30, :40] == 0).all()
    expected, valid = _brute(segmenter, image, [16])
    clear = _clear(expected) & valid
    assert_array_equal(labels[clear], expected.argmax(axis=0)[clear])


def test_files(segmenter, scene, tmp_path):
    done = []
    files = PredictionFiles(tmp_path / "labels.tif", tmp_path / "p.tif", tmp_path / "u.tif", tmp_path / "p.geojson")
    predict_patches_to_file(segmenter, scene, files, [25, 31], progress=lambda n, total: done.append((n, total)))
    labels, _ = raster.read_label_map(files.labels)
    assert_array_equal(labels, predict_patches_array(segmenter, scene, [25, 31])[0])
    with raster.open(files.probabilities) as made:
        assert made.band_names == LEGEND.class_names
        assert made.metadata["densa_patch_sizes"] == "25,31"
        shares = made.read()[0] / 255
    assert_allclose(shares.sum(axis=0), 1, atol=0.01)
    assert files.uncertainty.exists()
    features = json.loads(files.polygons.read_text())["features"]
    assert sum(feature["properties"]["area_px"] for feature in features) == 200 * 330
    assert done[-1] == (200 * 330, 200 * 330)
    with pytest.raises(InputError, match="exists"):
        predict_patches_to_file(segmenter, scene, files, [25])


def test_refusals(segmenter, scene, opened):
    for sizes, said in (([], "one or more from 1"), ([0], "one or more"), ([331], "larger than .*200x330")):
        with pytest.raises(InputError, match=said):
            next(predict_patches(segmenter, scene, sizes))
    with pytest.raises(InputError, match="has 1 bands, the model expects 3"):
        next(predict_patches(segmenter, opened(np.zeros((9, 9), np.uint8), "grey.tif"), [3]))
    with pytest.raises(InputError, match="at least 1 pixel"):
        patch_starts(5, 0)
