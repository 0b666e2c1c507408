import pytest

from densa.errors import InputError
from densa.training.loop.checkpoints import RunState
from densa.training.loop.plan import RunPlan
from densa.training.settings import Training


def test_steps_alone_validate_ten_times_and_at_the_end():
    plan = RunPlan(Training(steps=25))
    due = [step for step in range(26) if plan.validates(RunState(step=step))]
    assert due == [*range(2, 26, 2), 25]
    assert plan.share(RunState(step=25)) == 1


def test_what_ends_first_ends_the_run():
    plan = RunPlan(Training(steps=100, minutes=1))
    assert plan.share(RunState(step=10, seconds=30)) == 0.5
    assert plan.share(RunState(step=70, seconds=30)) == 0.7


def test_minutes_validate_at_tenths_of_the_time():
    plan = RunPlan(Training(minutes=1))
    assert not plan.validates(RunState(step=5, seconds=5.9))
    assert plan.validates(RunState(step=5, seconds=6))
    assert not plan.validates(RunState(step=6, seconds=7, validated_at=5, n_validations=1))
    assert not plan.validates(RunState(step=5, seconds=7, validated_at=5, n_validations=0))
    assert plan.validates(RunState(step=6, seconds=60, n_validations=30))


def test_slow_validations_are_fewer_and_have_more_images():
    """A third of the tenth of the time for the first eight images; then two more validations, the last at the end."""
    plan = RunPlan(Training(minutes=10))
    early = RunState(step=5, seconds=60)
    assert plan.seconds_to_validate(early, 1) == pytest.approx(20)
    assert plan.seconds_to_validate(early, 8) == pytest.approx(6)
    assert RunPlan(Training(steps=5)).seconds_to_validate(early, 1) is None
    after = {"step": 6, "validated_at": 5, "n_validations": 1, "validation_cost": 20, "validation_seconds": 20}
    assert not plan.validates(RunState(seconds=300, **after))
    assert plan.validates(RunState(seconds=400, **after))
    assert plan.validates(RunState(seconds=120, **after | {"validation_cost": 6, "validation_seconds": 6}))


def test_default_is_2000_steps():
    assert RunPlan(Training()).steps == 2000
    assert RunPlan(Training(minutes=1)).steps is None


def test_patience():
    assert not RunPlan(Training()).stops_early(RunState(n_worse=1000))
    assert not RunPlan(Training(patience=3)).stops_early(RunState(n_worse=2))
    assert RunPlan(Training(patience=3)).stops_early(RunState(n_worse=3))


@pytest.mark.parametrize("bad", [{"steps": 0}, {"minutes": -1}, {"validate_every": 0}, {"patience": -1}])
def test_refusals(bad):
    with pytest.raises(InputError, match=next(iter(bad))):
        Training(**bad)
