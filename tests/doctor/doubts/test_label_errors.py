"""Labels that a model doubts: the score by hand, the ranks of labels that were corrupted on purpose."""

import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from densa import Legend, datasets, doctor, raster
from densa.doctor.doubts.label_errors import examine_labels, merged, softmin_score
from densa.errors import InputError
from densa.segmenter import BandContract, Segmenter

LEGEND = Legend(("ground", "roof", "tree"))


def by_hand(confidence, temperature):
    """The formula of the paper, written out pixel by pixel."""
    weights = [math.exp((1 - p) / temperature) for p in confidence]
    return sum(p * w for p, w in zip(confidence, weights, strict=True)) / sum(weights)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.sampled_from([0.05, 0.1, 1.0]))
def test_softmin_by_hand(confidence, temperature):
    score = softmin_score(np.array(confidence), temperature)
    assert_allclose(score, by_hand(confidence, temperature), rtol=1e-9, atol=1e-12)
    assert min(confidence) - 1e-12 <= score <= np.mean(confidence) + 1e-12


def test_softmin_of_cleanlab():
    """Golden values: `cleanlab.segmentation.rank.get_label_quality_scores` of cleanlab 2.9.0, temperature 0.1."""
    labels = np.random.default_rng(0).integers(0, 3, (4, 6, 8))
    predicted = np.random.default_rng(1).dirichlet((1, 1, 1), (4, 6, 8)).transpose(0, 3, 1, 2)
    own = [softmin_score(np.take_along_axis(p, m[None], 0)) for p, m in zip(predicted, labels, strict=True)]
    expected = [0.0984737672859891, 0.08646127537762288, 0.07838967846816552, 0.08281891379937587]
    assert_allclose(own, expected, rtol=1e-12)


def test_limits():
    values = np.array([0.2, 0.9, 1.0])
    assert_allclose(softmin_score(values, 1e-4), 0.2)  # exp(10^4) would overflow
    assert_allclose(softmin_score(values, 1e6), values.mean(), rtol=1e-5)
    assert math.isnan(softmin_score(np.array([])))
    with pytest.raises(InputError, match="above 0"):
        softmin_score(values, 0)


class Brightness(Segmenter):
    """A model that knows the class of a pixel by its brightness: 50, 150 and 250."""

    legend, bands, halo, stride, calibration = LEGEND, BandContract(1), 0, 1, None

    def probabilities(self, block, valid=None):
        apart = np.abs(block[0][None].astype(np.float32) - np.array([50, 150, 250], np.float32)[:, None, None])
        weights = np.exp(-apart / 20)
        return (weights / weights.sum(axis=0)).astype(np.float32)


@pytest.fixture
def data(tmp_path, rng):
    """20 images whose brightness is their class; the labels of 4 have a rectangle of another class."""
    for kind in ("images", "masks"):
        (tmp_path / kind).mkdir()
    corrupted = {3, 8, 11, 17}
    for k in range(20):
        labels = np.zeros((48, 64), np.uint8)
        labels[8:30, 5:40] = 1
        labels[20:44, 36:60] = 2
        image = (50 + 100 * labels.astype(float) + rng.normal(0, 8, labels.shape)).clip(1, 254).astype(np.uint8)
        if k in corrupted:
            labels[10 : 14 + k // 4, 10:20] = 2
        labels[:2] = 255
        raster.write_bands(tmp_path / "images" / f"{k:02}.tif", image[None])
        raster.write_label_map(tmp_path / "masks" / f"{k:02}.png", labels, LEGEND)
    return tmp_path, corrupted


def area_under_curve(scores, positive):
    """Share of the pairs of a corrupted and a sound image of which the corrupted one has the lower score."""
    bad, good = scores[positive], scores[~positive]
    return (bad[:, None] < good[None]).mean()


def test_corrupted_labels_come_first(data):
    folder, corrupted = data
    images = datasets.open(folder, split=datasets.SplitRule(val_fraction=0))["train"]
    found = examine_labels(Brightness(), images)
    assert {int(one.name) for one in found.images[:4]} == corrupted
    scores = np.array([one.score for one in sorted(found.images, key=lambda one: one.name)])
    positive = np.isin(np.arange(20), list(corrupted))
    assert area_under_curve(scores, positive) == 1
    # The plain mean tells them apart less well than the softmin where few pixels are wrong.
    for one in found.images:
        labels = images.labels(int(one.name))
        own = Brightness().probabilities(images.image(int(one.name))[0])
        confidence = np.take_along_axis(own, np.where(labels == 255, 0, labels)[None].astype(int), 0)[0][labels != 255]
        assert_allclose(one.score, by_hand(confidence.tolist(), 0.1), rtol=1e-5)
        assert one.pixels == (labels != 255).sum()


def test_regions_and_pairs(data):
    folder, corrupted = data
    images = datasets.open(folder, split=datasets.SplitRule(val_fraction=0))["train"]
    found = examine_labels(Brightness(), images)
    regions = {int(one.name): one for one in found.regions}
    assert set(regions) == corrupted
    one = regions[17]
    assert (one.given, one.predicted) == ("tree", "roof")
    assert (one.window.row, one.window.column) == (10, 10)
    assert found.regions[0].pixels == max(region.pixels for region in found.regions)
    pair = found.confused[0]
    assert (pair.given, pair.predicted, pair.images) == ("tree", "roof", 4)


def test_parts_are_merged(data):
    folder, _ = data
    images = datasets.open(folder, split=datasets.SplitRule(val_fraction=0))["train"]
    whole = examine_labels(Brightness(), images)
    parts = [examine_labels(Brightness(), images.subset(range(k, 20, 3))) for k in range(3)]
    found = merged(parts, LEGEND, "three models")
    assert found.images == whole.images
    assert found.regions == whole.regions
    assert found.confused == whole.confused
    assert [one.name for one in found.shown] == [one.name for one in whole.shown]


def test_another_legend_is_refused(data):
    folder, _ = data
    images = datasets.open(folder, split=datasets.SplitRule(val_fraction=0))["train"]
    other = SimpleNamespace(legend=Legend(("a", "b")))
    with pytest.raises(InputError, match="must have the classes of the model"):
        examine_labels(other, images)


def test_images_without_labels_come_last(data):
    folder, _ = data
    raster.write_label_map(folder / "masks" / "00.png", np.full((48, 64), 255, np.uint8), LEGEND, overwrite=True)
    images = datasets.open(folder, split=datasets.SplitRule(val_fraction=0))["train"]
    found = examine_labels(Brightness(), images)
    assert found.images[-1].name == "00"
    assert found.to_json()["images"][-1]["score"] is None


def test_findings_are_notes(data):
    """A model may be wrong: data that it doubts are sound."""
    folder, _ = data
    images = datasets.open(folder, split=datasets.SplitRule(val_fraction=0))["train"]
    doubts = replace(examine_labels(Brightness(), images, seen=[True] * 20), source="runs/a")
    from densa.doctor.diagnosis import with_labels

    found = with_labels(doctor.examine(folder), doubts)
    notes = {one.code: one for one in found.findings if one.code.startswith("label-")}
    assert set(notes) == {"label-doubtful", "label-confused", "label-seen"}
    assert {one.severity for one in notes.values()} == {"note"}
    assert notes["label-seen"].mend.startswith(f"densa doctor {folder} --model runs/a --folds 5")
