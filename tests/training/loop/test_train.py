import csv
import json
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import nn

from densa import datasets
from densa.errors import InputError
from densa.metrics import ConfusionMatrix
from densa.networks import build
from densa.segmenter import Architecture, load_network_segmenter
from densa.training import Augmentation, Interrupted, TrainResult, train
from densa.training.loop import run as run_module
from densa.training.loop.validation import validate
from tests.reports.html_page import Page

BENT = Augmentation.flips(rotation=20, scale=0.2, elastic=2, gain=0.2, offset=0.1)
QUICK = {
    "steps": 12, "patch_size": 16, "batch_size": 2, "learning_rate": 1e-2, "precision": "float32",
    "augmentation": BENT, "progress": False, "log_every": 4, "device": "cpu",
    "validate_every": 12,
}  # fmt: skip


def _train(tiny, scenes, output, architecture, network=None, validation=True, **changes):
    network = network or tiny()
    result = train(
        network,
        scenes["train"],
        scenes["val"] if validation else None,
        output,
        **({"architecture": architecture} | QUICK | changes),
    )
    return network, result


def _equal(a, b):
    first, second = a.state_dict(), b.state_dict()
    return first.keys() == second.keys() and all(torch.equal(first[k], second[k]) for k in first)


def _rows(folder):
    with (folder / "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_learns_and_leaves_a_model_that_loads(tmp_path, scenes):
    torch.manual_seed(0)
    network = build("unet", 3, 2, width=2)
    architecture = Architecture("unet", {"width": 2})
    _, result = _train(
        None, scenes, tmp_path, architecture, network, steps=40, batch_size=4, patch_size=32,
        augmentation=Augmentation.flips(), learning_rate=2e-2, validate_every=20,
    )  # fmt: skip
    assert result.steps == 40
    assert result.mean_iou > 0.9
    segmenter = load_network_segmenter(tmp_path, build, device="cpu", precision="float32")
    scores = validate(segmenter, scenes["val"]).summary()
    assert scores.mean_iou == pytest.approx(result.mean_iou, abs=1e-6)
    training = json.loads((tmp_path / "model.json").read_text())["training"]
    assert training["step"] == result.best_step
    assert training["validation"]["mean_iou"] == pytest.approx(result.mean_iou)
    assert training["settings"]["learning_rate"] == 2e-2


def test_one_tile_is_learnt_by_heart(tmp_path, tiny, architecture):
    (tmp_path / "data" / "images").mkdir(parents=True)
    (tmp_path / "data" / "masks").mkdir()
    noise = np.random.default_rng(0).integers(0, 255, (8, 10, 3)).astype(np.uint8)
    labels = (noise[..., 0] > 127).astype(np.uint8)
    Image.fromarray(noise).save(tmp_path / "data" / "images" / "a.png")
    Image.fromarray(labels).save(tmp_path / "data" / "masks" / "a.png")
    tile = datasets.open(tmp_path / "data")
    result = train(
        tiny(dropout=0.0), tile["train"], tile["train"], tmp_path / "run",
        architecture=architecture,
        **QUICK | {"steps": 60, "patch_size": 8, "validate_every": 60, "augmentation": Augmentation.none()},
    )  # fmt: skip
    assert result.mean_iou > 0.97


def test_same_seed_same_weights(tmp_path, scenes, tiny, architecture):
    first, _ = _train(tiny, scenes, tmp_path / "a", architecture)
    again, _ = _train(tiny, scenes, tmp_path / "b", architecture)
    other, _ = _train(tiny, scenes, tmp_path / "c", architecture, seed=1)
    assert _equal(first, again)
    assert not _equal(first, other)


def test_the_callers_random_numbers_stay(tmp_path, scenes, tiny, architecture):
    network = tiny()
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    _train(tiny, scenes, tmp_path, architecture, network, steps=2)
    assert torch.equal(torch.rand(1), expected)


class _Stops(nn.Sequential):
    """Sends a signal to the process in its n-th training step, as Ctrl-C does."""

    def __init__(self, network, at, number=signal.SIGINT):
        super().__init__(*network)
        self.at, self.calls, self.number = at, 0, number

    def forward(self, x):
        if self.training and torch.is_grad_enabled():
            self.calls += 1
            if self.calls == self.at:
                signal.raise_signal(self.number)
        return super().forward(x)


@pytest.mark.parametrize(
    ("at", "changes"),
    [
        (7, {}),
        (5, {"optimizer": "sgd", "schedule": "poly", "ema_decay": 0.9, "accumulation": 2}),
        (9, {"validate_every": 3, "patience": 50, "recalibrate": True}),
        (4, {"sampling": "balanced", "patch_size": (9, 14), "loss_scale": "image", "bias_rate": 2.0}),
        (6, {"sampling": "single-objects", "schedule": "step", "milestones": (0.3, 0.7), "optimizer": "sgd"}),
        (6, {"sampling": "objects", "loss_scale": "sum", "learning_rate": 1e-4, "optimizer": "sgd"}),
    ],
)
def test_resumed_run_ends_with_the_weights_of_one_never_stopped(tmp_path, scenes, tiny, architecture, at, changes):
    whole, expected = _train(tiny, scenes, tmp_path / "whole", architecture, **changes)
    calls = at * changes.get("accumulation", 1)
    with pytest.raises(Interrupted, match=f"after step {at}.*resume=True"):
        _train(tiny, scenes, tmp_path / "cut", architecture, _Stops(tiny(), calls), **changes)
    resumed, result = _train(tiny, scenes, tmp_path / "cut", architecture, tiny(seed=8), resume=True, **changes)
    assert _equal(whole, resumed)
    assert (result.best_step, result.mean_iou) == (expected.best_step, expected.mean_iou)
    kept = [load_file(tmp_path / name / "model.safetensors") for name in ("whole", "cut")]
    assert all(torch.equal(kept[0][k], kept[1][k]) for k in kept[0])
    steps = [[int(row["step"]) for row in _rows(tmp_path / name)] for name in ("whole", "cut")]
    assert steps[0] == steps[1]


def test_sigterm_in_a_validation_is_made_good_after_resuming(tmp_path, scenes, tiny, architecture, monkeypatch):
    _, expected = _train(tiny, scenes, tmp_path / "whole", architecture)

    def interrupted(segmenter, dataset, *, images, stopped):
        signal.raise_signal(signal.SIGTERM)
        assert stopped()
        return ConfusionMatrix(2)

    monkeypatch.setattr(run_module, "validate", interrupted)
    with pytest.raises(Interrupted):
        _train(tiny, scenes, tmp_path / "cut", architecture)
    monkeypatch.undo()
    assert not (tmp_path / "cut" / "model.json").exists()
    _, result = _train(tiny, scenes, tmp_path / "cut", architecture, tiny(seed=8), resume=True)
    assert (result.best_step, result.mean_iou) == (expected.best_step, expected.mean_iou)


def test_resuming_a_finished_run_trains_no_more(tmp_path, scenes, tiny, architecture):
    first, result = _train(tiny, scenes, tmp_path, architecture)
    rows = _rows(tmp_path)
    again, second = _train(tiny, scenes, tmp_path, architecture, tiny(seed=8), resume=True)
    assert _equal(first, again)
    assert (second.steps, second.best_step) == (result.steps, result.best_step)
    assert _rows(tmp_path) == rows


def test_a_run_is_not_resumed_with_other_arguments(tmp_path, scenes, tiny, architecture):
    _train(tiny, scenes, tmp_path, architecture, steps=2)
    with pytest.raises(InputError, match=r"learning_rate was 0\.01 and is 0\.02"):
        _train(tiny, scenes, tmp_path, architecture, steps=2, resume=True, learning_rate=0.02)
    with pytest.raises(InputError, match="no checkpoint"):
        _train(tiny, scenes, tmp_path / "none", architecture, resume=True)


def test_a_run_is_not_written_over_another(tmp_path, scenes, tiny, architecture):
    _train(tiny, scenes, tmp_path, architecture, steps=1)
    with pytest.raises(InputError, match="holds a run already"):
        _train(tiny, scenes, tmp_path, architecture, steps=1)
    _, result = _train(tiny, scenes, tmp_path, architecture, steps=2, overwrite=True)
    assert result.steps == 2
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="is a file"):
        _train(tiny, scenes, tmp_path / "file", architecture)


