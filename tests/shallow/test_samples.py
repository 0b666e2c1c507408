"""The tissue of the demo."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from densa import raster
from densa.errors import InputError
from densa.shallow import draw_strokes, read_strokes, tissue, tissue_strokes


def test_the_image_and_its_strokes_are_written(tmp_path):
    data = pytest.importorskip("skimage.data")
    image_file, strokes_file = tissue(tmp_path / "new" / "tissue")
    with raster.open(image_file) as opened:
        assert_array_equal(opened.read()[0], data.immunohistochemistry().transpose(2, 0, 1))
    assert read_strokes(strokes_file) == tissue_strokes()
    with pytest.raises(InputError, match="exists"):
        tissue(tmp_path / "new" / "tissue")
    tissue(tmp_path / "new" / "tissue", overwrite=True)


def test_strokes_lie_on_what_they_name():
    """Glands are brown, stroma blue, lumina bright: mean colours under the strokes, and every class has some pixels."""
    data = pytest.importorskip("skimage.data")
    strokes = tissue_strokes()
    labels = draw_strokes(strokes, 512, 512)
    image = data.immunohistochemistry().astype(float)
    means = {name: image[labels == k].mean(axis=0) for k, name in enumerate(strokes.legend.class_names)}
    assert set(means) == {"gland", "stroma", "lumen"}
    assert means["gland"][0] > means["gland"][2]  # more red than blue
    assert means["stroma"][2] > means["stroma"][0]
    assert means["lumen"].min() > max(means["gland"].max(), means["stroma"].max())
    assert 0.05 < (labels != 255).mean() < 0.06
    assert (np.bincount(labels[labels != 255]) > 500).all()


def test_a_folder_that_cannot_be_created(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be created"):
        tissue(tmp_path / "file" / "tissue")
