"""How many kernels a first call compiles: each signature takes about a tenth of a second of processor time."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import densa

COUNT = """
import gc, json
import numpy as np
from numba.core.dispatcher import Dispatcher
from densa import regions
rng = np.random.default_rng(0)
image = np.clip(np.kron(rng.integers(0, 255, (8, 10, 3)), np.ones((8, 8, 1))) + rng.normal(0, 9, (64, 80, 3)), 0, 255)
image = image.astype(np.uint8)
relief = image.mean(axis=2).astype(np.float32)
CALL
kernels = {}
for kernel in gc.get_objects():
    if isinstance(kernel, Dispatcher) and kernel.py_func.__module__.startswith("densa") and kernel.signatures:
        kernels[kernel.py_func.__qualname__] = len(kernel.signatures)
print(json.dumps(kernels))
"""


def compiled(call):
    done = subprocess.run(
        [sys.executable, "-c", COUNT.replace("CALL", call)],
        env={**os.environ, "PYTHONPATH": str(Path(densa.__file__).parents[1])},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("call", "most"),
    [
        ("regions.slic(image, 50)", 27),
        ("regions.watershed(relief)", 13),
        ("regions.watershed_forest(relief, 20)", 22),
        ("regions.mean_shift(image, 4, 7, 10)", 21),
        ("regions.normalized_cuts(regions.pixel_affinities(image, radius=3), 4)", 14),
        ("regions.gradient_magnitude(image, 1.0)", 1),
        ("regions.connected_components(image[..., 0].astype(np.int32))", 12),
    ],
)
def test_a_first_call_compiles_few_kernels(call, most):
    kernels = compiled(call)
    assert 0 < sum(kernels.values()) <= most, kernels


def test_layouts_of_images_in_memory_share_kernels():
    one = compiled("regions.slic(image, 50)")
    more = compiled("for each in (image, image[:, ::-1], np.asfortranarray(image), image[::2]): regions.slic(each, 20)")
    assert {name: n for name, n in more.items() if n > one.get(name, 1)} == {}
