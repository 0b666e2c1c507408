"""A damaged file of any kind is read or refused in one line, within 10 s and 1 GB; nothing else reaches the screen."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

from densa.errors import InputError
from tests.field.damage import KINDS, Kind, outcome

COUNT = 40  # of each kind; `python -m tests.field.damage KIND SEED COUNT` tries more
SEED = 0 if os.environ.get("CI") else int.from_bytes(os.urandom(3))
NAMES = list(KINDS)


@pytest.mark.parametrize("part", range(4))
def test_damaged_files(part):
    names = NAMES[part::4]
    command = [sys.executable, "-m", "tests.field.damage", ",".join(names), str(SEED), str(COUNT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    expected = [f"{name} {number}" for name in names for number in range(SEED, SEED + COUNT)]
    said = done.stdout.splitlines()
    assert said[-1:] == ["0 wrong"], f"ended with {done.returncode} at {said[-1:]}\n{done.stderr[-2000:]}" + "\n".join(
        line for line in said if line not in expected
    )
    assert said[:-1] == expected
    assert done.stderr == ""


def test_the_damage_is_seen():
    """A wrong outcome is told."""

    def fails(path):
        raise KeyError(path)

    assert "KeyError" in outcome(Kind(lambda folder: folder, fails), Path("a"))


@pytest.mark.parametrize("bits", [0x7F800000, 0x7F800001, 0x7F7FFFFF])  # infinity, a signalling NaN, the largest
@pytest.mark.parametrize("name", ["model-weights", "forest-arrays"])
def test_numbers_of_any_kind_are_refused_without_a_warning(tmp_path, name, bits):
    kind = KINDS[name]
    path = kind.write(tmp_path)
    with safe_open(path, framework="numpy") as file:
        metadata, arrays = file.metadata(), {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    for key, array in arrays.items():
        if array.dtype == np.float32 and ("check" in key or name == "forest-arrays"):
            arrays[key] = np.full(array.shape, bits, np.uint32).view(np.float32)
    save_file(arrays, path, metadata)
    with pytest.raises(InputError):
        kind.read(path)
