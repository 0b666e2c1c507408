import json
import math
from html.parser import HTMLParser

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from densa.errors import InputError
from densa.legend import Legend
from densa.metrics import BoundaryF1, ConfusionMatrix
from densa.reports import Pair, evaluate_pairs
from tests.reports.html_page import Page

LEGEND = Legend(("background", "coin", "never there"))
KEYS = {
    "global_accuracy", "class_average", "mean_iou", "boundary_f1", "frequency_weighted_iou", "kappa",
    "quantity_disagreement", "allocation_disagreement",
    "share_without_label", "share_without_class", "rules",
    "confusion_matrix", "classes", "intervals",
}  # fmt: skip


def image_of(target):
    return np.stack([target * 40] * 3).astype(np.uint8), np.ones(target.shape, bool)


def pairs_with(shares, rng, shape=(30, 47)):
    """One pair for each share of wrong pixels."""
    for i, share in enumerate(shares):
        target = np.zeros(shape, np.uint8)
        target[5:20, 8:30] = 1
        target[0] = 255
        wrong = rng.random(shape) < share
        yield Pair(f"image {i}", target, np.where(wrong, 1 - target % 2, target % 2), lambda t=target: image_of(t))


def test_numbers_are_those_of_one_matrix_over_the_set(rng):
    pairs = list(pairs_with([0.1, 0.4, 0], rng))
    evaluation = evaluate_pairs(pairs, LEGEND)
    confusion, boundary = ConfusionMatrix(3), BoundaryF1(3)
    for pair in pairs:
        confusion.update(pair.target, pair.predicted)
        boundary.update(pair.target, pair.predicted)
    assert_array_equal(evaluation.confusion.counts, confusion.counts)
    assert_allclose(evaluation.boundary.value, boundary.value)
    assert evaluation.summary.mean_iou == confusion.summary().mean_iou


def test_json_has_the_keys_and_nulls(rng):
    content = evaluate_pairs(pairs_with([0.2], rng), LEGEND, absent="zero", void="false-positive").to_json()
    content = json.loads(json.dumps(content, allow_nan=False))
    assert set(content) == KEYS
    assert content["rules"]["void"] == "false-positive"
    assert content["rules"]["absent"] == "zero"
    assert [entry["name"] for entry in content["classes"]] == list(LEGEND.class_names)
    assert content["classes"][2] == {"name": "never there", "iou": None, "accuracy": None, "f1": None}
    matrix = np.array(content["confusion_matrix"])
    assert matrix.shape == (3, 3)
    assert matrix.sum() == 29 * 47
    assert 0 < content["mean_iou"] < 1
    assert_allclose(content["mean_iou"] * 3, sum(entry["iou"] or 0 for entry in content["classes"]))


def test_pixels_without_a_predicted_class_are_told_apart():
    target = np.array([[0, 0, 1, 1]])
    content = evaluate_pairs([Pair("a", target, np.array([[0, 255, 1, 255]]))], LEGEND).to_json()
    assert content["confusion_matrix"] == [[1, 0, 0], [0, 1, 0], [0, 0, 0]]
    assert content["rules"]["no_class_predicted_pixels"] == [1, 1, 0]
    assert content["global_accuracy"] == 0.5


def test_worst_images_come_first_and_only_they_are_read(rng):
    shares = [0.1, 0.5, 0.2, 0.4, 0.0]
    read = []

    def watched():
        for i, pair in enumerate(pairs_with(shares, rng)):
            reader = pair.image
            yield Pair(pair.name, pair.target, pair.predicted, lambda i=i, reader=reader: (read.append(i), reader())[1])

    evaluation = evaluate_pairs(watched(), LEGEND, n_worst=2)
    assert [view.score.name for view in evaluation.worst] == ["image 1", "image 3"]
    assert [score.name for score in evaluation.images] == [f"image {i}" for i in (1, 3, 2, 0, 4)]
    assert read == [0, 1, 2, 3]  # the last one is better than all that are kept
    assert evaluate_pairs(pairs_with(shares, rng), LEGEND, n_worst=0).worst == ()


def test_pictures_are_scaled_down_and_keep_their_labels(rng):
    target = np.repeat(np.arange(2, dtype=np.uint8), 60)[None].repeat(50, 0)  # 50 x 120
    probabilities = np.stack([target == 0, target == 1, target == 9]).astype(np.float32)
    pair = Pair("wide", target, target, lambda: image_of(target), lambda: probabilities)
    (view,) = evaluate_pairs([pair], LEGEND, side=12).worst
    assert view.target.shape == view.predicted.shape == view.image.shape[:2] == (5, 12)
    assert_array_equal(view.target[0], [0] * 6 + [1] * 6)
    assert view.classes == (0, 1)
    assert_array_equal(view.probabilities[1], 255 * view.target)
    assert set(view.probabilities) == {0, 1}


def test_images_without_a_label_come_last(rng):
    void = np.full((4, 5), 255)
    pairs = [Pair("void", void, np.zeros((4, 5), int)), *pairs_with([0.3], rng)]
    evaluation = evaluate_pairs(pairs, LEGEND)
    assert [score.name for score in evaluation.images] == ["image 0", "void"]
    assert math.isnan(evaluation.images[1].mean_iou)


def test_wrong_input_is_refused_and_named(rng):
    with pytest.raises(InputError, match="at least one prediction with its mask"):
        evaluate_pairs([], LEGEND)
    with pytest.raises(InputError, match=r"scene 7: target and predicted must have the same shape"):
        evaluate_pairs([Pair("scene 7", np.zeros((3, 4), int), np.zeros((4, 3), int))], LEGEND)
    with pytest.raises(InputError, match="scene 8: predicted has the value 3"):
        evaluate_pairs([Pair("scene 8", np.zeros((3, 4), int), np.full((3, 4), 3))], LEGEND)
    with pytest.raises(InputError, match="void must be"):
        evaluate_pairs(iter([]), LEGEND, void="keep")
    zeros = np.zeros((3, 4), int)
    with pytest.raises(InputError, match=r"scene 9: probabilities must be \(3, H, W\)"):
        evaluate_pairs([Pair("scene 9", zeros, zeros, None, lambda: np.zeros((2, 3, 4)))], LEGEND)


def test_a_notebook_shows_the_page():
    target = np.array([[0, 0, 1, 1]])
    pair = Pair("<marquee>photo", target, np.array([[0, 1, 1, 1]]))
    evaluation = evaluate_pairs([pair], Legend(("<mark>ground</mark>", "roof")))

    class Frame(HTMLParser):
        def handle_starttag(self, tag, attributes):
            self.tag, self.page = tag, dict(attributes)["srcdoc"]

    frame = Frame()
    frame.feed(evaluation._repr_html_())
    assert frame.tag == "iframe"
    page = Page(frame.page)
    assert "<mark>ground</mark>" in page.text
    assert "<marquee>photo" in page.text
    assert {"mark", "marquee"}.isdisjoint(page.tags)
    assert "75.0 %" in page.text


@pytest.mark.parametrize("void", ["ignore", "false-positive"])
def test_nothing_measured_is_no_score(void):
    pair = Pair("a", np.full((4, 5), 255, np.uint8), np.zeros((4, 5), np.uint8))
    with pytest.raises(InputError, match="nothing can be measured: no pixel of the mask of a has a class"):
        evaluate_pairs([pair], LEGEND, void=void)
