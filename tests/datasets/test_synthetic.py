"""The synthetic scene: every window is a cut of one scene, and colour alone does not give its truth away."""

import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from densa import raster
from densa.datasets.synthetic import SCENE, Scene, scene, write_scene
from densa.errors import InputError
from densa.legend import IGNORE, Legend
from densa.raster import Window

FAR = Window(70_000, 12_000, 700, 600)


@pytest.fixture(scope="module")
def large():
    """A window of a large scene, made in one call."""
    made = scene(100_000, 20_000, n_bands=4, seed=3)
    return made, *made.read(FAR)


@given(st.integers(0, 699), st.integers(0, 599), st.integers(1, 300), st.integers(1, 300))
@settings(max_examples=40)
def test_any_window_is_a_cut_of_the_scene(large, row, column, height, width):
    made, image, labels = large
    height, width = min(height, FAR.height - row), min(width, FAR.width - column)
    part, its_labels = made.read(Window(FAR.row + row, FAR.column + column, height, width))
    assert_array_equal(part, image[:, row : row + height, column : column + width])
    assert_array_equal(its_labels, labels[row : row + height, column : column + width])


@pytest.mark.parametrize("tile_size", [200, 512])
def test_tiles_leave_no_seam(tile_size):
    made = scene(520, 530, seed=5, nodata=True)
    image, labels = made.read()
    for window, _ in raster.tiles(520, 530, tile_size):
        place = np.s_[window.row : window.row + window.height, window.column : window.column + window.width]
        part, its_labels = made.read(window)
        assert_array_equal(part, image[:, *place])
        assert_array_equal(its_labels, labels[place])


def test_three_bands_are_the_first_of_four(large):
    made, image, labels = large
    three, same = Scene(made.height, made.width, 3, made.seed).read(FAR)
    assert_array_equal(three, image[:3])
    assert_array_equal(same, labels)


def test_size_does_not_change_the_scene(large):
    _, image, _ = large
    assert_array_equal(scene(70_700, 12_600, n_bands=4, seed=3).read(FAR)[0], image)


def test_labels_are_of_the_legend_and_all_there():
    made = scene(100_000, 20_000, seed=1)
    counts = np.zeros(256, np.int64)
    for row in range(0, 100_000, 20_000):
        for column in range(0, 20_000, 6_000):
            counts += np.bincount(made.read(Window(row, column, 256, 256))[1].ravel(), minlength=256)
    assert counts[SCENE.n_classes :].sum() == 0
    shares = counts[: SCENE.n_classes] / counts.sum()
    assert (shares > [0.01, 0.05, 0.2, 0.03, 0.04, 0.02, 0.0005]).all()


def test_seeds_differ():
    first, second = (scene(64, 64, seed=s).read()[0] for s in (0, 1))
    assert (first != second).mean() > 0.5


def test_vegetation_is_bright_in_the_near_infrared(large):
    _, image, labels = large
    red, infrared = image[0].astype(float), image[3].astype(float)
    index = (infrared - red) / (infrared + red)
    assert index[labels == 2].mean() > 0.15
    assert index[labels == 4].mean() < 0.05


def test_colour_alone_does_not_tell_the_classes():
    """A forest on single pixels, trained beside the pixels it is judged on, misses much of what a person sees."""
    ensemble = pytest.importorskip("sklearn.ensemble")
    image, labels = scene(100_000, 20_000, seed=1).read(Window(5_000, 3_000, 512, 512))
    pixels, target = image.reshape(3, -1).T, labels.ravel()
    forest = ensemble.RandomForestClassifier(10, max_depth=12, random_state=0).fit(pixels[::20], target[::20])
    predicted = forest.predict(pixels[7::20])
    judged = target[7::20]
    ious = [((predicted == c) & (judged == c)).sum() / ((predicted == c) | (judged == c)).sum() for c in (3, 4, 5)]
    assert 0.05 < np.mean(ious) < 0.7


def test_nodata_margin():
    made = scene(300, 400, seed=2, nodata=True)
    image, labels = made.read()
    assert_array_equal((image == 0).all(axis=0), labels == IGNORE)
    assert (image[:, labels != IGNORE] > 0).all()
    assert 0.05 < (labels == IGNORE).mean() < 0.15
    assert (labels[0, :40] == IGNORE).all()
    assert (labels[-1, -30:] == IGNORE).all()


def test_written_scene(tmp_path):
    calls = []
    write_scene(tmp_path / "a", 700, 530, n_bands=4, seed=4, nodata=True, progress=lambda *c: calls.append(c))
    made = scene(700, 530, n_bands=4, seed=4, nodata=True)
    image, labels = made.read()
    with raster.open(tmp_path / "a" / "image.tif") as opened:
        values, valid = opened.read()
        assert opened.band_names == ("red", "green", "blue", "near infrared")
    assert_array_equal(values, image)
    assert_array_equal(valid, labels != IGNORE)
    read, legend = raster.read_label_map(tmp_path / "a" / "labels.tif")
    assert_array_equal(read, labels)
    assert legend == SCENE == Legend.from_file(tmp_path / "a" / "legend.json")
    for name in ("image.tif", "labels.tif"):
        with rasterio.open(tmp_path / "a" / name) as file:
            assert file.crs.to_epsg() == 32723
            assert file.res == (0.3, 0.3)
    assert calls[-1] == (700 * 530, 700 * 530)
    assert calls == sorted(calls)
    with pytest.raises(InputError, match="exists"):
        write_scene(tmp_path / "a", 700, 530)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"height": 0, "width": 5}, "1 x 1"),
        ({"height": 5, "width": 5, "n_bands": 5}, "3 or 4"),
        ({"height": 5, "width": 5, "seed": -1}, "seed"),
    ],
)
def test_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        scene(**arguments)


def test_windows_outside():
    with pytest.raises(InputError, match="inside the 40 x 50"):
        scene(40, 50).read(Window(0, 20, 40, 31))
