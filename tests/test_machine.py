"""Limits of containers, in files as the kernel writes them and in damaged ones."""

import os
from pathlib import Path

import pytest

from densa import machine


@pytest.fixture
def groups(monkeypatch, tmp_path):
    """Fake files: `groups("0::/a", {"a/cpu.max": "..."})`."""

    def fake(own, files):
        (tmp_path / "own").write_bytes(own if isinstance(own, bytes) else own.encode())
        for name, text in files.items():
            path = tmp_path / "groups" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text if isinstance(text, bytes) else text.encode())

    monkeypatch.setattr(machine, "_OWN_GROUPS", tmp_path / "own")
    monkeypatch.setattr(machine, "_GROUPS", tmp_path / "groups")
    monkeypatch.setattr(machine.os, "sched_getaffinity", lambda _: set(range(64)), raising=False)
    return fake


V1 = "4:memory:/docker/x\n3:cpu,cpuacct:/docker/x\n"


@pytest.mark.parametrize(
    ("own", "files", "expected"),
    [
        ("0::/", {"cpu.max": "200000 100000\n"}, 2),
        ("0::/a/b", {"a/b/cpu.max": "max 100000\n", "a/cpu.max": "150000 100000"}, 2),
        ("0::/a/b", {"a/cpu.max": "50000 100000"}, 1),  # half a processor
        ("0::/gone/from/here", {"cpu.max": "300000 100000"}, 3),  # a container sees the path of its host
        ("0::/../../up", {"cpu.max": "300000 100000"}, 3),
        (
            V1,
            {"cpu,cpuacct/docker/x/cpu.cfs_quota_us": "400000", "cpu,cpuacct/docker/x/cpu.cfs_period_us": "100000"},
            4,
        ),
        (V1, {"cpu/cpu.cfs_quota_us": "100000", "cpu/cpu.cfs_period_us": "100000"}, 1),
        (V1, {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, 64),
        ("0::/", {"cpu.max": "max 100000"}, 64),
        ("0::/", {"cpu.max": ""}, 64),
        ("0::/", {"cpu.max": "nonsense"}, 64),
        ("0::/", {"cpu.max": b"\xff\xfe\0"}, 64),
        ("0::/", {"cpu.max": "1 0"}, 64),
        ("0::/", {"cpu.max": "nan 100000"}, 64),
        ("0::/", {"cpu.max": "9" * 9000}, 64),
        ("", {}, 64),
        (b"\xff:\xff", {}, 64),
        ("no colons", {"cpu.max": "100000 100000"}, 64),
    ],
)
def test_processors(groups, own, files, expected):
    groups(own, files)
    assert machine.n_processors() == expected


@pytest.mark.parametrize(
    ("own", "files", "expected"),
    [
        ("0::/", {"memory.max": "1000000\n"}, 1_000_000),
        ("0::/a", {"a/memory.max": "max", "memory.max": "2000000"}, 2_000_000),
        ("0::/a", {"a/memory.high": "500000", "memory.max": "2000000"}, 500_000),
        (V1, {"memory/docker/x/memory.limit_in_bytes": "3000000"}, 3_000_000),
        (V1, {"memory/docker/x/memory.limit_in_bytes": "9223372036854771712"}, None),
        ("0::/", {"memory.max": "0"}, None),
        ("0::/", {"memory.max": "-5"}, None),
        ("0::/", {"memory.max": "much"}, None),
    ],
)
def test_memory(groups, own, files, expected):
    own_memory = machine.memory_bytes.__wrapped__
    groups("", {})
    unlimited = own_memory()
    groups(own, files)
    assert own_memory() == (expected or unlimited)


def test_threads_follow_a_quota(groups, monkeypatch):
    groups("0::/", {"cpu.max": "300000 100000"})
    monkeypatch.setattr(machine.os, "cpu_count", lambda: 64)
    monkeypatch.setattr(machine.sys, "modules", {})
    monkeypatch.setattr(machine.os, "environ", {"OMP_NUM_THREADS": "1"})
    machine.limit_threads()
    assert machine.os.environ == {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "3"}


def test_this_machine():
    assert 1 <= machine.n_processors() <= (os.cpu_count() or 1)
    assert machine.memory_bytes() > 2**20
    assert isinstance(machine._GROUPS, Path)
