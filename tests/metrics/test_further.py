"""The further measures together: chosen by name, each with its rule, equal to those computed one by one."""

import json

import numpy as np
import pytest
from numpy.testing import assert_allclose

from densa.errors import InputError
from densa.metrics import (
    MEASURES,
    BoundaryIou,
    ConfusionMatrix,
    DicePerImage,
    FurtherMeasures,
    Hausdorff,
    SizeRecall,
    Trimap,
    weighted_kappa,
)
from tests.metrics.test_boundary_iou import blobs


@pytest.fixture
def images(rng):
    found = [(blobs(rng), blobs(rng)) for _ in range(3)]
    for target, _ in found:
        target[:4] = 255
    return found


def test_they_are_those_computed_one_by_one(images):
    found = FurtherMeasures(3, widths=[3], limits=[50], kappa="quadratic")
    parts = ConfusionMatrix(3), DicePerImage(3), BoundaryIou(3), Trimap(3, [3]), Hausdorff(3), SizeRecall(3, [50])
    for pair in images:
        found.update(*pair)
        for part in parts:
            part.update(*pair)
    confusion, dice, boundary, trimap, hausdorff, recall = parts
    values = {one.key: one.value for one in found.measures()}
    expected = {
        "dice_pooled": confusion.summary().f1.mean(),
        "dice_per_image": dice.value,
        "boundary_iou": boundary.value,
        "trimap_iou_3px": trimap.iou()[0],
        "hausdorff_95": hausdorff.value,
        "recall_of_objects_from_1px": recall.rows()[0].found,
        "recall_of_objects_from_50px": recall.rows()[1].found,
        "weighted_kappa_quadratic": weighted_kappa(confusion.matrix[:, :-1], "quadratic"),
    }
    assert list(values) == list(expected)
    assert_allclose(list(values.values()), list(expected.values()))
    content = json.loads(json.dumps(found.to_json(["a", "b", "c"]), allow_nan=False))
    assert set(content["rules"]) == set(expected)
    assert all(content["rules"].values())
    assert_allclose([row["boundary_iou"] for row in content["classes"]], boundary.per_class)
    assert content["objects_by_size"][1]["n_objects"] == recall.rows()[1].n_objects
    assert len(list(found.lines())) == len(expected)


def test_only_what_is_chosen_is_computed(images, monkeypatch):
    monkeypatch.setattr(Hausdorff, "update", None)
    found = FurtherMeasures(3, ["trimap-iou", "dice"])
    found.update(*images[0])
    keys = [one.key for one in found.measures()]
    assert keys == ["dice_pooled", "dice_per_image", "trimap_iou_2px", "trimap_iou_5px", "trimap_iou_10px"]
    assert FurtherMeasures(3, [], kappa="linear").measures()[0].key == "weighted_kappa_linear"
    assert FurtherMeasures(3).names == MEASURES
    with pytest.raises(InputError, match=r"measures must be of dice, .* got 'iou'"):
        FurtherMeasures(3, ["iou"])


def test_nothing_measured_is_undefined(images):
    found = FurtherMeasures(2)
    found.update(np.full((9, 9), 255), np.zeros((9, 9), int))
    assert {one.text for one in found.measures()} == {"undefined"}
    assert found.to_json(["a", "b"])["dice_pooled"] is None


def test_values_of_the_sums_are_those_of_the_measures(rng):
    """Of all images together, and of any of them."""
    further, parts = FurtherMeasures(4, widths=(2, 6), limits=(8,)), []
    confusion = ConfusionMatrix(4)
    for _ in range(3):
        target = rng.integers(0, 3, (6, 8)).repeat(4, 0).repeat(4, 1).astype(np.uint8)  # the fourth class is absent
        predicted = np.where(rng.random(target.shape) < 0.2, 0, target).astype(np.uint8)
        target[:2] = 255
        before = further.sums
        further.update(target, predicted)
        confusion.update(target, predicted)
        parts.append(further.sums - before)
    np.testing.assert_allclose(np.sum(parts, 0), further.sums)
    found = further.values_of(further.sums, confusion.summary().f1)
    expected = {measure.key: measure.value for measure in further.measures()}
    assert list(found) == list(expected)
    np.testing.assert_allclose([float(v) for v in found.values()], list(expected.values()))
    stacked = further.values_of(np.stack([further.sums, parts[0]]), np.zeros((2, 4)))
    assert all(value.shape == (2,) for value in stacked.values())
