import csv
import json
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from densa import Legend, raster
from densa.errors import InputError
from densa.networks import build
from densa.segmenter import Architecture
from densa.training import Augmentation, Interrupted, TrainConfig, plan_from_config, train, train_from_config
from densa.training.loop import run as run_module
from densa.training.loop.checkpoints import RunState
from densa.training.loop.step import make_accelerator
from densa.training.patch_sizes.in_progress import DrawnPatchSizes, check_context, rounded_sizes
from densa.training.patch_sizes.policy import PatchSizePolicy, PatchSizeScores

ARCHITECTURE = Architecture("dilated6", {"width": 2})
QUICK = {
    "architecture": ARCHITECTURE, "context": "uniform:9-24", "batch_size": 2, "learning_rate": 1e-2, "steps": 12,
    "precision": "float32", "progress": False, "device": "cpu", "validate_every": 4, "log_every": 4,
    "augmentation": Augmentation.flips(rotation=20, elastic=2, gain=0.1),
}  # fmt: skip


def _network(seed=0):
    torch.manual_seed(seed)
    return build("dilated6", 3, 2, width=2)


def _run(context="uniform:9-24", score="accuracy", n_classes=3, network=None, decay=0.0):
    return DrawnPatchSizes(
        PatchSizePolicy.parse(context),
        network or nn.Identity(),
        PatchSizeScores(score, decay),
        n_classes=n_classes,
        seed=1,
    )


def _rows(folder, name="context.csv"):
    with (folder / name).open(newline="") as file:
        return list(csv.DictReader(file))


TARGET = torch.tensor([[[0, 0, 0, 0], [1, 1, 255, 255]]])
PREDICTED = torch.tensor([[[0, 0, 0, 1], [1, 0, 1, 0]]])  # class 0: 3 of 4, class 1: 1 of 2, class 2 absent


@pytest.mark.parametrize(
    ("score", "value"), [("accuracy", (0.75 + 0.5) / 2), ("paper-accuracy", (0.75 + 0.5) / 3), ("loss", 1.5)]
)
def test_the_score_of_a_batch(score, value, tmp_path):
    run, accelerator = _run(score=score), make_accelerator("cpu")
    logits = nn.functional.one_hot(PREDICTED, 3).permute(0, 3, 1, 2).float()
    run.observe(logits, TARGET)
    run.observe(logits, torch.full_like(TARGET, 255))  # a second micro-batch without labels changes nothing
    run.step_done(0, torch.tensor(1.5), accelerator)
    run.observe(logits, torch.full_like(TARGET, 255))
    run.step_done(1, torch.tensor(0.0), accelerator)
    run.flush(tmp_path / "context.csv")
    assert run.scores.sizes == {run.size(0): (1, pytest.approx(value))}
    rows = _rows(tmp_path)
    assert [(int(row["step"]), int(row["size"])) for row in rows] == [(0, run.size(0)), (1, run.size(1))]
    assert [row["score"] for row in rows] == [f"{value:.6g}", ""]


def test_a_run_draws_scores_and_tells_its_sizes(tmp_path, scenes):
    train(_network(), scenes["train"], scenes["val"], tmp_path, **QUICK)
    rows, policy = _rows(tmp_path), PatchSizePolicy.parse("uniform:9-24")
    assert [int(row["size"]) for row in rows] == [policy.size(0, step) for step in range(12)]
    record = json.loads((tmp_path / "model.json").read_text())["training"]
    assert record["settings"]["context"] == "uniform:9-24"
    context = record["context"]
    assert context["policy"] == "uniform:9-24"
    assert str(context["best"]) in context["sizes"]
    validated = [row for row in _rows(tmp_path, "metrics.csv") if row["mean_iou"]]
    seen = {}
    for row in rows:
        seen.setdefault(row["size"], []).append(float(row["score"]))
    best = max(seen, key=lambda size: (np.mean(seen[size]), -int(size)))
    assert validated[-1]["best_patch_size"] == best
    if record["step"] == 12:
        assert {size: entry["batches"] for size, entry in context["sizes"].items()} == {
            size: len(scores) for size, scores in seen.items()
        }
    split = json.loads((tmp_path / "split.json").read_text())
    assert split["shared_pixels"] == 0
    assert len(split["train"]) == 4