def test_metrics_csv(tmp_path, scenes, tiny, architecture):
    _train(tiny, scenes, tmp_path, architecture, validate_every=6)
    rows = _rows(tmp_path)
    assert [int(row["step"]) for row in rows] == [4, 6, 8, 12, 12]
    assert [bool(row["mean_iou"]) for row in rows] == [False, True, False, False, True]
    rates = [float(row["learning_rate"]) for row in rows]
    assert rates[0] > rates[2] > rates[3] > 0
    assert all(float(row["images_per_second"]) > 0 for row in rows[:4])


def test_early_stopping(tmp_path, scenes, tiny, architecture):
    """A rate too small to change a label: the first validation stays the best."""
    _, result = _train(
        tiny, scenes, tmp_path, architecture, tiny(batch=False), learning_rate=1e-9, validate_every=2, patience=2,
        steps=50,
    )  # fmt: skip
    assert result.stopped_early
    assert (result.steps, result.best_step) == (6, 2)


def test_without_validation_the_last_weights_are_kept(tmp_path, scenes, tiny, architecture):
    network, result = _train(tiny, scenes, tmp_path, architecture, validation=False)
    assert np.isnan(result.mean_iou)
    assert result.best_step == 12
    stored = load_file(tmp_path / "model.safetensors")
    assert torch.equal(stored["0.weight"], network[0].weight.detach())


