"""Identities of bands, and how two sets match."""

import pytest

from densa.errors import InputError
from densa.raster.bands import Band, bands_named, match_bands, numbers_of, wavelength_nm

RGB = bands_named(["red", "green", "blue"])


@pytest.mark.parametrize(
    ("name", "color", "identity"),
    [
        ("band 1", "undefined", ""), ("Band_12", "", ""), ("channel:0:1", "", ""), ("Layer_1", "", ""),
        ("grey", "gray", ""), ("Gray", "gray", ""), ("450.0 Nanometers", "undefined", ""), ("", "red", "red"),
        ("Red", "", "red"), ("Near Infrared", "", "nir"), ("B04", "red", "b4"), ("B8A", "", "b8a"), ("B08", "", "b8"),
        ("Red (665 nm)", "", "red"), ("band 1", "nir", "nir"), ("DAPI", "", "dapi"), ("Band 4 (Red)", "", "red"),
        ("band_1: nir", "", "nir"),
        ("Red band", "", "red"),
        ("band_blue", "", "blue"), ("Channel 2", "", ""), ("Rotkanal µ", "", "rotkanalµ"),
    ],
)  # fmt: skip
def test_what_a_name_says(name, color, identity):
    assert Band(name, color).identity == identity


@pytest.mark.parametrize(
    ("found", "numbers", "by"),
    [
        (["red", "green", "blue"], (1, 2, 3), "name"),
        (["Blue", "GREEN", "Red"], (3, 2, 1), "name"),
        (["blue", "green", "red", "nir"], (3, 2, 1), "name"),
        (["band 1", "band 2", "band 3"], (1, 2, 3), "order"),
        (["red", "band 2", "band 3"], (1, 2, 3), "order"),
        (["band 1", "red", "green", "blue"], (2, 3, 4), "name"),
    ],
)
def test_bands_by_name(found, numbers, by):
    match = match_bands(RGB, bands_named(found))
    assert (match.numbers, match.by, match.known) == (numbers, by, by != "order")


@pytest.mark.parametrize(
    "found",
    [["nir", "red", "green"], ["B04", "B03", "B02"], ["blue", "band 2", "band 3"], ["red", "green", "nir", "ir"]],
)
def test_names_that_conflict(found):
    with pytest.raises(InputError, match=f"{', '.join(found)}, where red, green, blue"):
        match_bands(RGB, bands_named(found))


def test_bands_by_number_of_unknown_ones():
    assert match_bands(RGB, bands_named(["band 1"] * 4)) is None
    assert match_bands(bands_named(["band 1", "band 2"]), RGB) is None
    assert match_bands(bands_named(["grey"]), bands_named(["nir"])).numbers == (1,)


def test_colour_interpretation_matches_where_names_do_not():
    wanted = [Band(name, color) for name, color in (("B04", "red"), ("B03", "green"), ("B02", "blue"))]
    match = match_bands(wanted, bands_named(["blue", "green", "red"], described=False))
    assert (match.numbers, match.by) == ((3, 2, 1), "colour")
    with pytest.raises(InputError, match="red, green, blue, where B04, B03, B02"):  # both are named
        match_bands(wanted, RGB)
    # Writers mark three bands as red, green, blue by default: names of other colours count more.
    infrared = [Band(name, color) for name, color in (("nir", "red"), ("red", "green"), ("green", "blue"))]
    with pytest.raises(InputError, match="red, green, blue, where nir, red, green"):
        match_bands(infrared, RGB)


def test_wavelengths_match_and_conflict():
    wanted = [Band(f"band {i}", "", nm) for i, nm in enumerate((650.0, 550.0))]
    found = [Band(f"band {i}", "", nm) for i, nm in enumerate((449.0, 551.0, 649.0))]
    match = match_bands(wanted, found)
    assert (match.numbers, match.by) == ((3, 2), "wavelength")
    with pytest.raises(InputError, match="449 nm, 551 nm, where 650 nm, 550 nm are expected"):
        match_bands(wanted, found[:2])
    with pytest.raises(InputError, match="are expected"):  # of one name, but 150 nm apart
        match_bands([Band("red", "", 650.0)], [Band("red", "", 500.0)])


def test_chosen_by_number_and_name():
    assert numbers_of([3, "RED", "green"], RGB) == (3, 1, 2)
    with pytest.raises(InputError, match=r"has 3 bands \(red, green, blue\), none of number 4"):
        numbers_of([4], RGB)
    with pytest.raises(InputError, match="has no band 'nir'; its 3 bands are red, green, blue"):
        numbers_of(["nir"], RGB)
    with pytest.raises(InputError, match="has 2 bands 'red'"):
        numbers_of(["red"], bands_named(["Red ", "RED"]))


@pytest.mark.parametrize(
    ("value", "unit", "nm"),
    [("450.0", "Nanometers", 450), ("0.45", "um", 450), ("0.45", "Micrometers", 450), ("3", "GHz", None),
     ("x", "nm", None),
     (None, None, None), ("450", None, None), ("1.2.3", "nm", None), ("0", "nm", None)],
)  # fmt: skip
def test_wavelengths_in_words(value, unit, nm):
    assert wavelength_nm(value, unit) == (nm if nm is None else pytest.approx(nm))
