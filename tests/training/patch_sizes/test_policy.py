import json
import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from densa.errors import InputError
from densa.training.patch_sizes.policy import CONTEXT_KINDS, PatchSizePolicy, PatchSizeScores, recorded_sizes

TEXTS = ("fixed:65", "multi-fixed:45,55,65", "uniform:25-85", "multinomial:25,50,80")


@pytest.mark.parametrize("text", TEXTS)
def test_texts_are_read_and_written(text):
    policy = PatchSizePolicy.parse(f" {text} ")
    assert str(policy) == text
    assert PatchSizePolicy.parse(str(policy)) == policy
    assert policy.kind in CONTEXT_KINDS


def test_the_multinomial_of_the_paper():
    p = PatchSizePolicy.parse("multinomial:25,50").probabilities
    assert list(p) == list(range(25, 51))
    assert p[25] == p[50] == pytest.approx(0.076923, abs=1e-6)
    assert [p[size] for size in range(26, 50)] == pytest.approx([0.035256] * 24, abs=1e-6)
    assert sum(p.values()) == pytest.approx(1)


def test_other_distributions():
    assert PatchSizePolicy.parse("fixed:65").probabilities == {65: 1}
    assert PatchSizePolicy.parse("multi-fixed:45,55,65").probabilities == {45: 1 / 3, 55: 1 / 3, 65: 1 / 3}
    uniform = PatchSizePolicy.parse("uniform:25,85").probabilities
    assert list(uniform) == list(range(25, 86))
    assert set(uniform.values()) == {1 / 61}


@pytest.mark.parametrize("text", TEXTS)
def test_sizes_are_drawn_as_the_distribution_says(text):
    policy, n = PatchSizePolicy.parse(text), 4000
    counts = Counter(policy.size(3, step) for step in range(n))
    assert set(counts) <= set(policy.probabilities)
    # Pearson's statistic: its mean is the number of sizes less one, its deviation sqrt(2 mean).
    chi2 = sum((counts[size] - n * p) ** 2 / (n * p) for size, p in policy.probabilities.items())
    freedom = len(policy.probabilities) - 1
    assert chi2 <= freedom + 6 * math.sqrt(2 * freedom)


def test_a_size_depends_on_seed_and_step_alone():
    policy = PatchSizePolicy.parse("uniform:25-85")
    sizes = [policy.size(1, step) for step in range(50)]
    assert [PatchSizePolicy.parse("uniform:25-85").size(1, step) for step in reversed(range(50))] == sizes[::-1]
    assert [policy.size(2, step) for step in range(50)] != sizes


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("uniform", "context must be a distribution and its patch sizes, got 'uniform'; write fixed:65"),
        ("uniform:25-x", "got 'uniform:25-x'"),
        ("gauss:25-85", "context must be one of fixed, multi-fixed, uniform, multinomial, got 'gauss'"),
        ("fixed:25,30", "context fixed takes 1 patch sizes, got 2"),
        ("uniform:25", "context uniform takes 2 patch sizes, got 1"),
        ("uniform:85-25", "patch sizes of a context must grow, got 85, 25"),
        ("multi-fixed:25,25", "must grow"),
        ("fixed:0", "patch sizes must be from 1 to 4096"),
        ("uniform:25-5000", "patch sizes must be from 1 to 4096, got 25 to 5000"),
        ("multinomial:25,26,28", "3 listed sizes are too many for the 4 sizes from 25 to 28, .* list at most 1"),
    ],
)
def test_refusals(text, said):
    with pytest.raises(InputError, match=said):
        PatchSizePolicy.parse(text)


@given(st.lists(st.integers(1, 60), min_size=2, max_size=12, unique=True).map(sorted))
def test_the_multinomial_takes_what_leaves_a_share_to_every_size(values):
    possible = 2 * len(values) < values[-1] - values[0] + 1
    if possible:
        p = PatchSizePolicy("multinomial", tuple(values)).probabilities
        assert min(p.values()) > 0
        assert sum(p.values()) == pytest.approx(1)
    else:
        with pytest.raises(InputError, match="too many"):
            PatchSizePolicy("multinomial", tuple(values))


def _scored(kind, decay=0.0):
    scores = PatchSizeScores(kind, decay)
    for size, value in ((25, 0.5), (50, 0.9), (25, 0.7)):
        scores.add(size, value)
    return scores


def test_scores_and_occurrences_of_the_paper():
    scores = _scored("accuracy")
    assert scores.sizes == {25: (2, 1.2), 50: (1, 0.9)}
    assert (scores.mean(25), scores.mean(50)) == (0.6, 0.9)
    assert scores.best == 50
    assert scores.ranked() == [50, 25]


def test_an_unseen_size_never_wins():
    scores = _scored("loss")
    assert math.isnan(scores.mean(75))
    assert scores.best == 25  # the authors' code would take 75, whose mean it has as 0
    scores.add(75, math.nan)  # a batch without a labelled pixel
    assert scores.best == 25
    assert PatchSizeScores().best is None


def test_equals_go_to_the_smaller_size():
    scores = PatchSizeScores()
    for size in (50, 25, 30):
        scores.add(size, 0.5)
    assert scores.ranked() == [25, 30, 50]


def test_the_exponential_average_forgets_the_untrained_network():
    mean, recent = PatchSizeScores("accuracy"), PatchSizeScores("accuracy", 0.5)
    for scores in (mean, recent):
        for value in (0.1, 0.1, 0.9, 0.9):
            scores.add(25, value)
        scores.add(50, 0.6)
    assert mean.best == 50
    assert recent.best == 25
    assert recent.mean(25) == pytest.approx(0.7)  # 0.1, 0.1, 0.5, 0.7


@given(
    st.dictionaries(st.integers(1, 99), st.lists(st.floats(0, 5), min_size=1, max_size=4)), st.sampled_from([0, 0.9])
)
def test_the_state_comes_back_to_the_last_bit(values, decay):
    scores = PatchSizeScores("loss", decay)
    for size, its in values.items():
        for value in its:
            scores.add(size, value)
    again = PatchSizeScores("loss", decay)
    again.load(json.loads(json.dumps(scores.state())))
    assert again == scores


@pytest.mark.parametrize("state", [{"a": [1, 2.0]}, {"5": [0, 1.0]}, {"5": 3}, {"5": [1, math.nan]}, {"-5": [1, 1.0]}])
def test_damaged_states_are_refused(state):
    with pytest.raises(InputError, match="damaged"):
        PatchSizeScores().load(state)


def test_the_record_gives_the_best_sizes():
    record = {"context": json.loads(json.dumps(_scored("accuracy").record()))}
    assert recorded_sizes(record) == [50]
    assert recorded_sizes(record, 2) == [50, 25]
    assert recorded_sizes({"context": _scored("loss").record()}) == [25]
    with pytest.raises(InputError, match="scored 2 patch sizes, 3 were asked for"):
        recorded_sizes(record, 3)
    assert recorded_sizes({"settings": {"patch_size": 64}}) == [64]
    assert recorded_sizes({"settings": {"patch_size": [90, 64]}}) == [64]
    for empty in ({}, {"context": {}}, {"context": {"score": "loss", "sizes": {}}}, {"settings": {"patch_size": "x"}}):
        with pytest.raises(InputError, match="names no patch size"):
            recorded_sizes(empty)


def test_bad_scores_are_refused():
    with pytest.raises(InputError, match="accuracy, paper-accuracy, loss"):
        PatchSizeScores("iou")
    with pytest.raises(InputError, match="context_decay"):
        PatchSizeScores("loss", 1.0)