def test_minutes_bound_the_run(tmp_path, scenes, tiny, architecture):
    started = time.perf_counter()
    _, result = _train(tiny, scenes, tmp_path, architecture, steps=None, minutes=0.01)
    assert result.steps > 0
    assert 0.54 <= result.seconds <= time.perf_counter() - started + 0.1  # a tenth is kept for the last validation
    assert result.best_step > 0


def test_labels_that_are_all_ignored_change_nothing(tmp_path, scenes, tiny, architecture):
    class Unlabelled(type(scenes["train"])):
        def mask_labels(self, i):
            return np.full_like(super().mask_labels(i), 255)

    source = scenes["train"]
    unlabelled = Unlabelled(source.samples, source.legend, source.encoding)
    network = tiny(batch=False)
    before = [p.detach().clone() for p in network.parameters()]
    train(network, unlabelled, None, tmp_path, architecture=architecture, **QUICK | {"weight_decay": 0.0})
    assert all(torch.equal(a, b) for a, b in zip(before, network.parameters(), strict=True))
    assert float(_rows(tmp_path)[0]["loss"]) == 0


def test_divergence_says_what_to_lower(tmp_path, scenes, tiny, architecture):
    with pytest.raises(InputError, match="lower learning_rate") as caught:
        _train(
            tiny, scenes, tmp_path, architecture, tiny(batch=False), learning_rate=1e30, optimizer="sgd", clip_norm=0
        )
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "checkpoints").exists()


