"""Classes laid over an image: the blend by hand, files and arrays alike, every kind of band."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from densa import raster
from densa.errors import InputError
from densa.legend import IGNORE, Legend
from densa.raster.writing.overlay import write_outlines

LEGEND = Legend(("road", "water"), ((200, 100, 0), (0, 0, 255)))


@pytest.fixture
def photo(tmp_path, rng):
    rgb = rng.integers(0, 256, (1100, 60, 3)).astype(np.uint8)
    Image.fromarray(rgb).save(tmp_path / "photo.png")
    labels = rng.integers(0, 2, (1100, 60)).astype(np.uint8)
    labels[:20] = IGNORE
    return tmp_path / "photo.png", rgb, labels


@pytest.mark.parametrize("suffix", ["png", "tif"])
@pytest.mark.parametrize("kind", ["array", "png", "tif"])
def test_blend(tmp_path, photo, suffix, kind):
    path, rgb, labels = photo
    given = labels
    if kind != "array":
        given = tmp_path / f"labels.{kind}"
        raster.write_label_map(given, labels, LEGEND)
    with raster.open(path) as image:
        raster.write_overlay(tmp_path / f"o.{suffix}", image, given, LEGEND, alpha=0.25)
    expected = np.rint(0.75 * rgb + 0.25 * np.array([*LEGEND.colors, (0, 0, 0)])[np.minimum(labels, 2)])
    expected[labels == IGNORE] = rgb[labels == IGNORE]
    with raster.open(tmp_path / f"o.{suffix}") as shown:
        assert shown.band_names == ("red", "green", "blue")
        assert_array_equal(np.moveaxis(shown.read()[0], 0, 2), expected)


def test_other_bands_are_stretched(tmp_path, rng):
    values = rng.normal(-12, 4, (2, 200, 300)).astype(np.float32)
    values[:, :50] = np.nan
    raster.write_bands(tmp_path / "a.tif", values)
    with raster.open(tmp_path / "a.tif") as image:
        raster.write_overlay(tmp_path / "o.png", image, np.full((200, 300), IGNORE, np.uint8), LEGEND)
    grey = np.asarray(Image.open(tmp_path / "o.png"))
    assert (grey[:50] == 0).all()
    assert (grey[..., 0] == grey[..., 2]).all()
    low, high = np.percentile(values[0, 50:], (2, 98))
    expected = np.clip((values[0, 50:] - low) / (high - low), 0, 1) * 255
    assert np.abs(grey[50:, :, 0] - expected).max() < 2


def test_refused(tmp_path, photo):
    path, _, labels = photo
    with raster.open(path) as image:
        for name, given, options, message in (
            ("o.jpg", labels, {}, "must end in"),
            ("o.png", labels[1:], {}, "1100 x 60"),
            ("o.png", labels, {"alpha": 2}, r"0\.\.1"),
            ("photo.png", labels, {}, "exists"),
        ):
            with pytest.raises(InputError, match=message):
                raster.write_overlay(tmp_path / name, image, given, LEGEND, **options)
    assert [p.name for p in tmp_path.iterdir()] == ["photo.png"]


@pytest.mark.parametrize("name", ["lines.png", "lines.tif"])
@pytest.mark.parametrize("n_bands", [1, 4])
def test_outlines_lie_over_the_image(tmp_path, name, n_bands):
    values = np.random.default_rng(0).integers(0, 200, (n_bands, 1100, 60), dtype=np.uint8)
    raster.write_bands(tmp_path / "image.tif", values)
    on_line = np.zeros((1100, 60), bool)
    on_line[:, 7] = on_line[1030] = True
    with raster.open(tmp_path / "image.tif") as image:
        write_outlines(
            tmp_path / name,
            image,
            lambda w: on_line[w.row : w.row + w.height, w.column : w.column + w.width],
        )
    with raster.open(tmp_path / name) as made:
        picture = made.read()[0]
    assert (picture[:, on_line].T == (255, 221, 51)).all()
    np.testing.assert_array_equal(picture[:, ~on_line], values[[0, 1, 2] if n_bands > 2 else [0, 0, 0]][:, ~on_line])
