"""Modules that are not densa's, at the size of the image."""

import pytest
import torch
from torch import nn

from densa.errors import InputError
from densa.networks import Adapted, adapt, build, builder, from_factory


def test_scores_at_a_fraction_are_enlarged():
    module = nn.Conv2d(2, 3, 4, stride=4)
    network = adapt(module, 2)
    assert isinstance(network, Adapted)
    assert network.multiple == 4
    assert network.input_side(9) == 12
    images = torch.randn(2, 2, 12, 20)
    expected = nn.functional.interpolate(module(images), size=(12, 20), mode="bilinear", align_corners=False)
    torch.testing.assert_close(network(images), expected)


def test_a_network_of_densa_stays_what_it_is():
    unet = build("unet", 3, 2, width=1)
    assert adapt(unet, 3) is unet


def test_factories_are_imported_only_where_they_are_allowed(tmp_path, monkeypatch):
    (tmp_path / "mynets").mkdir()
    (tmp_path / "mynets" / "__init__.py").write_text("")
    (tmp_path / "mynets" / "one.py").write_text(
        "import pathlib, torch\npathlib.Path('imported').touch()\n"
        "def make(n_bands, n_classes, size=1):\n    return torch.nn.Conv2d(n_bands, n_classes, size)\n"
        "def wrong(n_bands, n_classes):\n    return 3\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    for allowed in ((), "mynet", "mynets.two", ["other"]):
        with pytest.raises(InputError, match="code that is not densa's"):
            builder(allowed)("mynets.one:make", 3, 2)
    assert not (tmp_path / "imported").exists()
    for allowed in ("mynets", "mynets.one", ["other", "mynets"]):
        assert builder(allowed)("mynets.one:make", 3, 2, size=1)(torch.zeros(1, 3, 8, 9)).shape == (1, 2, 8, 9)
    assert (tmp_path / "imported").exists()
    for name, said in (("mynets.one:none", "cannot be imported"), ("mynets.one:wrong", "makes int"), ("x:y", "x:y")):
        with pytest.raises(InputError, match=said):
            from_factory(name, 3, 2)


def test_a_network_without_a_factory_is_asked_for():
    with pytest.raises(InputError, match=r"Conv2d .* give it as `module`"):
        builder()("own:Conv2d", 3, 2)
    module = nn.Conv2d(3, 2, 1)
    made = builder(module=module)("own:Conv2d", 3, 2)
    assert made.module is not module
    assert torch.equal(made.module.weight, module.weight)
