"""Label maps from Python: in memory what the files hold."""

import numpy as np
import pytest

import densa
from densa import raster
from densa.errors import InputError


@pytest.fixture
def images(squares):
    return sorted((squares / "val" / "images").iterdir())


def test_memory_and_files_agree(trained, images, tmp_path):
    labels = densa.predict(trained, images[0])
    done = densa.predict(trained, images[0], output=tmp_path / "map.tif", probabilities=True, polygons="geojson")
    assert set(done.files) == {"labels", "probabilities", "polygons"}
    assert all(path.exists() for path in done.files.values())
    np.testing.assert_array_equal(raster.read_label_map(tmp_path / "map.tif")[0], np.asarray(labels))
    assert labels.confidence.min() >= 0.5  # of two classes
    with raster.open(images[0]) as opened:
        np.testing.assert_array_equal(np.asarray(densa.predict(trained, opened)), np.asarray(labels))
    array = raster.read_image(images[0])[..., 0]
    np.testing.assert_array_equal(np.asarray(densa.predict(trained, array)), np.asarray(labels))
    written = densa.predict(trained, array, output=tmp_path / "array.png")
    np.testing.assert_array_equal(raster.read_label_map(written.files["labels"])[0], np.asarray(labels))


def test_a_list_gives_a_list(trained, images, tmp_path):
    maps = densa.predict(trained, images, tta="flips")
    assert [found.shape for found in maps] == [(48, 64), (48, 64)]
    done = densa.predict(trained, images, output=tmp_path / "maps")
    assert [one.complete for one in done] == [True, True]


def test_mistakes(trained, images, tmp_path):
    for model, image, options, said in (
        (tmp_path / "none", images[0], {}, "run must exist"),
        (trained, "none.tif", {}, "images must exist"),
        (trained, images[0], {"probabilities": True}, "probabilities is for files"),
        (trained, images[0], {"tta": "some"}, "tta must be 'none', 'flips' or 'all'"),
        (trained, images[0], {"crf": True}, "has no CRF of its own"),
        (trained, np.zeros((8, 8, 2), np.uint8), {}, "has 2 bands, the model expects 1"),
        (densa.load(trained), images[0], {"samples": 3}, "samples has no effect on a segmenter"),
    ):
        with pytest.raises(InputError, match=said):
            densa.predict(model, image, **options)
    with pytest.raises(InputError, match=r"none\.tif"):
        densa.predict(trained, ["none.tif", images[0]], output=tmp_path / "maps")
    assert (tmp_path / "maps" / f"{images[0].stem}.png").exists()  # the others are done
