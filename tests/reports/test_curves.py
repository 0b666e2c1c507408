"""Curves of a training run as charts."""

import itertools

import pytest

from densa.errors import InputError
from densa.reports.curves import ticks, training_charts


def test_charts_of_a_run(tmp_path):
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
    found = ticks(low, high)
    assert found[0] <= low
    assert found[-1] >= high
    assert len(found) <= 7
