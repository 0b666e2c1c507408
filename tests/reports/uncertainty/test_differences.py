import numpy as np
import pytest

from densa.metrics.intervals import IntervalRule, UnitSums, compare_runs
from densa.reports.uncertainty.differences import TITLES, difference_lines, difference_page, rank_text


@pytest.fixture
def paired(rng):
    """A clear winner among three runs."""
    runs = {name: UnitSums(2) for name in ("a", "b", "c")}
    for i in range(15):
        target = rng.integers(0, 2, (20, 20)).astype(np.uint8)
        for sums, wrong in zip(runs.values(), (0.3, 0.05, 0.3), strict=True):
            sums.add(target, np.where(rng.random(target.shape) < wrong, 1 - target, target), image=f"{i}")
    return compare_runs(runs, rule=IntervalRule(resamples=500))


def test_lines_name_each_pair_and_the_ranks(paired):
    *pairs, ranks, text = difference_lines(paired)
    assert [line.split(":")[0] for line in pairs] == ["b less a", "c less a", "c less b"]
    assert "mean IoU +0." in pairs[0]
    assert "boundary F1" not in pairs[0]  # was not measured
    assert ranks == "rank by mean IoU: a 2 to 3, b 1, c 2 to 3; b differs from all others"
    assert text.endswith("p-values corrected for 3 pairs (Holm)")


def test_the_page_has_a_cell_for_each_score(paired):
    page = difference_page(paired)
    assert len(page["rows"]) == 3
    assert all(len(row["cells"]) == len(TITLES) for row in page["rows"])
    first, second = page["rows"][0]["cells"][0], page["rows"][1]["cells"][0]
    assert (first["differs"], second["differs"]) == (True, False)
    assert first["value"].startswith("+")
    assert page["rows"][0]["cells"][3]["value"] == "–"
    assert page["ranks"][1] == ("b", ["1", "1", "1", "1 to 3"])


def test_ranks_in_words():
    assert (rank_text((1, 1)), rank_text((2, 4))) == ("1", "2 to 4")