@pytest.mark.parametrize("decay", [0.0, 0.5])
def test_an_interrupted_run_resumes_to_the_same_weights_and_statistics(tmp_path, scenes, decay, monkeypatch):
    options = QUICK | {"context_decay": decay}
    whole = _network()
    train(whole, scenes["train"], scenes["val"], tmp_path / "whole", **options)
    stopped, calls = _network(), []
    step = run_module.train_step

    def train_step(*arguments, **named):
        calls.append(1)
        if len(calls) == 7:
            signal.raise_signal(signal.SIGINT)
        return step(*arguments, **named)

    monkeypatch.setattr(run_module, "train_step", train_step)
    with pytest.raises(Interrupted):
        train(stopped, scenes["train"], scenes["val"], tmp_path / "parts", **options)
    assert len(_rows(tmp_path / "parts")) == 7
    with (tmp_path / "parts" / "context.csv").open("a") as file:  # what a kill may leave
        file.write("7,9,0.1\n8,9,")
    resumed = _network(5)
    train(resumed, scenes["train"], scenes["val"], tmp_path / "parts", resume=True, **options)
    for key, tensor in whole.state_dict().items():
        assert torch.equal(tensor, resumed.state_dict()[key])
    states = [_state(tmp_path / name) for name in ("whole", "parts")]
    assert states[0]["context"] == states[1]["context"] != {}
    assert sum(n for n, _ in states[0]["context"].values()) == 12
    texts = [(tmp_path / name / "context.csv").read_text() for name in ("whole", "parts")]
    assert texts[0] == texts[1]


def _state(folder):
    from safetensors import safe_open

    with safe_open(folder / "checkpoints" / "last.safetensors", framework="pt") as file:
        return json.loads(file.metadata()["state"])


def test_another_context_is_not_resumed(tmp_path, scenes):
    train(_network(), scenes["train"], None, tmp_path, **QUICK | {"steps": 2})
    assert RunState().context == {}
    for change, said in ({"context": "uniform:9-20"}, "context was"), ({"context_score": "loss"}, "context_score was"):
        with pytest.raises(InputError, match=said):
            train(_network(), scenes["train"], None, tmp_path, resume=True, **QUICK | {"steps": 2} | change)


@pytest.mark.parametrize("sampling", ["random", "balanced", "anchors"])
@pytest.mark.parametrize("name", ["unet", "dilated8-pooling"])
def test_any_sampling_and_network(tmp_path, scenes, sampling, name):
    torch.manual_seed(0)
    options = QUICK | {
        "architecture": Architecture(name, {"width": 2}), "context": "multi-fixed:16,25", "steps": 4,
        "sampling": sampling, "anchor_crop": 9, "anchor_stride": 4, "validate_every": 4,
    }  # fmt: skip
    train(build(name, 3, 2, width=2), scenes["train"], scenes["val"], tmp_path, **options)
    sizes = {int(row["size"]) for row in _rows(tmp_path)}
    assert sizes <= ({16, 32} if name == "unet" else {16, 25})
    assert load_file(tmp_path / "model.safetensors")


def test_sizes_are_rounded_up_to_what_the_network_takes(scenes_folder):
    with torch.device("meta"):
        unet = build("unet", 3, 2, width=1)
    policy = PatchSizePolicy.parse("uniform:25-40")
    assert rounded_sizes(policy, unet) == [32, 48]
    assert rounded_sizes(policy, build("dilated6", 3, 2, width=1)) == list(range(25, 41))
    run = _run("uniform:25-40", network=unet)
    assert {run.size(step) for step in range(60)} == {32, 48}
    config = TrainConfig.of(data=scenes_folder, model="unet", width=2, context="uniform:17-32")
    plan = plan_from_config(config)
    assert "patch sizes are rounded up to what the network takes: 32" in plan["notes"]
    assert plan["patch_size"] == "uniform:17-32"
    assert plan["input_size"] == [32, 32]


def test_sizes_that_the_network_or_the_scenes_do_not_have(scenes):
    with torch.device("meta"):
        unet = build("unet", 3, 2, width=1)
    with pytest.raises(InputError, match="patches of 9 pixels are smaller than the network can take; begin at 16"):
        check_context(PatchSizePolicy.parse("uniform:9-30"), unet, scenes["train"])
    with pytest.raises(InputError, match=r"patches of 48 pixels \(rounded up from 40 .*larger than the scene .*40x52"):
        check_context(PatchSizePolicy.parse("fixed:40"), unet, scenes["train"])
    with pytest.raises(InputError, match="larger than the scene"):
        check_context(PatchSizePolicy.parse("fixed:41"), nn.Identity(), scenes["train"])
    check_context(PatchSizePolicy.parse("fixed:40"), nn.Identity(), scenes["train"])


