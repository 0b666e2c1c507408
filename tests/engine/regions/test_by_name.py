"""Region methods by name: options reach the classes, others are refused."""

import numpy as np
import pytest

from densa.engine.regions import (
    Components,
    MeanShift,
    MergeSmall,
    NormalizedCuts,
    PixelCuts,
    RegionSettings,
    Relabel,
    Slic,
    Watershed,
    parse_predicate,
    reach_of,
    region_method,
)
from densa.errors import InputError
from densa.options import options_of


@pytest.fixture
def image(make_raster):
    return make_raster(np.zeros((1, 30, 40), np.uint8))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, Slic()),
        ({"count": 40, "compactness": 3.0}, Slic(40, 3.0)),
        ({"size": 25, "min_size": 9}, MergeSmall(Slic(superpixel_size=25), 9)),
        ({"min_size": 1}, Slic()),
        ({"method": "watershed"}, Watershed()),
        ({"method": "watershed", "count": 7, "sigma": 0, "relief": "as-is"}, Watershed(7, 0.0, "as-is")),
        ({"method": "watershed", "connectivity": 8, "min_size": 5}, MergeSmall(Watershed(connectivity=2), 5, 2)),
        ({"method": "mean-shift"}, MeanShift(7.0, 6.5, 20)),
        ({"method": "mean-shift", "spatial_radius": 3, "min_size": 1}, MeanShift(3.0, 6.5, 1)),
        ({"method": "components", "connectivity": 8}, Components(2)),
        ({"method": "relabel"}, Relabel()),
        ({"method": "normalized-cuts"}, PixelCuts(8)),
        ({"method": "normalized-cuts", "max_cut": 0.1, "value_scale": 0.3}, PixelCuts(None, 0.1, 0.3)),
        ({"method": "normalized-cuts", "base": "mean-shift"}, NormalizedCuts(MeanShift(7.0, 6.5, 20), 8)),
        ({"method": "normalized-cuts", "base": "slic", "count": 3}, NormalizedCuts(Slic(), 3)),
    ],
)
def test_options_reach_the_method(image, options, expected):
    assert region_method(RegionSettings(**options), image) == expected


def test_normalized_cuts_of_large_images_cut_superpixels(make_raster):
    large = make_raster(np.zeros((1, 1025, 1024), np.uint8))
    assert region_method(RegionSettings(method="normalized-cuts"), large) == NormalizedCuts(Slic(), 8)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            {"sigma": 1.0, "base": "slic"},
            "`base`, `sigma` is no option of slic; leave it out, or choose another",
        ),
        ({"method": "relabel", "connectivity": 4}, "`connectivity` is no option of relabel"),
        ({"count": 3, "size": 9}, "either a count of superpixels or the size of one"),
        ({"method": "normalized-cuts", "count": 3, "max_cut": 0.1}, "either a count of segments or the largest cut"),
        ({"method": "components", "connectivity": 6}, "connectivity must be 4 or 8 neighbours, got 6"),
    ],
)
def test_options_that_do_not_fit_are_refused(image, options, said):
    with pytest.raises(InputError, match=said):
        region_method(RegionSettings(**options), image)


def test_markers_exclude_a_count(image, make_raster):
    markers = make_raster(np.eye(30, 40, dtype=np.uint8)[None], name="markers.tif").path
    found = region_method(RegionSettings(method="watershed", markers=markers), image)
    assert found == Watershed(markers)
    with pytest.raises(InputError, match="either a count of grid markers or a raster of markers"):
        region_method(RegionSettings(method="watershed", markers=markers, count=3), image)


def test_every_option_belongs_to_a_method(image):
    """An option that is declared but that no method takes would be refused everywhere."""
    values = {"count": 3, "size": 9, "markers": image.path, "relief": "as-is", "base": "slic", "connectivity": 4}
    values |= {"align": True}
    for name in set(options_of(RegionSettings)) - {"method"}:
        methods = options_of(RegionSettings)["method"].choices
        given = {name: values.get(name, 2)} | ({"markers": image.path} if name == "align" else {})
        refusals = [_refusal(RegionSettings(method=method, **given), image) for method in methods]
        assert all(said == "" or (f"`{name}`" in said and "is no option of" in said) for said in refusals)
        assert 1 <= refusals.count("") < len(methods)


def _refusal(settings, image):
    try:
        region_method(settings, image)
    except InputError as error:
        return str(error)
    return ""


def test_neighbours_as_densa_regions_counts_them():
    assert [reach_of(n) for n in (None, 4, 8)] == [1, 1, 2]


def test_predicates():
    assert parse_predicate("range:10").threshold == 10
    with pytest.raises(InputError, match="a predicate is KIND:VALUE, as range:10, got 'range'"):
        parse_predicate("range")