def test_accumulation_is_a_larger_batch(tmp_path, scenes, tiny, architecture):
    plain = {"network": None, "optimizer": "sgd", "steps": 4}
    results = [
        _train(tiny, scenes, tmp_path / str(a), architecture, **plain | {"network": tiny(batch=False, dropout=0.0)},
               batch_size=4 // a, accumulation=a)[0]
        for a in (1, 2, 4)
    ]  # fmt: skip
    for other in results[1:]:
        torch.testing.assert_close(results[0].state_dict(), other.state_dict(), rtol=1e-4, atol=1e-6)


def test_weights_reach_the_loss(tmp_path, scenes, tiny, architecture):
    plain, _ = _train(tiny, scenes, tmp_path / "a", architecture, steps=3)
    changes = [{"class_weights": "median-frequency"}, {"class_weights": "inverse"}, {"border_weight": 10.0}]
    for i, change in enumerate(changes):
        other, _ = _train(tiny, scenes, tmp_path / f"w{i}", architecture, steps=3, **change)
        assert not _equal(plain, other), change


def test_valid_convolutions_are_fed_with_a_margin(tmp_path, scenes):
    network = build("unet-valid", 3, 2, width=1)
    _, result = _train(
        None, scenes, tmp_path, Architecture("unet-valid", {"width": 1}), network, steps=1, batch_size=1, patch_size=20
    )
    assert result.steps == 1
    assert result.mean_iou >= 0


def test_bfloat16_trains(tmp_path, scenes, tiny, architecture):
    network, result = _train(tiny, scenes, tmp_path, architecture, precision="bfloat16")
    assert all(p.dtype == torch.float32 for p in network.parameters())
    assert result.mean_iou > 0.2


def test_tensorboard(tmp_path, scenes, tiny, architecture):
    pytest.importorskip("tensorboard")
    _train(tiny, scenes, tmp_path, architecture, steps=4, tensorboard=True)
    assert list((tmp_path / "tensorboard").glob("events*"))


def test_no_thread_is_left(tmp_path, scenes, tiny, architecture):
    _train(tiny, scenes, tmp_path, architecture, steps=2)
    assert not [t for t in threading.enumerate() if t.name.startswith("patches")]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"patch_size": 0}, "patch_size must be a side in pixels, at least 1"),
        ({"accumulation": 0}, "accumulation"),
        ({"learning_rate": 0}, "learning_rate must be greater than 0"),
        ({"momentum": 1}, "momentum"),
        ({"clip_norm": -1}, "clip_norm"),
        ({"optimizer": "adam"}, "optimizer must be 'adamw' or 'sgd'"),
        ({"schedule": "linear"}, "schedule must be 'cosine', 'poly'"),
        ({"class_weights": "some"}, "median-frequency"),
        ({"precision": "float16"}, "precision"),
        ({"device": "tpu"}, "device"),
        ({"steps": 0}, "steps"),
        ({"patience": -1}, "patience"),
        ({"sampling": "grid"}, "sampling must be 'random', 'balanced'"),
        ({"loss_scale": "max"}, "'mean', 'image' or 'sum'"),
        ({"bias_rate": 0}, "bias_rate must be greater than 0"),
        ({"classifier_rate": -1}, "classifier_rate must be greater than 0"),
        ({"patch_size": (3, 0)}, "patch_size must be a side in pixels, at least 1"),
        ({"sampling": "objects", "border_background": 2}, "from 0 to 1, got 2"),
    ],
)
def test_refusals(tmp_path, scenes, tiny, architecture, change, said):
    with pytest.raises(InputError, match=said):
        _train(tiny, scenes, tmp_path, architecture, **change)


@pytest.mark.parametrize("arguments", [{"width": 4}, {"width": 2, "n_bands": 3}])
def test_an_architecture_that_is_not_the_network_is_refused_at_once(scenes, tmp_path, arguments):
    network = build("unet", scenes["train"].n_bands, scenes["train"].legend.n_classes, width=2)
    with pytest.raises(InputError, match="architecture unet"):
        train(network, scenes["train"], None, tmp_path / "run", architecture=Architecture("unet", arguments), steps=1)
    assert not (tmp_path / "run").exists()


def test_a_notebook_shows_folder_and_score():
    shown = Page(TrainResult(Path("runs/<b>roads"), 120, 61.2, 90, 0.51239, True)._repr_html_())
    assert "b" not in shown.tags
    assert "runs/<b>roads" in shown.text
    assert "120 steps in 61 s; stopped early" in shown.text
    assert "0.5124 (step 90)" in shown.text
    assert "no images" in TrainResult(Path("run"), 9, 1.0, 9, float("nan"), False)._repr_html_()
