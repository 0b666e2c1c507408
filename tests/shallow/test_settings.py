"""Settings of the shallow methods: what each method reads, texts of a command line, defaults in one place."""

import dataclasses

import pytest

from densa.errors import InputError
from densa.options import options_of
from densa.shallow import SHALLOW, PixelFeatures, RegionFeatures, ShallowSettings, own_options


def test_every_option_belongs_to_a_method_and_no_method_reads_all():
    assert set.union(*(own_options(method) for method in SHALLOW)) == set(options_of(ShallowSettings))
    for method in SHALLOW:
        assert own_options(method) < set(options_of(ShallowSettings))


@pytest.mark.parametrize(
    ("method", "reads", "ignores"),
    [
        ("pixel-forest", {"extra", "features"}, {"region_size", "patch", "boosting_rate"}),
        ("pixel-boosting", {"boosting_rate"}, {"purity", "patch", "extra"}),
        ("region-forest", {"extra", "region_size", "compactness", "purity"}, {"patch", "boosting_rate"}),
        ("region-boosting", {"boosting_rate", "region_size"}, {"patch", "extra"}),
        ("structured-forest", {"patch"}, {"extra", "region_size", "boosting_rate"}),
    ],
)
def test_options_of_a_method(method, reads, ignores):
    own = own_options(method)
    assert reads | {"samples", "prior", "trees", "min_leaf", "scales", "distances"} <= own
    assert not ignores & own


def test_texts_of_a_command_line():
    found = ShallowSettings(features="bands, position", scales="1,2.5", distances="8,24")
    assert found.features == ("bands", "position")
    assert found.scales == (1.0, 2.5)
    assert found.distances == (8, 24)
    assert ShallowSettings(scales=2).scales == (2.0,)
    assert ShallowSettings(features="bands").features == ("bands",)


def test_defaults_are_those_of_the_features():
    settings = ShallowSettings()
    pixels = PixelFeatures(("bands",))
    assert (settings.scales, settings.distances) == (pixels.scales, pixels.distances)
    regions = RegionFeatures(pixels)
    assert (settings.region_size, settings.compactness) == (regions.step, regions.compactness)
    assert dataclasses.replace(settings, trees=5).trees == 5


@pytest.mark.parametrize("name", sorted(set(options_of(ShallowSettings)) - {"features", "extra"}))
def test_truth_values_are_no_numbers(name):
    with pytest.raises(InputError, match=f"{name} must be a number, got True"):
        ShallowSettings(**{name: True})


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"patch": 4}, "patch must be an odd number of pixels from 3 to 63, got 4"),
        ({"patch": 1}, "patch must be an odd number"),
        ({"samples": 0}, "samples must be greater than or equal to 1"),
        ({"purity": 0}, "purity must be greater than 0"),
        ({"prior": 1.5}, "prior must be less than or equal to 1"),
        ({"trees": 10_001}, "trees must be less than or equal to 10000"),
        ({"boosting_rate": 0}, "boosting_rate must be greater than 0"),
        ({"scales": "1,a"}, "scales must be numbers such as 1,2.5,4"),
        ({"distances": "8.5"}, "distances"),
        ({"purity": 0, "samples": 0}, "samples .*; purity|purity .*; samples"),
    ],
)
def test_values_out_of_range_are_named(values, said):
    with pytest.raises(InputError, match=said):
        ShallowSettings(**values)
