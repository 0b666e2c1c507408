"""The attribute of an image, from a table."""

from pathlib import Path

import pytest

from densa.datasets import Sample
from densa.datasets.splits.attributes import attributes_of
from densa.errors import InputError

SAMPLES = [Sample(name, Path("data/images") / f"{name}.png", None, name) for name in ("a", "b")]


@pytest.mark.parametrize(
    "text",
    [
        "image,city\na.png,Rome\nb.png,Oslo\n",
        "city;name\nRome;a\nOslo;b\n",
        "﻿City\tFILE\nRome\timages/a.png\nOslo\timages\\b.png\n",
        "place,city\na,Rome\nb,Oslo\n",
    ],
)
def test_tables(tmp_path, text):
    table = tmp_path / "t.csv"
    table.write_text(text, encoding="utf-8")
    assert attributes_of(SAMPLES, table, "city") == ["Rome", "Oslo"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("image,city\na,Rome\n", r"has no city for 1 of 2 images: b"),
        ("image,town\na,Rome\n", r"has no column 'city'; it has image, town"),
        ("image,city\na,Rome\na,Oslo\n", "two values of city for a"),
        ("", "is empty"),
    ],
)
def test_refusals(tmp_path, text, said):
    table = tmp_path / "t.csv"
    table.write_text(text)
    with pytest.raises(InputError, match=said):
        attributes_of(SAMPLES, table, "city")


def test_no_table(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        attributes_of(SAMPLES, tmp_path / "none.csv", "city")
