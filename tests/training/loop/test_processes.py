"""Two processes on one machine, as torchrun starts them."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file

SCRIPT = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from conftest import ARCHITECTURE, Tiny
from densa import datasets
from densa.training import Augmentation, train
import torch
scenes, output, batch_size = datasets.open(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[4])
network = Tiny(batch=False, dropout=0.0)
result = train(
    network, scenes["train"], scenes["val"], output, architecture=ARCHITECTURE, steps=6, patch_size=16,
    batch_size=batch_size, optimizer="sgd", learning_rate=0.1, precision="float32", device="cpu", progress=False,
    augmentation=Augmentation.flips(rotation=20, gain=0.2), validate_every=3, log_every=2,
)
import torch.distributed as dist
rank = dist.get_rank() if dist.is_initialized() else 0
(output / f"rank{rank}.json").write_text(
    '{"mean_iou": %r, "weight": %r}' % (result.mean_iou, network[0].weight.sum().item()))
if dist.is_initialized():
    dist.destroy_process_group()
"""


def _run(tmp_path, scenes_folder, name, batch_size, *launcher):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    output = tmp_path / name
    command = [*launcher, str(script), str(scenes_folder), str(output), str(Path(__file__).parents[1]), str(batch_size)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, *command], env=environment, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr[-3000:]
    return output


def test_two_processes_are_one_with_twice_the_batch(tmp_path, scenes_folder):
    torchrun = ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2")
    two = _run(tmp_path, scenes_folder, "two", 2, *torchrun)
    one = _run(tmp_path, scenes_folder, "one", 4)
    first, second = (json.loads((two / f"rank{rank}.json").read_text()) for rank in (0, 1))
    assert first == second  # the same weights and scores on both
    assert abs(first["mean_iou"] - json.loads((one / "rank0.json").read_text())["mean_iou"]) < 1e-3
    torch.testing.assert_close(
        load_file(two / "checkpoints" / "last.safetensors"),
        load_file(one / "checkpoints" / "last.safetensors"),
        rtol=1e-4,
        atol=1e-5,
    )
    with (two / "metrics.csv").open(newline="") as file:  # one process writes
        assert [row["step"] for row in csv.DictReader(file)] == ["2", "3", "4", "6", "6"]
