import itertools

import pytest

from densa.training.pieces.schedules import learning_rate_factor
from densa.training.settings import Optimisation


def _factor(schedule, share, **options):
    return learning_rate_factor(Optimisation(schedule=schedule, **{"warmup": 0.0} | options), share)


def test_poly_step_cosine_by_hand():
    assert _factor("poly", 0.75) == pytest.approx(0.25**0.9)
    assert _factor("cosine", 0.5) == pytest.approx(0.5)
    assert _factor("cosine", 1 / 3) == pytest.approx(0.75)
    values = [_factor("step", p) for p in (0.59, 0.6, 0.85)]
    assert values == pytest.approx([1, 0.1, 0.01])


@pytest.mark.parametrize("schedule", ["constant", "cosine", "poly", "step"])
def test_starts_at_one_and_never_rises(schedule):
    factors = [_factor(schedule, i / 50) for i in range(60)]
    assert factors[0] == 1
    assert all(a >= b for a, b in itertools.pairwise(factors))


def test_warm_up_rises_then_the_schedule_runs_over_the_rest():
    assert _factor("poly", 0.0, warmup=0.1) == pytest.approx(0.01)
    assert _factor("poly", 0.05, warmup=0.1) == pytest.approx(0.505)
    assert _factor("poly", 0.1, warmup=0.1) == 1
    assert _factor("poly", 1.0, warmup=0.1) == 0


@pytest.mark.parametrize("power", [0.5, 0.9, 1.0])
def test_poly_is_caffes_at_every_step(power):
    n = 500
    for step in range(n):
        assert _factor("poly", step / n, poly_power=power) == (1 - step / n) ** power


def test_step_falls_where_the_solvers_do():
    """DeconvNet's first stage: 20 000 steps, divided by 10 every 9000."""
    factors = [_factor("step", s / 20_000, milestones=(0.45, 0.9)) for s in (8999, 9000, 17_999, 18_000)]
    assert factors == pytest.approx([1, 0.1, 0.1, 0.01])
