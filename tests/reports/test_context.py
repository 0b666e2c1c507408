import math

import pytest

from densa.errors import InputError
from densa.reports.context import context_charts, sizes_of_run


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "context.csv"
    path.write_text("step,size,score\n0,25,0.5\n1,50,0.9\n2,25,0.7\n3,40,\n4,50,\n")
    return path


def test_batches_and_mean_score_of_each_size(table):
    sizes = sizes_of_run(table)
    assert list(sizes) == [25, 40, 50]
    assert sizes[25] == (2, pytest.approx(0.6))
    assert sizes[50] == (2, 0.9)
    assert sizes[40][0] == 1
    assert math.isnan(sizes[40][1])


def test_two_charts_over_the_size(table):
    score, batches = context_charts(table)
    assert (score.title, batches.title) == ("Score per patch size", "Batches per patch size")
    assert len(score.lines[0].points.split()) == 2
    assert len(batches.lines[0].points.split()) == 3
    assert score.lines[0].last == "0.9"
    assert context_charts(table.with_name("none.csv")) == ()
    table.write_text("step,size,score\n0,25,0.5\n")
    assert context_charts(table) == ()  # one size is no line


@pytest.mark.parametrize("text", ["a,b\n1,2\n", "step,size,score\n0,x,1\n", "step,size,score\n0,25,high\n"])
def test_other_tables_are_refused(table, text):
    table.write_text(text)
    with pytest.raises(InputError, match="cannot be read"):
        sizes_of_run(table)


def test_the_page_of_a_run_shows_them(table, tmp_path):
    import numpy as np

    from densa import reports
    from densa.legend import Legend
    from densa.reports.page import render

    labels = np.zeros((4, 4), np.uint8)
    evaluation = reports.evaluate_pairs([reports.Pair("a", labels, labels)], Legend(("x", "y")))
    (tmp_path / "metrics.csv").write_text("step,loss\n1,2\n2,1\n")
    page = render(evaluation, curves=tmp_path / "metrics.csv")
    assert "Score per patch size" in page
    assert "Batches per patch size" in page
    table.unlink()
    assert "patch size" not in render(evaluation, curves=tmp_path / "metrics.csv")
