"""Findings: what they hold, their order, the exit code."""

from pathlib import Path

import pytest

from densa import doctor


def test_a_finding_lists_the_first_files_and_counts_all():
    paths = [Path(f"{i}.png") for i in range(25)] * 2
    found = doctor.finding("mask-missing", "25 images have no mask", paths)
    assert found.files == tuple(paths[:10])
    assert found.n_files == 25
    assert found.to_json()["files"] == [f"{i}.png" for i in range(10)]


def test_severity_and_mend_of_the_code_unless_given():
    found = doctor.finding("class-rare", "rare", severity="note", mend="")
    assert (found.severity, found.mend) == ("note", "")
    assert doctor.finding("class-rare", "rare").mend == doctor.CODES["class-rare"].mend


def test_errors_come_first():
    codes = ["unit-differs", "class-rare", "mask-missing"]
    found = doctor.in_order(doctor.finding(code, "") for code in codes)
    assert [one.code for one in found] == codes[::-1]


@pytest.mark.parametrize(
    ("codes", "strict", "expected"),
    [
        ([], False, 0),
        (["unit-differs"], True, 0),
        (["class-rare", "unit-differs"], False, 1),
        (["class-rare"], True, 2),
        (["class-rare", "mask-missing"], False, 2),
    ],
)
def test_exit_code(codes, strict, expected):
    assert doctor.exit_code([doctor.finding(code, "") for code in codes], strict=strict) == expected


def test_every_code_says_why_and_what_to_do():
    for code, kind in doctor.CODES.items():
        assert code == code.lower()
        assert kind.why.endswith("."), code
        assert kind.mend, code
