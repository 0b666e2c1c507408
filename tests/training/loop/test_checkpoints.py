import pickle

import pytest
import torch
from safetensors.torch import save_file

from densa.errors import InputError
from densa.training.loop.checkpoints import RunState, load_checkpoint, save_checkpoint
from densa.training.pieces.averaging import make_average
from densa.training.pieces.optimizers import make_optimizer
from densa.training.settings import Optimisation


def _trained(tiny, name="adamw", seed=0):
    network = tiny(seed=seed)
    optimizer = make_optimizer(network, Optimisation(optimizer=name))
    network(torch.randn(2, 3, 8, 8)).sum().backward()
    optimizer.step()
    return network, optimizer


def _same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


@pytest.mark.parametrize("name", ["adamw", "sgd"])
def test_round_trip(tmp_path, tiny, name):
    network, optimizer = _trained(tiny, name)
    average = make_average(tiny(seed=5))
    state = RunState(step=7, seconds=1.5, best=0.25, best_step=4, n_worse=2, n_validations=3, validated_at=6)
    path = tmp_path / "run" / "last.safetensors"
    save_checkpoint(path, network, optimizer, state, average=average, arguments={"seed": 1, "pair": (1, 2)})
    other, other_optimizer = _trained(tiny, name, seed=9)
    other_average = make_average(tiny(seed=6))
    loaded = load_checkpoint(path, other, other_optimizer, average=other_average, arguments={"seed": 1, "pair": (1, 2)})
    assert loaded == state
    assert _same(network.state_dict(), other.state_dict())
    assert _same(average.state_dict(), other_average.state_dict())
    for a, b in zip(optimizer.state.values(), other_optimizer.state.values(), strict=True):
        assert _same(a, b)
    assert [p.name for p in path.parent.iterdir()] == ["last.safetensors"]


def test_other_arguments_are_named(tmp_path, tiny):
    network, optimizer = _trained(tiny)
    path = tmp_path / "last.safetensors"
    save_checkpoint(path, network, optimizer, RunState(), arguments={"seed": 1, "steps": 5})
    with pytest.raises(InputError, match="seed was 1 and is 2"):
        load_checkpoint(path, network, optimizer, arguments={"seed": 2, "steps": 5})


def test_refusals(tmp_path, tiny):
    network, optimizer = _trained(tiny)
    with pytest.raises(InputError, match="no checkpoint"):
        load_checkpoint(tmp_path / "none.safetensors", network, optimizer)
    foreign = tmp_path / "foreign.safetensors"
    save_file({"a": torch.zeros(2)}, foreign)
    with pytest.raises(InputError, match="not a checkpoint of densa"):
        load_checkpoint(foreign, network, optimizer)
    pickled = tmp_path / "pickle.safetensors"
    pickled.write_bytes(pickle.dumps({"step": 1}))
    with pytest.raises(InputError, match="cannot be read"):
        load_checkpoint(pickled, network, optimizer)
    good = tmp_path / "good.safetensors"
    save_checkpoint(good, network, optimizer, RunState())
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(good.read_bytes()[:-50])
    with pytest.raises(InputError, match="cannot be read"):
        load_checkpoint(cut, network, optimizer)
    other = tiny(n_classes=3)
    with pytest.raises(InputError, match="another network"):
        load_checkpoint(good, other, make_optimizer(other, Optimisation()))
