"""Shapes by labelme's rule: as Pillow draws them on the whole image, whatever the window."""

import math

import numpy as np
import pytest
from PIL import Image, ImageDraw

from densa import InputError
from densa.raster import Window
from densa.raster.shapes.pillow import bitmap, bounds, paint

HEIGHT, WIDTH = 40, 55


def as_labelme(kind, points):
    """What `labelme.utils.shape_to_mask` (6.3.1) draws."""
    mask = Image.fromarray(np.zeros((HEIGHT, WIDTH), np.uint8))
    draw = ImageDraw.Draw(mask)
    xy = [tuple(point) for point in points]
    if kind == "circle":
        (cx, cy), (px, py) = xy
        d = math.sqrt((cx - px) ** 2 + (cy - py) ** 2)
        draw.ellipse(((cx - d, cy - d), (cx + d, cy + d)), outline=1, fill=1)
    elif kind == "rectangle":
        (x0, y0), (x1, y1) = xy
        draw.rectangle(((min(x0, x1), min(y0, y1)), (max(x0, x1), max(y0, y1))), outline=1, fill=1)
    elif kind in ("line", "linestrip"):
        draw.line(xy=xy, fill=1, width=10)
    elif kind == "point":
        (cx, cy), r = xy[0], 5
        draw.ellipse(((cx - r, cy - r), (cx + r, cy + r)), outline=1, fill=1)
    else:
        draw.polygon(xy=xy, outline=1, fill=1)
    return np.array(mask, dtype=bool)


@pytest.mark.parametrize(
    ("kind", "n"),
    [("polygon", 3), ("polygon", 9), ("rectangle", 2), ("circle", 2), ("line", 2), ("linestrip", 5), ("point", 1)],
)
def test_windows_give_what_labelme_draws(kind, n, rng):
    for _ in range(20):
        points = [tuple(p) for p in rng.uniform((-8, -8), (WIDTH + 8, HEIGHT + 8), (n, 2)).tolist()]
        expected = as_labelme(kind, points)
        np.testing.assert_array_equal(paint(kind, points, Window(0, 0, HEIGHT, WIDTH)), expected)
        np.testing.assert_array_equal(paint(kind, points, Window(9, 17, 13, 21)), expected[9:22, 17:38])
        top, left, bottom, right = bounds(kind, points)
        outside = expected.copy()
        outside[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)] = False
        assert not outside.any()


def test_a_bitmap_is_bounded(tmp_path):
    mask = np.array([[0, 255, 0], [255, 255, 0]], np.uint8)
    Image.fromarray(mask).save(tmp_path / "mask.png")
    data = (tmp_path / "mask.png").read_bytes()
    np.testing.assert_array_equal(bitmap(data, 6), mask > 0)
    with pytest.raises(InputError, match="2 x 3 pixels, more than its image"):
        bitmap(data, 5)
    with pytest.raises(InputError, match="is no PNG"):
        bitmap(b"GIF89a", 6)
