import numpy as np
import pytest

from densa import raster
from densa.datasets import Sample
from densa.datasets.splits import identity as module
from densa.datasets.splits.identity import Identity, read_identity


def identity_of(path, values):
    raster.write_bands(path, values)
    return read_identity(Sample(path.stem, path, None, path.stem))


def test_an_image_is_its_pixels(tmp_path, rng):
    values = rng.integers(0, 255, (3, 20, 30)).astype(np.uint8)
    one, copy = identity_of(tmp_path / "a.tif", values), identity_of(tmp_path / "b.tiff", values)
    assert one.is_same(copy)
    assert not one.same_file(copy)
    values[1, 3, 4] ^= 1
    assert not one.is_same(identity_of(tmp_path / "c.tif", values))
    assert Identity.of_json({**one.to_json(), "page": 0}) == one


def test_an_image_of_one_value_is_known_by_its_place_alone(tmp_path):
    """Two black images are not one."""
    one, other = (identity_of(tmp_path / f"{name}.tif", np.zeros((1, 9, 9), np.uint8)) for name in "ab")
    assert one.pixels is None
    assert one.is_known
    assert one.is_same(one)
    assert not one.is_same(other)


@pytest.mark.parametrize("place", [(0, 0), (79, 99)])
def test_a_large_image_is_known_by_windows(tmp_path, rng, monkeypatch, place):
    monkeypatch.setattr(module, "_MOST_VALUES", 1000)
    monkeypatch.setattr(module, "_SIDE", 8)
    values = rng.integers(0, 255, (1, 80, 100)).astype(np.uint8)
    one = identity_of(tmp_path / "a.tif", values)
    assert one.is_same(identity_of(tmp_path / "b.tif", values))
    values[0][place] ^= 1
    assert not one.is_same(identity_of(tmp_path / "c.tif", values))


def test_a_missing_file_is_not_known(tmp_path):
    found = read_identity(Sample("a", tmp_path / "a.tif", None, "a"))
    assert not found.is_known
