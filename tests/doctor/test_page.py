"""The page of a diagnosis."""

import json
import re

import pytest

from densa import InputError, doctor
from tests.doctor.sets import SETS, plain


def test_names_are_text_not_markup(tmp_path):
    data = tmp_path / "<b>data&"
    plain(data, 4)
    (data / "masks" / "s1.png").rename(data / "masks" / "x<script>alert(1)<.png")
    html = doctor.write_report(doctor.examine(data), tmp_path / "report").read_text()
    assert "<script" not in html
    assert "x&lt;script&gt;" in html
    assert "<b>data" not in html


def test_a_sound_data_set_has_a_page(tmp_path):
    plain(tmp_path / "data", 4)
    html = doctor.write_report(doctor.examine(tmp_path / "data"), tmp_path / "report").read_text()
    assert "no check found anything" in html
    assert re.search(r"water</th>\s*<td>[\d\u202f]+ ", html)


@pytest.mark.parametrize("name", ["broken_names", "broken_legend_json", "broken_corrupt", "broken_equal"])
def test_every_kind_of_finding_has_a_page(tmp_path, name):
    SETS[name].make(tmp_path / "data")
    found = doctor.examine(tmp_path / "data")
    page = doctor.write_report(found, tmp_path / "report")
    assert all(one.code in page.read_text() for one in found.findings)
    assert json.loads(page.with_name("findings.json").read_text()) == json.loads(json.dumps(found.to_json()))


def test_a_report_that_exists_is_kept(tmp_path):
    plain(tmp_path / "data", 4)
    found = doctor.examine(tmp_path / "data")
    doctor.write_report(found, tmp_path / "report")
    with pytest.raises(InputError, match="exists"):
        doctor.write_report(found, tmp_path / "report")
    doctor.write_report(found, tmp_path / "report", overwrite=True)
    with pytest.raises(InputError, match="is the data"):
        doctor.write_report(found, tmp_path / "data")
