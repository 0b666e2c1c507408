"""Painted images: colours are classes, transparent and smoothed pixels are not."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image, ImageDraw

from densa import Legend
from densa.datasets.strokes.painted import PaintedLabels, open_painting
from densa.errors import InputError
from densa.raster import Window

RED, GREEN = (255, 0, 0), (0, 160, 40)


def labels_of(path, **options):
    painting = open_painting(path, **options)
    whole = Window(0, 0, painting.height, painting.width)
    return PaintedLabels(painting, painting.height, painting.width).read(whole), painting


def canvas(height=40, width=60):
    return np.zeros((height, width, 4), np.uint8)


def save(path, pixels):
    Image.fromarray(pixels).save(path)
    return path


def test_transparent_pixels_have_no_label(tmp_path):
    pixels = canvas()
    pixels[5:12, 3:30] = (*RED, 255)
    pixels[20:30, 10:20] = (*GREEN, 255)
    pixels[:3] = (9, 9, 9, 0)  # colour below full transparency
    labels, painting = labels_of(save(tmp_path / "a.png", pixels))
    assert painting.legend.class_names == ("#00A028", "#FF0000")
    expected = np.full((40, 60), 255, np.uint8)
    expected[5:12, 3:30], expected[20:30, 10:20] = 1, 0
    assert_array_equal(labels, expected)
    assert painting.notes == ()


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_smoothed_edges_are_no_classes(tmp_path, suffix):
    """Drawn four times as large and reduced: a soft edge to the transparent, mixtures where the two colours meet."""
    large = Image.new("RGBA", (240, 160))
    draw = ImageDraw.Draw(large)
    draw.ellipse((20, 20, 130, 140), fill=(*RED, 255))
    draw.polygon([(90, 30), (230, 60), (120, 150)], fill=(*GREEN, 255))
    path = tmp_path / f"a.{suffix}"
    large.resize((60, 40), Image.Resampling.BOX).save(path)
    labels, painting = labels_of(path)
    assert painting.legend.colors == (GREEN, RED)
    assert painting.n_edge > 0
    assert "pixels of" in painting.notes[0]
    shown = np.asarray(Image.open(path))
    assert_array_equal(labels == 1, (shown[..., :3] == RED).all(axis=2) & (shown[..., 3] >= 128))
    assert (labels[shown[..., 3] < 128] == 255).all()


def test_thin_pencil_lines_are_classes(tmp_path):
    pixels = canvas()
    pixels[10, 5:40] = (*RED, 255)
    pixels[20, 5:40] = (*GREEN, 255)
    labels, painting = labels_of(save(tmp_path / "a.png", pixels))
    assert painting.legend.n_classes == 2
    assert (labels[10, 5:40] == 1).all()


def test_a_legend_names_the_colours(tmp_path):
    pixels = canvas()
    pixels[5:12, 3:30], pixels[20:30, 10:20], pixels[35:, :5] = (*RED, 255), (*GREEN, 255), (1, 2, 3, 255)
    legend = Legend(("roof", "tree", "water"), (RED, GREEN, (0, 0, 255)))
    labels, painting = labels_of(save(tmp_path / "a.png", pixels), legend=legend)
    assert sorted(np.unique(labels)) == [0, 1, 255]
    assert (labels[35:, :5] == 255).all()
    assert painting.n_edge_colors == 1
    with pytest.raises(InputError, match="shows no colour of the legend"):
        open_painting(tmp_path / "a.png", Legend(("a",), ((7, 7, 7),)))


def test_an_opaque_image_is_told(tmp_path):
    pixels = np.zeros((40, 60, 3), np.uint8) + 255
    pixels[5:12, 3:30] = RED
    _, painting = labels_of(save(tmp_path / "a.png", pixels))
    assert "no pixel is transparent, so every pixel is of a class (#FF0000, #FFFFFF)" in painting.notes[0]


def test_grey_values_are_read_as_masks_are(tmp_path):
    values = np.full((20, 30), 255, np.uint8)
    values[3:8], values[12:15] = 0, 1
    labels, _ = labels_of(save(tmp_path / "a.png", values))
    assert_array_equal(labels, values)


def test_a_photograph_and_nothing_are_refused(tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (300, 300, 3)).astype(np.uint8)
    with pytest.raises(InputError, match=r"paint (on a layer of its own|with a hard brush)"):
        open_painting(save(tmp_path / "photo.png", np.repeat(np.repeat(noise[:60, :60], 4, 0), 4, 1)))
    with pytest.raises(InputError, match="paint on a layer of its own"):
        open_painting(save(tmp_path / "noise.png", noise))
    with pytest.raises(InputError, match="no pixel that is at least half opaque"):
        open_painting(save(tmp_path / "empty.png", canvas()))
    Image.fromarray(noise).save(tmp_path / "a.jpg")
    with pytest.raises(InputError, match="lossy"):
        open_painting(tmp_path / "a.jpg")


def test_windows_of_a_tiled_file_are_parts_of_the_whole(tmp_path, monkeypatch):
    monkeypatch.setattr("densa.datasets.dataset._STRIP_PIXELS", 60 * 4)
    pixels = canvas()
    pixels[5:8, 3:30] = (*RED, 255)  # an area of three rows across two strips
    pixels[20:30, 10:20] = (*GREEN, 200)
    path = save(tmp_path / "a.tif", pixels)
    labels, painting = labels_of(path)
    assert painting.legend.n_classes == 2
    part = PaintedLabels(painting, 40, 60).read(Window(4, 8, 20, 9))
    assert_array_equal(part, labels[4:24, 8:17])
