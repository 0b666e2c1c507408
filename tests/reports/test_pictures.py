import base64
import io

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image

from densa.reports.pictures import ERROR_COLORS, error_map, jpeg_uri, outcome_map, png_uri


def decoded(uri):
    return Image.open(io.BytesIO(base64.b64decode(uri.split(",", 1)[1])))


def test_png_is_read_back_by_pillow(rng):
    labels = rng.integers(0, 7, (13, 21)).astype(np.uint8)
    palette = rng.integers(0, 256, (7, 3)).astype(np.uint8)
    image = decoded(png_uri(labels, palette))
    assert image.mode == "P"
    assert_array_equal(np.array(image), labels)
    assert_array_equal(np.array(image.convert("RGB")), palette[labels])
    assert decoded(png_uri(labels % 3, ERROR_COLORS)).convert("RGB").getpixel((0, 0)) in {
        tuple(bytes.fromhex(color[1:])) for color in ERROR_COLORS.values()
    }


def test_jpeg_is_read_back_by_pillow():
    picture = np.zeros((16, 24, 3), np.uint8)
    picture[:, 12:] = (200, 100, 50)
    image = decoded(jpeg_uri(picture))
    assert image.format == "JPEG"
    assert_allclose(np.array(image)[8, 20], (200, 100, 50), atol=6)


def test_error_map_by_hand():
    target = np.array([[0, 1, 255, 255]], np.uint8)
    predicted = np.array([[0, 0, 1, 255]], np.uint8)
    names = list(ERROR_COLORS)
    assert [names[i] for i in error_map(target, predicted, "ignore")[0]] == ["right", "wrong", "ignored", "ignored"]
    counted = [names[i] for i in error_map(target, predicted, "false-positive")[0]]
    assert counted == ["right", "wrong", "wrong", "ignored"]


def test_outcome_map_by_hand():
    target = np.array([[1, 0, 0, 1, 255, 255, 255]], np.uint8)
    predicted = np.array([[1, 0, 1, 0, 1, 0, 255]], np.uint8)
    # 0 true positive, 1 true negative, 2 false positive, 3 false negative, 4 ignored
    assert_array_equal(outcome_map(target, predicted, 1, "ignore"), [[0, 1, 2, 3, 4, 4, 4]])
    assert_array_equal(outcome_map(target, predicted, 1, "false-positive"), [[0, 1, 2, 3, 2, 1, 4]])
