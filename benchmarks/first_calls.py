"""First calls with an empty cache of kernels, warm first calls, and later calls: processor and wall seconds.

    python benchmarks/first_calls.py [CHECKOUT ...]

Each call runs in a process of its own, with its own cache; the kernels of several checkouts can be compared. Wall times
of later calls on a busy machine show how much threads wait for one another.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from machine import machine

CALLS = {
    "slic": "regions.slic(photo, 500)",
    "gradient_magnitude": "regions.gradient_magnitude(photo)",
    "connected_components": "regions.connected_components(labels)",
    "watershed": "regions.watershed(relief)",
    "watershed_forest": "regions.watershed_forest(relief, 300)",
    "mean_shift": "regions.mean_shift(photo[:120, :160], 5, 7, 20)",
    "normalized_cuts": "regions.normalized_cuts(regions.pixel_affinities(photo[:160, :240]), 8)",
    "normalized_cuts_of_regions": "regions.normalized_cuts_of_regions(photo, grid, 12)",
    "dense_crf": "crf.dense_crf(probabilities, photo.transpose(2, 0, 1))",
}

CHILD = """
import json, time
import numpy as np
from skimage import data
from densa import crf, regions
regions.slic, crf.dense_crf
photo = np.ascontiguousarray(data.astronaut()[:321, :481])
relief = np.hypot(*np.gradient(photo[..., 1].astype(np.float32)))
labels = (photo[..., 0] > 99).astype(np.int32)
grid = (np.arange(321)[:, None] // 8 * 64 + np.arange(481) // 8 + 1).astype(np.int32)
probabilities = np.random.default_rng(0).random((21, 321, 481)).astype(np.float32)
probabilities /= probabilities.sum(axis=0)
def seconds():
    begin, used = time.perf_counter(), time.process_time()
    CALL
    return time.process_time() - used, time.perf_counter() - begin
first = seconds()
later = sorted(seconds() for _ in range(REPEATS))
print(json.dumps([first, later[len(later) // 2]]))
"""


def measure(checkout: Path, call: str) -> tuple[float, float, float, float]:
    """Processor seconds of the first call without and with a cache; processor and wall seconds of later calls."""
    found = []
    with tempfile.TemporaryDirectory() as cache:
        for repeats in (1, 9):
            done = subprocess.run(
                [sys.executable, "-c", CHILD.replace("CALL", call).replace("REPEATS", str(repeats))],
                env=os.environ | {"PYTHONPATH": str(checkout / "src"), "NUMBA_CACHE_DIR": cache},
                capture_output=True,
                text=True,
                check=True,
            )
            found.append(json.loads(done.stdout))
    return found[0][0][0], found[1][0][0], *found[1][1]


def main() -> None:
    checkouts = [Path(given) for given in sys.argv[1:]] or [Path(__file__).resolve().parents[1]]
    print(f"Machine: {machine()}\n")
    print("| call | checkout | first, compiling | first, cached | later, processor | later, wall |")
    print("| --- | --- | ---: | ---: | ---: | ---: |")
    for name, call in CALLS.items():
        for checkout in checkouts:
            cold, warm, used, wall = measure(checkout, call)
            row = f"{cold:.1f} s | {warm:.2f} s | {used * 1e3:.1f} ms | {wall * 1e3:.1f} ms"
            print(f"| `{name}` | {checkout.name} | {row} |", flush=True)


if __name__ == "__main__":
    main()
