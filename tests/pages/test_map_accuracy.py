import json
from html.parser import HTMLParser

import numpy as np
from numpy.testing import assert_allclose

from densa import accuracy, pages, raster
from densa.legend import Legend
from densa.pages.map_accuracy import render_map_page
from tests.accuracy.maps import place

HOSTILE = '<script>alert("x")</script>'


class Resources(HTMLParser):
    """Finds what a page loads from elsewhere."""

    def __init__(self):
        super().__init__()
        self.loaded, self.scripts = [], 0

    def handle_starttag(self, tag, attributes):
        self.scripts += tag == "script"
        self.loaded += [
            value for name, value in attributes if name in ("src", "href") and not value.startswith("data:")
        ]


def assessment(folder, names=("field", "road"), n=8):
    labels = np.zeros((20, 20), np.uint8)
    labels[:, 10:] = 1
    raster.write_label_map(folder / "map.tif", labels, Legend(names), like=place())
    truth = labels.copy()
    truth[::3, 10:] = 0
    raster.write_label_map(folder / "truth.tif", truth, Legend(names), like=place())
    accuracy.draw_sample(folder / "map.tif", accuracy.SamplePlan(per_class=n)).write(folder / "points.csv")
    return accuracy.assess_map(folder / "map.tif", folder / "points.csv", reference=folder / "truth.tif")


def test_the_files_hold_the_estimates(tmp_path):
    found = assessment(tmp_path)
    page = pages.write_map_report(found, tmp_path / "report")
    content = json.loads((tmp_path / "report" / "metrics.json").read_text(encoding="utf-8"))
    assert_allclose(content["overall_accuracy"]["value"], found.accuracy.overall.value)
    text = page.read_text(encoding="utf-8")
    assert f"{100 * found.accuracy.overall.value:.1f} %" in text
    assert "Quantity disagreement" in text


def test_the_page_is_self_contained_and_escapes_names(tmp_path):
    text = render_map_page(assessment(tmp_path, names=(HOSTILE, "road")))
    found = Resources()
    found.feed(text)
    assert found.loaded == []
    assert found.scripts == 0
    assert "&lt;script&gt;" in text


def test_what_is_undefined_is_no_number(tmp_path):
    found = assessment(tmp_path)
    strata = [accuracy.Stratum("a", 9, 9), accuracy.Stratum("b", 9, 9)]
    alone = accuracy.estimate_accuracy([0, 0, 1], [0, 0, 1], [0, 1, 1], strata, class_names=("field", "road"))
    from dataclasses import replace

    text = render_map_page(replace(found, accuracy=alone))
    assert "nan" not in text.lower()
    assert "± ? %" in text
