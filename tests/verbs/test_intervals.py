import pytest

from densa.errors import InputError
from densa.metrics.intervals import IntervalRule, UnitRule
from densa.verbs.intervals import interval_rule
from densa.verbs.settings import EvaluateOptions


def test_the_rule_is_that_of_the_options():
    settings = EvaluateOptions(units="block", unit_block=64, resamples=500)
    assert interval_rule(settings, 3) == IntervalRule(UnitRule("block", 64), 500, 3)
    assert interval_rule(EvaluateOptions(intervals=False), 0) is None


def test_options_that_exclude_each_other():
    with pytest.raises(InputError, match="unit_block"):
        interval_rule(EvaluateOptions(units="image", unit_block=64), 0)
    with pytest.raises(InputError, match="resamples"):
        EvaluateOptions(resamples=5)
