import numpy as np
import pytest

from densa.errors import InputError
from densa.metrics.intervals import fit_learning_curve

IMAGES = np.array([25, 50, 100, 200])


def law(images, limit=0.85, scale=1.5, exponent=0.5):
    return limit - scale * images.astype(float) ** -exponent


def test_the_parameters_of_a_power_law_are_found_again():
    found = fit_learning_curve(IMAGES, law(IMAGES))
    assert found.limit == pytest.approx(0.85, abs=0.01)
    assert found.exponent == pytest.approx(0.5, abs=0.05)
    assert found.more == 200
    assert found.gain == pytest.approx(law(np.array([400]))[0] - law(np.array([200]))[0], rel=0.05)
    assert found.curve[0, 0] == 25
    assert found.curve[-1, 0] == 400


def test_the_interval_of_the_gain_holds_the_truth(rng):
    truth, inside = law(np.array([400]))[0] - law(np.array([200]))[0], 0
    for seed in range(40):
        scores = law(IMAGES) + rng.normal(0, 0.006, 4)
        resamples = scores + rng.normal(0, 0.006, (300, 4))
        low, high = fit_learning_curve(IMAGES, scores, resamples, seed=seed).gain_ends
        inside += low <= truth <= high
    assert inside >= 34


def test_what_test_images_leave_open_makes_the_interval_wider(rng):
    scores = law(IMAGES)
    narrow, wide = (
        fit_learning_curve(IMAGES, scores, scores + rng.normal(0, spread, (500, 4))).gain_ends
        for spread in (0.001, 0.02)
    )
    assert wide[1] - wide[0] > 3 * (narrow[1] - narrow[0])


def test_sentences():
    steep = fit_learning_curve(IMAGES, law(IMAGES), law(IMAGES) + np.random.default_rng(0).normal(0, 0.001, (300, 4)))
    assert steep.is_rising
    assert steep.sentence("mean IoU").startswith("200 more images (twice as many) would bring ")
    assert " to " in steep.sentence("mean IoU")
    flat = fit_learning_curve(IMAGES, np.array([0.7, 0.69, 0.71, 0.7]))
    assert not flat.is_rising
    assert "it is not certain that they would bring any" in flat.sentence("mean IoU")
    few = fit_learning_curve(IMAGES[:2], law(IMAGES[:2]))
    assert not few.is_fitted
    assert few.sentence("mean IoU") == "no curve: it takes 3 numbers of training images or more"
    assert few.to_json() == {"fit": None, "more_images": None, "gain": None}


def test_a_score_never_passes_one():
    found = fit_learning_curve(IMAGES, np.array([0.90, 0.95, 0.98, 0.995]))
    assert found.limit <= 1
    assert found.scale > 0


def test_undefined_scores_are_not_fitted():
    assert not fit_learning_curve(IMAGES, np.array([0.1, np.nan, 0.2, 0.3])).is_fitted


@pytest.mark.parametrize("images", [[10, 10, 20], [0, 10, 20], [10, 20]])
def test_bad_images(images):
    with pytest.raises(InputError, match="different numbers"):
        fit_learning_curve(np.array(images), np.array([0.1, 0.2, 0.3]))
