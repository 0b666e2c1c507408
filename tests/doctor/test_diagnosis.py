"""The doctor on sound and broken data sets: all that is wrong is named, and nothing else."""

import json

import pytest

from densa import datasets, doctor
from tests.doctor.sets import SETS


def codes_of(found):
    return {one.code for one in found.findings if one.severity != "note"}


@pytest.mark.parametrize("name", SETS)
def test_what_is_wrong_is_named(name, tmp_path):
    SETS[name].make(tmp_path)
    found = doctor.examine(tmp_path)
    assert codes_of(found) == SETS[name].codes, [(one.code, one.sentence) for one in found.findings]
    json.dumps(found.to_json(), allow_nan=False)


@pytest.mark.parametrize("name", [name for name, one in SETS.items() if one.codes and one.fixed])
def test_a_mended_copy_is_sound(name, tmp_path):
    SETS[name].make(tmp_path / "data")
    before = {path: path.read_bytes() for path in (tmp_path / "data").rglob("*") if path.is_file()}
    found = doctor.examine(tmp_path / "data")
    changes = doctor.mend(found, tmp_path / "mended")
    assert changes
    again = doctor.examine(tmp_path / "mended")
    assert codes_of(again) == set(), [(one.code, one.sentence) for one in again.findings]
    assert before == {path: path.read_bytes() for path in (tmp_path / "data").rglob("*") if path.is_file()}
    assert len((tmp_path / "mended" / "changes.csv").read_text().splitlines()) == len(changes) + 1
    splits = datasets.open(tmp_path / "mended")
    assert datasets.check(*splits.values()) in (1, 3)
