import pytest
import torch

from densa.errors import InputError
from densa.networks import SegNet
from densa.reports import cost as module
from densa.reports.cost import CostSettings, Measured, measure_cost

SMALL = CostSettings(40, 48, batch=2, repeats=1, device="cpu")


def test_each_task_in_this_process():
    """What the fresh processes do, without their start."""
    method = Measured("segnet", 3, 4, {"width": 4})
    found = {}
    for task in module._TASKS.values():
        found |= task(method, SMALL)
    assert found["parameters"] == sum(p.numel() for p in SegNet(3, 4, width=4).parameters())
    assert found["model_mb"] == pytest.approx(4e-6 * found["parameters"], rel=0.05)
    assert found["inference_mb"] > found["activation_mb"] >= 0
    assert found["forward_ms"] > 0
    assert found["backward_ms"] > 0


def test_a_size_that_the_network_does_not_take_is_enlarged_as_in_prediction():
    network = module._built(Measured("unet", 2, 3, {"width": 2}))
    images = module._images(network, Measured("unet", 2, 3), CostSettings(33, 50), torch.device("cpu"), 1)
    assert images.shape == (1, 2, 48, 64)


def test_what_a_fresh_process_refuses_comes_back():
    with pytest.raises(InputError, match="width must be"):
        measure_cost(Measured("segnet", 3, 4, {"width": 0}), SMALL)


def test_a_fresh_process_answers():
    found = module._in_fresh_process("times", Measured("segnet", 3, 4, {"width": 2}), SMALL)
    assert found["forward_ms"] > 0
    assert found["backward_ms"] > 0


def test_settings_are_checked():
    with pytest.raises(InputError, match="repeats must be at least 1, got 0"):
        CostSettings(repeats=0)
    with pytest.raises(InputError, match="precision"):
        CostSettings(precision="auto")


def test_out_of_memory_is_a_note(monkeypatch, capsys):
    import io
    import json
    import sys
    from dataclasses import asdict

    def full(method, settings):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setitem(module._TASKS, "times", full)
    order = {"task": "times", "method": asdict(Measured("segnet", 3, 4)), "settings": asdict(SMALL)}
    monkeypatch.setattr(sys, "stdin", io.StringIO(json.dumps(order)))
    module.work()
    assert json.loads(capsys.readouterr().out) == {"note": "not enough memory"}