def test_objects_have_their_own_sizes(tmp_path, scenes):
    with pytest.raises(InputError, match="use sampling=random, sampling=balanced or sampling=anchors"):
        train(_network(), scenes["train"], None, tmp_path, **QUICK | {"sampling": "objects"})


def test_configurations_hold_the_context(tmp_path):
    config = TrainConfig.of(data="x", context=" uniform:25,85 ")
    assert config.context == "uniform:25-85"
    path = tmp_path / "config.yaml"
    path.write_text(config.to_yaml())
    assert TrainConfig.from_yaml(path) == config
    assert TrainConfig.of(data="x", context="none").context is None
    with pytest.raises(InputError, match="context cannot be used: context must be one of fixed"):
        TrainConfig.of(data="x", context="gauss:1-2")


def test_a_scene_is_split_by_block_and_the_run_proves_it(tmp_path):
    rng = np.random.default_rng(0)
    for kind in ("images", "masks"):
        (tmp_path / "data" / kind).mkdir(parents=True)
    labels = np.kron(rng.integers(0, 2, (15, 20)), np.ones((20, 20))).astype(np.uint8)
    bands = (labels[None] * 90 + rng.integers(0, 60, (3, *labels.shape))).astype(np.uint8)
    legend = {"classes": [{"name": "a"}, {"name": "b"}], "ignore": 255}
    (tmp_path / "data" / "legend.json").write_text(json.dumps(legend))
    raster.write_bands(tmp_path / "data" / "images" / "s.tif", bands)
    raster.write_label_map(tmp_path / "data" / "masks" / "s.tif", labels, Legend.from_dict(legend))
    config = TrainConfig.of(
        data=tmp_path / "data", model="dilated6", width=2, context="uniform:9-20", sampling="anchors", steps=3,
        batch_size=2, split_block=100, device="cpu", precision="float32",
    )  # fmt: skip
    train_from_config(config, tmp_path / "run", progress=False)
    split = json.loads((tmp_path / "run" / "split.json").read_text())
    assert split["shared_pixels"] == 0
    assert split["distance_px"] >= 20 + 37  # largest patch plus receptive field
    assert {len(split["train"]), len(split["val"])} == {10, 2}
    with pytest.raises(InputError, match=r"blocks of 50 pixels are too small: a buffer of 57 .* need 78"):
        train_from_config(replace(config, split_block=50), tmp_path / "other", progress=False)


def test_infrared_and_heights_beside_colours_have_statistics_of_their_own(tmp_path):
    rng = np.random.default_rng(1)
    for kind in ("images", "masks"):
        (tmp_path / "data" / kind).mkdir(parents=True)
    labels = np.kron(rng.integers(0, 2, (5, 6)), np.ones((16, 16))).astype(np.uint8)
    scales = np.array([100, 100, 100, 4000, 3], np.float32)[:, None, None]  # RGB, infrared, metres above the ground
    bands = scales * (1 + 0.2 * rng.standard_normal((5, *labels.shape)).astype(np.float32) + 0.5 * labels)
    raster.write_bands(tmp_path / "data" / "images" / "s.tif", bands.astype(np.float32))
    raster.write_label_map(tmp_path / "data" / "masks" / "s.tif", labels, Legend(("a", "b")))
    config = TrainConfig.of(
        data=tmp_path / "data", model="dilated6", width=2, context="uniform:9-20", sampling="anchors", steps=2,
        batch_size=2, val_fraction=0.0, device="cpu", precision="float32",
    )  # fmt: skip
    train_from_config(config, tmp_path / "run", progress=False)
    content = json.loads((tmp_path / "run" / "model.json").read_text())["bands"]
    assert content["n_bands"] == 5
    for name, found in (("mean", bands.mean(axis=(1, 2))), ("std", bands.std(axis=(1, 2)))):
        assert content[name] == pytest.approx(found.tolist(), rel=1e-4)
