"""The further measures of `densa evaluate`."""

import json

import pytest
from numpy.testing import assert_allclose


@pytest.fixture
def evaluated(run_cli, trained, squares, tmp_path):
    def run(*options):
        code, out, err = run_cli("evaluate", trained, squares, "--no-intervals", *options)
        assert code == 0, err
        return out

    return run


def test_all_are_in_text_json_and_page_with_their_rules(evaluated, tmp_path):
    out = evaluated("-o", tmp_path / "report")
    found = json.loads((tmp_path / "report" / "metrics.json").read_text())
    measures, page = found["measures"], (tmp_path / "report" / "report.html").read_text()
    for name in ("Dice, pooled", "Dice, per image", "Boundary IoU", "Trimap IoU, 5 px", "Hausdorff distance, 95 %"):
        assert name in out
        assert name in page
    f1 = [row["f1"] for row in found["classes"]]
    assert_allclose(measures["dice_pooled"], sum(f1) / 2)
    assert "weighted" not in " ".join(measures)
    assert [row["name"] for row in measures["classes"]] == ["ground", "square"]
    assert "larger of both directions" in page


def test_they_are_chosen(evaluated):
    content = json.loads(evaluated("--json", "--measures", "hausdorff", "--weighted-kappa", "linear"))["measures"]
    assert set(content) == {"hausdorff_95", "weighted_kappa_linear", "rules", "classes"}
    assert "measures" not in json.loads(evaluated("--json", "--measures", "none"))
    chosen = ("--measures", "trimap-iou,size-recall", "--trimap-widths", "1,3.5", "--object-sizes", "20")
    content = json.loads(evaluated("--json", *chosen))["measures"]
    assert {"trimap_iou_1px", "trimap_iou_3.5px", "recall_of_objects_from_20px"} < set(content)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--measures", "dice,iou"), "--measures must be of dice, boundary-iou, trimap-iou, hausdorff, size-recall"),
        (("--trimap-widths", "a"), "--trimap-widths must be numbers with commas"),
        (("--trimap-widths", "-1"), "widths of a trimap must be at least 0"),
        (("--object-sizes", "9,3"), "must rise"),
        (("--weighted-kappa", "cubic"), "weighted"),
    ],
)
def test_mistakes_are_one_line(run_cli, trained, squares, options, message):
    code, _, err = run_cli("evaluate", trained, squares, *options)
    assert code == 2
    assert message in err.splitlines()[-1]
