import inspect

import numpy as np
import pytest

import densa
from densa.errors import InputError


@pytest.fixture
def class_map(tmp_path):
    labels = np.zeros((30, 40), np.uint8)
    labels[:, 30:] = 1
    densa.raster.write_label_map(tmp_path / "map.tif", labels, densa.Legend(("field", "road")))
    return tmp_path / "map.tif"


def test_from_python(class_map, tmp_path):
    found = densa.sample(class_map, total=50, output=tmp_path / "new" / "points.csv", progress=False)
    assert len(found) == 50
    assert (tmp_path / "new" / "points.csv").is_file()
    assert "half_width" in inspect.signature(densa.sample).parameters


def test_without_an_output_nothing_is_drawn(class_map):
    found = densa.sample(class_map, half_width=0.1, expected=0.9, progress=False)
    assert len(found) == 0
    assert found.numbers.sum() == densa.accuracy.sample_size(0.1, [900, 300], 0.9)
    assert found.to_json()["points"] == found.numbers.sum()


def test_blocks(class_map):
    assert densa.sample(class_map, per_class=3, unit="block", progress=False).design.block == 3
    assert densa.sample(class_map, per_class=3, block=5, progress=False).design.block == 5
    with pytest.raises(InputError, match="block has no effect with unit=pixel"):
        densa.sample(class_map, per_class=3, unit="pixel", block=5)


def test_an_input_is_not_replaced(tmp_path):
    path = tmp_path / "points.csv"
    path.write_text("x,y\n")
    with pytest.raises(InputError, match="is an input of this command"):
        densa.sample(path, per_class=3, output=path)
