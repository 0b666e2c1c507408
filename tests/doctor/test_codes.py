"""The codes of findings, and the page that documents them."""

import re
from pathlib import Path

import pytest

from densa.doctor import CODES
from tests.doctor.sets import SETS

PAGE = Path(__file__).parents[2] / "docs" / "doctor.md"


@pytest.mark.skipif(not PAGE.exists(), reason="the documentation is not part of this copy")
def test_the_page_lists_every_code():
    text = PAGE.read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([\w-]+)` \| (\w+) \| (.*?) \| (.*?) \| (yes)? ?\|$", text, re.MULTILINE)
    assert {code: (severity, why, bool(fix)) for code, severity, why, _, fix in rows} == {
        code: (kind.severity, kind.why, kind.fixable) for code, kind in CODES.items()
    }
    assert [mend for _, _, _, mend, _ in rows] == [kind.mend.replace("|", "/") for kind in CODES.values()]


def test_the_sets_show_the_codes():
    """All codes but those that need a model, several splits or vector files."""
    shown = {code for one in SETS.values() for code in one.codes}
    rest = {code for code in CODES if not code.startswith(("label-", "leak-", "model-", "objects-"))} - shown
    assert rest == {"geometry-invalid", "pairs-odd", "scale-differs", "split-empty", "split-invalid", "unit-differs"}


def test_options_that_mends_name_exist():
    from densa.options import options_of
    from densa.training.settings import TrainOptions
    from densa.verbs.settings import DoctorOptions, SplitOptions

    known = {one.flag for group in (TrainOptions, DoctorOptions, SplitOptions) for one in options_of(group).values()}
    for code, kind in CODES.items():
        flags = re.findall(r"(?<!gdalwarp )--[a-z][\w-]+", kind.mend)
        assert set(flags) <= known, code
