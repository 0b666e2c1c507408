"""Options of region methods: their defaults are those of the methods, and reading them imports nothing large."""

import inspect
import subprocess
import sys

import pytest

from densa.engine.regions import PixelCuts, RegionSettings, Slic, Watershed
from densa.errors import InputError
from densa.options import options_of
from densa.regions.slic.metric import COMPACTNESS


@pytest.mark.parametrize(
    ("option", "method", "parameter"),
    [
        ("sigma", Watershed, "sigma"),
        ("relief", Watershed, "relief"),
        ("value_scale", PixelCuts, "value_scale"),
    ],
)
def test_documented_defaults_are_those_of_the_methods(option, method, parameter):
    default = inspect.signature(method).parameters[parameter].default
    words = options_of(RegionSettings)[option].default_words
    assert words == (default if isinstance(default, str) else f"{default:g}")


def test_the_default_compactness_is_that_of_photographs():
    assert options_of(RegionSettings)["compactness"].default_words == f"{COMPACTNESS:g} of 255 values"
    assert inspect.signature(Slic).parameters["compactness"].default is None


def test_no_option_but_the_method_has_a_value_by_default():
    assert {name: value for name, value in RegionSettings().flat().items() if value is not None} == {"method": "slic"}


def test_values_are_checked():
    with pytest.raises(InputError, match=r"method must be 'slic', .* or 'relabel', got 'magic'; count must be greater"):
        RegionSettings(method="magic", count=0)


def test_settings_import_nothing_large():
    code = (
        "import sys, densa.engine.regions.settings, densa.engine.work.settings, densa.engine.prediction.settings;"
        "print(*sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    imported = {name.split(".")[0] for name in run.stdout.split()}
    assert not imported & {"numpy", "torch", "numba", "scipy", "rasterio", "skimage"}
