import json

import pytest

from densa import accuracy
from densa.errors import InputError

DESIGN = accuracy.SampleDesign(
    "stratified",
    (accuracy.Stratum("field", 10, 10.5), accuracy.Stratum('Straße, "breit"', 3, 0.1 + 0.2)),
    block=3,
    map="map.tif",
    seed=7,
    crs="EPSG:32632",
)


def test_there_and_back():
    assert accuracy.SampleDesign.of_text(DESIGN.to_text()) == DESIGN
    assert "\n" not in DESIGN.to_text()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"densa_sample": 2}, "densa_sample"),
        ({"design": "best"}, "design 'best'"),
        ({"unit": "acre"}, "'acre'"),
        ({"block": 0}, "block must be from 1"),
        ({"strata": []}, "strata must be a list"),
        ({"strata": [{"name": "a", "units": 0, "area": 1}]}, "a name, units and an area"),
        ({"strata": [{"name": "a", "units": 3, "area": float("inf")}]}, "a name, units and an area"),
        ({"strata": [{"name": "a", "units": 3, "area": 1}] * 2}, "different names"),
        ({"strata": [{"name": "a"}]}, "units"),
    ],
)
def test_what_was_changed_is_refused(change, message):
    content = {**json.loads(DESIGN.to_text()), **change}
    with pytest.raises(InputError, match=message):
        accuracy.SampleDesign.of_text(json.dumps(content))


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000, '{"densa_sample":1}', "x" * 2_000_000])
def test_hostile_text_is_one_error(text):
    with pytest.raises(InputError, match="cannot be read"):
        accuracy.SampleDesign.of_text(text)
