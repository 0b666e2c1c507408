"""A damaged file of any kind is read or refused in one line, within 10 s and 1 GB; nothing else reaches the screen."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

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
