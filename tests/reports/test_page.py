import json
import re

import numpy as np
import pytest

import densa
from densa.errors import InputError
from densa.legend import Legend
from densa.reports import Pair, check_output, evaluate_pairs, write_report
from tests.reports.html_page import Page


@pytest.fixture
def evaluation(rng):
    legend = Legend(("sky <b>", "road & rail", "absent"))
    target = np.zeros((24, 40), np.uint8)
    target[10:] = 1
    target[0] = 255
    pairs = []
    for i in range(3):
        predicted = np.roll(target, i + 1, 0)
        probabilities = np.stack([predicted == k for k in range(3)]).astype(np.float32)
        image = np.stack([target] * 3), np.ones(target.shape, bool)
        pairs.append(Pair(f"<i>{i}", target, predicted, lambda v=image: v, lambda p=probabilities: p))
    return evaluate_pairs(pairs, legend, n_worst=2)


def test_page_is_self_contained_and_escaped(evaluation, tmp_path):
    path = write_report(evaluation, tmp_path / "new" / "report", title="A & B <script>", model="unet <x>", seed=3)
    html = path.read_text(encoding="utf-8")
    page = Page(html)
    assert all(reference.startswith("data:") for reference in page.references)
    assert not re.search(r"https?://|@import|url\(", html)
    for name in ("<i>1", "<i>2", "sky <b>", "road & rail", "unet <x>", "A & B <script>"):
        assert name in page.text
    for raw in ("<i>", "sky <b>", "unet <x>", "A & B <script>"):
        assert raw not in html
    assert page.tags.count("article") == 2
    assert page.tags.count("img") == 2 * (4 + 2 * 2)  # image, target, predicted, errors; two classes with relevance
    assert densa.__version__ in page.text


def test_every_number_stands_beside_its_rule(evaluation, tmp_path):
    text = Page(write_report(evaluation, tmp_path).read_text(encoding="utf-8")).text
    s = evaluation.summary
    for value in (s.mean_iou, s.class_average, s.global_accuracy, s.frequency_weighted_iou, evaluation.boundary.value):
        assert f"{100 * value:.1f} %" in text
    assert "over the 2 of 3 classes that occur in target or prediction; void pixels left out" in text
    assert "Within 0.75 % of the diagonal" in text
    assert "void: ignore; absent classes: skip" in text


def test_rules_change_what_the_page_says(rng, tmp_path):
    target, predicted = np.array([[0, 1, 255]]), np.array([[0, 255, 1]])
    pairs = [Pair("a", target, predicted)]
    evaluation = evaluate_pairs(pairs, Legend(("a", "b", "c")), void="false-positive", absent="zero")
    text = Page(write_report(evaluation, tmp_path).read_text(encoding="utf-8")).text
    assert (
        "over all 3 classes, those that do not occur count as 0; classes predicted on void are false positives" in text
    )
    assert "“No class” holds pixels for which nothing was predicted" in text
    assert "The row “void” holds" in text
    assert "no class" in text


def test_metrics_file_is_strict_json(evaluation, tmp_path):
    write_report(evaluation, tmp_path)
    text = (tmp_path / "metrics.json").read_text(encoding="utf-8")
    content = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert content == json.loads(json.dumps(evaluation.to_json()))
    assert content["classes"][2]["iou"] is None
    assert sorted(path.name for path in tmp_path.iterdir()) == ["metrics.json", "report.html"]


def test_many_classes_make_no_unreadable_table(tmp_path):
    legend = Legend(tuple(f"class {i}" for i in range(60)))
    labels = np.arange(60).reshape(6, 10)
    html = write_report(evaluate_pairs([Pair("a", labels, labels)], legend), tmp_path).read_text(encoding="utf-8")
    assert '<table class="heat">' not in html
    assert "every counted pixel is right" in html


def test_nothing_is_overwritten_silently(evaluation, tmp_path):
    write_report(evaluation, tmp_path)
    with pytest.raises(InputError, match=r"report\.html exists"):
        check_output(tmp_path)
    with pytest.raises(InputError, match=r"report\.html exists"):
        write_report(evaluation, tmp_path)
    before = (tmp_path / "report.html").stat().st_mtime_ns
    write_report(evaluation, tmp_path, overwrite=True)
    assert (tmp_path / "report.html").stat().st_mtime_ns > before
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(InputError, match="file is a file"):
        write_report(evaluation, file)


def test_training_curves_are_drawn(evaluation, tmp_path):
    curves = tmp_path / "metrics.csv"
    curves.write_text("step,learning_rate,loss,mean_iou\n1,0.01,2,\n2,0.01,1,0.4\n3,0.01,0.5,0.5\n")
    html = write_report(evaluation, tmp_path / "report", curves=curves).read_text(encoding="utf-8")
    assert Page(html).tags.count("polyline") == 3


def test_further_pictures_are_shown_with_their_captions(evaluation, tmp_path):
    picture = np.full((6, 9, 3), 120, np.uint8)
    html = write_report(evaluation, tmp_path, figures={"slic <i>": picture}).read_text()
    section = html[html.index("More pictures") :]
    assert "slic &lt;i&gt;" in section
    assert section.index("data:image/jpeg") < section.index("</article>")
