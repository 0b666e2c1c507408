import itertools
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

import densa
from densa.errors import InputError
from densa.legend import Legend
from densa.reports import Pair, check_output, evaluate_pairs, write_report
from densa.reports.curves import _ticks, training_charts

VOID_ELEMENTS = {"meta", "link", "img", "br", "line"}


class Page(HTMLParser):
    """Checks that elements nest, and collects what the page shows and refers to."""

    def __init__(self, html):
        super().__init__()
        self.open, self.references, self.text, self.tags = [], [], "", []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.references += [value for name, value in attributes if name in {"src", "href", "srcset", "action"}]
        if tag not in VOID_ELEMENTS:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


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
    rows = [f"{step},{step * 0.5},0.01,{2 / step},,{0.4 if step % 2 else ''}" for step in range(1, 9)]
    curves.write_text("step,seconds,learning_rate,loss,images_per_second,mean_iou\n" + "\n".join(rows))
    charts = training_charts(curves)
    assert [chart.title for chart in charts] == ["Loss", "Scores", "Learning rate"]
    loss, scores, _ = charts
    assert loss.x_title == "step"
    assert [line.name for line in scores.lines] == ["mean iou"]
    assert len(scores.lines[0].points.split()) == 4  # empty cells are no points
    left, top, right, bottom = loss.frame
    points = [tuple(map(float, point.split(","))) for point in loss.lines[0].points.split()]
    assert points[0][0] == left
    assert points[-1][0] == right
    assert all(left <= x <= right and top <= y <= bottom for x, y in points)
    assert points == sorted(points)  # the loss falls: y grows downwards
    assert all(earlier[1] < later[1] for earlier, later in itertools.pairwise(points))
    html = write_report(evaluation, tmp_path / "report", curves=curves).read_text(encoding="utf-8")
    assert Page(html).tags.count("polyline") == 3


def test_further_pictures_are_shown_with_their_captions(evaluation, tmp_path):
    picture = np.full((6, 9, 3), 120, np.uint8)
    html = write_report(evaluation, tmp_path, figures={"slic <i>": picture}).read_text()
    section = html[html.index("More pictures") :]
    assert "slic &lt;i&gt;" in section
    assert section.index("data:image/jpeg") < section.index("</article>")


def test_long_curves_are_thinned(tmp_path):
    curves = tmp_path / "metrics.csv"
    curves.write_text("step,loss\n" + "\n".join(f"{i},{i}" for i in range(5000)))
    (chart,) = training_charts(curves)
    assert 100 <= len(chart.lines[0].points.split()) <= 300


def test_curves_that_are_no_table(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        training_charts(tmp_path / "missing.csv")
    empty = tmp_path / "empty.csv"
    empty.write_text("")
    assert training_charts(empty) == ()
    empty.write_text("step,loss\nx,y\n1,nan\n")
    assert training_charts(empty) == ()


@pytest.mark.parametrize(("low", "high"), [(0, 1), (0.2, 0.9), (3, 3), (0, 0), (-5, 1234), (1e-6, 3e-6)])
def test_ticks_are_round_and_span_the_range(low, high):
    ticks = _ticks(low, high)
    assert ticks[0] <= low
    assert ticks[-1] >= high
    assert len(ticks) <= 7
