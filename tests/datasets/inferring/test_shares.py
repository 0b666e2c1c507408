from pathlib import Path

import pytest

from densa import Legend
from densa.datasets.inferring.shares import Shares, lines_of_shares, pixel_shares, void_hints
from densa.datasets.masks import MaskScan

RED, BLUE, BLACK = (255, 0, 0), (0, 0, 255), (0, 0, 0)


def scan(counts, n_pixels, palette=()):
    return MaskScan(Path("a"), (), (), palette, False, counts=tuple(counts.items()), n_pixels=n_pixels)


def test_shares_of_values_greys_and_palettes():
    legend = Legend(("a", "b"), (RED, BLUE), codes=(3, 7))
    values = [scan({3: 10, 7: 20, 255: 5}, 40), scan({(7, 7, 7): 40}, 60)]
    assert pixel_shares(values, legend, "values") == Shares((0.1, 0.6), pytest.approx(0.3))
    colors = [scan({RED: 10, BLACK: 30}, 40), scan({0: 10, 5: 50}, 60, palette=((0, BLUE), (5, RED)))]
    assert pixel_shares(colors, legend, "colors") == Shares((0.6, 0.1), pytest.approx(0.3))
    near = [scan({(250, 3, 3): 10, (9, 9, 240): 20, (120, 120, 120): 10}, 40)]
    assert pixel_shares(near, legend, "near-colors") == Shares((0.25, 0.5), pytest.approx(0.25))
    assert pixel_shares([scan({0: 30, 17: 10}, 40)], legend, "instances") == Shares((0.75, 0.25), 0.0)
    assert pixel_shares([], legend, "values") is None


def test_many_classes_are_cut_short():
    legend = Legend(tuple(f"class_{i}" for i in range(60)))
    lines = lines_of_shares(Shares((1 / 60,) * 60, 0.0), legend, "values", "inferred from 3 masks")
    assert lines[41] == "  ... and 20 more"
    assert len(lines) == 43


def test_what_may_be_void_is_proposed():
    colors = Legend(("x", "y", "z"), (RED, BLUE, BLACK))
    assert "--ignore '#000000'" in void_hints(colors, "colors", Shares((0.5, 0.3, 0.2), 0))[0]
    assert void_hints(Legend(("x", "y"), (RED, BLACK)), "colors", Shares((0.5, 0.5), 0)) == []  # black is background
    assert void_hints(Legend(("x", "y")), "values", Shares((0.5, 0.5), 0)) == []


def test_json():
    legend = Legend(("a", "b"), (RED, BLUE), codes=(3, 7))
    content = Shares((0.25, 0.5), 0.25).to_json(legend, "values")
    assert content["classes"][1] == {"name": "b", "color": "#0000FF", "share": 0.5, "index": 7}
    assert content["unlabelled"] == 0.25
