"""Files beside the sources say the same: versions, oldest supported versions, linters."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
TOOLS = {"ruff", "mypy", "types-pyyaml"}  # of developers: not tested at their oldest


def pins(name: str) -> dict[str, str]:
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    return dict(line.lower().split("==") for line in lines if line and not line.startswith("#"))


def lower_bounds() -> dict[str, str]:
    extras = PROJECT["optional-dependencies"]
    wanted = PROJECT["dependencies"] + [line for extra in extras if extra != "docs" for line in extras[extra]]
    bounds = dict(re.match(r"([\w.-]+)(?:\[.*\])?(?:>=([\d.]+))?", line.lower()).groups() for line in wanted)
    return {name: bound for name, bound in bounds.items() if name not in TOOLS}


def numbers(version: str) -> list[int]:
    parts = [int(part) for part in version.split(".")]
    return parts + [0] * (3 - len(parts))


@pytest.mark.parametrize(("name", "bound"), lower_bounds().items())
def test_oldest_versions_are_the_lower_bounds(name, bound):
    oldest = numbers(pins("constraints-oldest.txt")[name])
    # 2024.1 is not a version of tifffile, its first one is 2024.1.30
    assert oldest[:2] == numbers(bound)[:2] if name == "tifffile" else oldest == numbers(bound)


def test_no_oldest_version_is_without_a_bound():
    assert pins("constraints-oldest.txt").keys() == lower_bounds().keys()


@pytest.mark.parametrize("name", lower_bounds())
def test_tested_versions_are_not_older_than_the_bounds(name):
    assert numbers(pins("constraints.txt")[name]) >= numbers(lower_bounds()[name])


def test_one_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    released = re.findall(r"^## \[(\d[^]]*)\] - (\S+)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.M)
    assert (citation["version"], str(citation["date-released"])) == released[0]
    assert PROJECT["version"] == released[0][0]


def test_hooks_have_the_tested_versions_of_the_linters():
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"][0]["hooks"]
    wanted = {line for hook in hooks for line in hook.get("additional_dependencies", ())}
    assert wanted == {f"ruff=={pins('constraints.txt')['ruff']}"}
