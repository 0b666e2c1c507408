import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from densa import InputError, Legend, datasets, raster
from densa.datasets import SplitRule

WHOLE = SplitRule(val_fraction=0)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int32, np.float32])
def test_statistics_are_numpy_s(tmp_path, rng, dtype):
    images = [rng.normal(100, 20, (4, 30 + i, 41)).astype(dtype) for i in range(3)]
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
    for i, image in enumerate(images):
        raster.write_bands(tmp_path / "images" / f"{i}.tif", image)
        raster.write_bands(tmp_path / "masks" / f"{i}.tif", np.resize([0, 1], (1, *image.shape[1:])).astype(np.uint8))
    part = datasets.open(tmp_path, split=WHOLE)["train"]
    assert datasets.check(part) == 4
    together = np.concatenate([image.reshape(4, -1) for image in images], axis=1).astype(np.float64)
    mean, std = datasets.band_statistics(part)
    assert_allclose(mean, together.mean(axis=1), rtol=1e-12)
    assert_allclose(std, together.std(axis=1), rtol=1e-10)
    assert_array_equal(datasets.band_statistics(part).mean, mean)


def test_nodata_and_nan_do_not_count(tmp_path, rng):
    values = rng.normal(5, 1, (2, 10, 12)).astype(np.float32)
    with_gaps = values.copy()
    with_gaps[:, :3], with_gaps[0, 5, 5] = -9999, np.nan
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
    raster.write_bands(tmp_path / "images" / "a.tif", with_gaps, nodata=-9999)
    raster.write_bands(tmp_path / "masks" / "a.tif", np.resize([0, 1], (1, 10, 12)).astype(np.uint8))
    part = datasets.open(tmp_path)["train"]
    kept = np.ones((10, 12), bool)
    kept[:3], kept[5, 5] = False, False
    assert_allclose(datasets.band_statistics(part).mean, values[:, kept].astype(float).mean(axis=1))
    assert_allclose(datasets.band_statistics(part).std, values[:, kept].astype(float).std(axis=1))
    batch = datasets.PatchSampler(part, 8, seed=0).batch(0, 4)
    assert np.isfinite(batch.images).all()


def test_a_constant_band_is_not_divided_by_zero(write, tmp_path):
    write("images/a.png", np.full((5, 6, 3), [7, 8, 9]))
    write("masks/a.png", np.resize([0, 1], (5, 6)))
    mean, std = datasets.band_statistics(datasets.open(tmp_path)["train"])
    assert list(mean) == [7, 8, 9]
    assert list(std) == [1, 1, 1]


def test_nothing_valid(write, tmp_path):
    write("images/a.png", np.zeros((5, 6, 4)))
    write("masks/a.png", np.resize([0, 1], (5, 6)))
    with pytest.raises(InputError, match="no pixel of the training images is valid"):
        datasets.band_statistics(datasets.open(tmp_path)["train"])


def test_frequencies_by_hand(write, tmp_path):
    """The toy of the median-frequency rule: {A 80, B 20} and {A 50, C 50} give .65, .20, .50."""
    for name, classes in (("x", [0] * 80 + [1] * 20), ("y", [0] * 50 + [2] * 50)):
        write(f"images/{name}.png", (10, 10))
        write(f"masks/{name}.png", np.reshape(classes, (10, 10)))
    part = datasets.open(tmp_path, legend=Legend(("A", "B", "C", "never")), split=WHOLE)["train"]
    counts = datasets.class_frequencies(part)
    assert list(counts.pixels) == [130, 20, 50, 0]
    assert list(counts.pixels_of_images) == [200, 100, 100, 0]
    assert list(counts.images) == [2, 1, 1, 0]
    frequency = counts.pixels[:3] / counts.pixels_of_images[:3]
    assert_allclose(np.median(frequency) / frequency, [0.769231, 2.5, 1.0], atol=1e-6)


@pytest.mark.realdata
def test_camvid_class_weights(realdata):
    """Weights recomputed from the 367 training masks at 360x480, by both conventions."""
    counts = datasets.class_frequencies(datasets.open(realdata / "camvid")["train"])
    per_image = counts.pixels / counts.pixels_of_images
    assert_allclose(
        np.median(per_image) / per_image,
        [0.2793, 0.2017, 4.7865, 0.1490, 1.0, 0.4217, 3.8467, 1.9736, 0.7889, 6.3747, 8.8587],
        atol=6e-5,
    )
    plain = counts.pixels / counts.pixels.sum()
    assert_allclose(
        np.median(plain) / plain,
        [0.2663, 0.1929, 4.5642, 0.1417, 1.0, 0.4614, 3.8248, 3.9814, 0.7648, 7.0182, 15.3816],
        atol=6e-5,
    )
