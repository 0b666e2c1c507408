"""A calibrated segmenter is that segmenter with other probabilities."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from densa import raster
from densa.engine import Blended, PredictionFiles, Work, predict_array, predict_patches, predict_to_file
from densa.legend import Legend
from densa.segmenter import (
    Augmented,
    BandContract,
    Calibrated,
    Ensemble,
    NetworkSegmenter,
    Refined,
    Scaling,
    uncalibrated,
    within_calibration,
)
from tests.fixed_weights import unet_of_brightness

SOFTER = Scaling("temperature", (2.5,))


@pytest.fixture
def model():
    bands = BandContract(1, mean=(128.0,), std=(64.0,))
    return NetworkSegmenter(unet_of_brightness(1, 2), Legend(("dark", "bright")), bands, precision="float32")


@pytest.fixture
def image(rng):
    return raster.from_array(rng.normal(128, 20, (100, 150)).clip(0, 255).astype(np.uint8))


def test_labels_stay_and_confidence_falls(model, image):
    labels, confidence = predict_array(model, image)
    again, softer = predict_array(Calibrated(model, SOFTER), image)
    assert_array_equal(again, labels)
    assert (softer <= confidence).all()
    assert softer.mean() < confidence.mean() - 0.01


def test_the_same_for_any_tiles(model, image):
    found = [predict_array(Calibrated(model, SOFTER), image, tile_size=size) for size in (32, 64, None)]
    for labels, confidence in found[1:]:
        assert_array_equal(labels, found[0][0])
        assert_array_equal(confidence, found[0][1])


@pytest.mark.parametrize(
    "wrap",
    [
        Augmented,
        Refined,
        lambda segmenter: Blended(segmenter, window_size=64, weights="hann"),
        lambda segmenter: Ensemble([segmenter, segmenter]),
    ],
    ids=["views", "CRF", "windows", "ensemble"],
)
def test_what_is_wrapped_is_scaled_last(model, image, wrap):
    plain, _ = predict_array(wrap(model), image)
    whole = within_calibration(Calibrated(model, SOFTER), wrap)
    assert isinstance(whole, Calibrated)
    assert_array_equal(predict_array(whole, image)[0], plain)
    assert not isinstance(within_calibration(model, wrap), Calibrated)


def test_patches_are_scaled_last(model, image):
    plain = [strip.labels() for strip in predict_patches(model, image, [32, 48])]
    found = list(predict_patches(Calibrated(model, SOFTER), image, [32, 48]))
    for strip, labels in zip(found, plain, strict=True):
        assert_array_equal(strip.labels(), labels)
    assert found[0].probabilities.max() < 0.99


def test_files_hold_the_same_labels_and_another_uncertainty(model, rng, tmp_path):
    values = rng.normal(128, 20, (1, 100, 150)).clip(0, 255).astype(np.uint8)
    raster.write_bands(tmp_path / "image.tif", values)
    for name, segmenter in (("plain", model), ("soft", Calibrated(model, SOFTER))):
        files = PredictionFiles(tmp_path / f"{name}.png", uncertainty=tmp_path / f"{name}.u.tif")
        with raster.open(tmp_path / "image.tif") as image:
            predict_to_file(segmenter, image, files, Work(tile_size=64), blend="hann")
    plain, soft = (raster.read_label_map(tmp_path / f"{name}.png")[0] for name in ("plain", "soft"))
    assert plain.tobytes() == soft.tobytes()
    before, after = (raster.open(tmp_path / f"{name}.u.tif").read()[0].mean() for name in ("plain", "soft"))
    assert after > before + 2


def test_it_has_what_the_model_has(model):
    found = Calibrated(model, SOFTER)
    for name in ("legend", "bands", "halo", "stride", "whole_image", "any_block", "device", "dtype"):
        assert getattr(found, name) == getattr(model, name)
    assert found.for_image(9, 9).scaling is SOFTER
    assert found.with_frozen_context(np.zeros((1, 9, 9), np.uint8)).scaling is SOFTER
    assert found.working_bytes(64, 64) == model.working_bytes(64, 64) + 4 * 2 * 64 * 64
    assert uncalibrated(found) is model
    assert uncalibrated(model) is model
