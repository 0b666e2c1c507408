import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

from densa import metrics
from densa.metrics.intervals import IntervalRule


def images(rng, n=12):
    for k in range(n):
        target = rng.integers(0, 3, (20, 30)).astype(np.uint8)
        target[0] = 255
        predicted = np.where(rng.random(target.shape) < 0.1 * (k % 4), (target + 1) % 3, target).astype(np.uint8)
        predicted[target == 255] = 0
        yield f"image {k}", "rain" if k % 2 else "sun", target, predicted


def test_a_group_is_the_matrix_of_its_images(rng):
    breakdown, by_hand = metrics.Breakdown(3, "weather"), {}
    for name, weather, target, predicted in images(rng):
        breakdown.update(weather, target, predicted, image=name)
        by_hand.setdefault(weather, metrics.ConfusionMatrix(3)).update(target, predicted)
    groups = breakdown.groups()
    assert [group.value for group in groups] == ["rain", "sun"]
    for group in groups:
        assert group.images == 6
        assert_array_equal(group.summary.iou, by_hand[group.value].summary().iou)
        assert group.interval("mean_iou") is None


def test_intervals_are_over_the_images_of_the_group(rng):
    breakdown = metrics.Breakdown(3, "weather", intervals=IntervalRule(resamples=500))
    for name, weather, target, predicted in images(rng):
        breakdown.update(weather, target, predicted, image=name)
    for group in breakdown.groups():
        low, high = group.interval("global_accuracy")
        assert low < group.summary.global_accuracy < high


def test_windows_of_one_image_are_one_image(rng):
    breakdown = metrics.Breakdown(3, "weather")
    for corner in ((0, 0), (0, 30)):
        _, _, target, predicted = next(images(rng, 1))
        breakdown.update("sun", target, predicted, image="scene", corner=corner)
    (group,) = breakdown.groups()
    assert group.images == 1
    assert_allclose(group.summary.n_pixels, 2 * 19 * 30)
