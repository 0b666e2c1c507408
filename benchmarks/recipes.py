"""The recipes `auto` and `default` at equal processor time: mean IoU on the validation images of each data set.

    python benchmarks/recipes.py RESULTS MINUTES NAME=FOLDER[,OPTION=VALUE...] ...

Runs are bounded by processor time, that of `MINUTES` on two quiet cores, so that figures of a busy machine count too;
each runs in a process of its own, on one thread. A run that is in RESULTS already is not repeated.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from machine import machine

CORES = 2  # as in CHILD

CHILD = """
import json, sys, time, types
import yaml
import densa
import densa.training.loop.run as run
out, minutes, recipe, data, *options = sys.argv[1:]
run.time = types.SimpleNamespace(perf_counter=lambda: time.process_time() / 2)
given = {name: yaml.safe_load(value) for name, value in (option.split("=", 1) for option in options)}
trained = densa.train(data, output=out, minutes=float(minutes), recipe=recipe, overwrite=True, **given)
begin = time.process_time()
report = densa.evaluate(out, data, split="val", **{k: v for k, v in given.items() if k == "legend"})
scores = report.summary
print(json.dumps(dict(steps=trained.steps, seconds=begin, mean_iou=scores.mean_iou,
    global_accuracy=scores.global_accuracy, class_average=scores.class_average)))
"""


def measure(results: Path, minutes: float, name: str, recipe: str, data: str, options: list[str]) -> dict[str, float]:
    """Scores of one run; read where they were measured before."""
    found = results / f"{name}_{recipe}.json"
    if not found.exists():
        command = [sys.executable, "-c", CHILD, str(results / f"{name}_{recipe}"), str(minutes), recipe, data, *options]
        quiet = os.environ | {"OMP_WAIT_POLICY": "PASSIVE", "OMP_NUM_THREADS": "1"}
        done = subprocess.run(command, check=True, env=quiet, stdout=subprocess.PIPE, text=True)
        found.write_text(done.stdout.splitlines()[-1])
    return json.loads(found.read_text())


def main() -> None:
    """Measure both recipes on every data set and print the table."""
    results, minutes, sets = Path(sys.argv[1]), float(sys.argv[2]), sys.argv[3:]
    results.mkdir(parents=True, exist_ok=True)
    print(machine(), f"{minutes:g} minutes on {CORES} quiet cores, by processor time", sep="\n")
    print("| data | recipe | steps | processor min | mean IoU | global | class average |\n" + "| --- " * 7 + "|")
    for one in sets:
        name, _, rest = one.partition("=")
        data, *options = rest.split(",")
        for recipe in ("default", "auto"):
            row = measure(results, minutes, name, recipe, data, options)
            scores = " | ".join(f"{row[key]:.3f}" for key in ("mean_iou", "global_accuracy", "class_average"))
            print(f"| {name} | {recipe} | {row['steps']} | {row['seconds'] / 60:.1f} | {scores} |", flush=True)


if __name__ == "__main__":
    main()
