"""docs/fidelity.md says what the heads of the modules say, for every method, and names tests that exist."""

import importlib.util
from pathlib import Path

import pytest

from densa.methods import METHODS

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "densa"
WITHOUT_A_PAPER = {"__init__", "adapted", "checks", "network", "strips", "weights"}  # of networks/

spec = importlib.util.spec_from_file_location("make_fidelity", ROOT / "docs" / "make_fidelity.py")
make_fidelity = importlib.util.module_from_spec(spec)
spec.loader.exec_module(make_fidelity)
BLOCKS = make_fidelity.blocks()


def test_the_page_is_that_of_the_heads():
    written = (ROOT / "docs" / "fidelity.md").read_text(encoding="utf-8")
    assert written == make_fidelity.page(), "run: python docs/make_fidelity.py"


@pytest.mark.parametrize("path", BLOCKS, ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_block_says_all_and_its_tests_exist(path):
    entries = BLOCKS[path]
    assert all(entries.values())
    tests = make_fidelity.tests_of(entries)
    assert tests
    assert [test for test in tests if not (ROOT / test).is_file()] == []
    make_fidelity.part_of(path)


@pytest.mark.parametrize("name", METHODS)
def test_every_method_has_a_block(name):
    assert [entries["Method"] for entries in BLOCKS.values() if f"`{name}`" in entries["Method"]], name


def test_every_network_file_has_a_block():
    files = {path for path in (SOURCE / "networks").glob("*.py") if path.stem not in WITHOUT_A_PAPER}
    assert files - set(BLOCKS) == set()


def test_a_long_line_goes_on_indented_and_a_missing_key_is_named(tmp_path):
    path = tmp_path / "module.py"
    path.write_text(
        '"""A method.\n\nMethod: one (`one`).\nSource: a paper,\n    page 3.\nAs printed: all.\nDeparts: nothing.\n'
        'Held by: tests/a.py, tests/b.py.\n"""\n'
    )
    found = make_fidelity.block(path)
    assert found["Source"] == "a paper, page 3."
    assert make_fidelity.tests_of(found) == ["tests/a.py", "tests/b.py"]
    path.write_text('"""A method.\n\nMethod: one.\nSource: a paper.\nHeld by: tests/a.py.\n"""\n')
    with pytest.raises(ValueError, match="As printed"):
        make_fidelity.block(path)
    path.write_text('"""Something else."""\n')
    assert make_fidelity.block(path) == {}
