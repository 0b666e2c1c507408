"""Every combination of type, bands, nodata, alpha, mask, layout and georeference is read as it was written."""

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from hypothesis import event, given, settings
from hypothesis import strategies as st

import densa
from densa import raster
from densa.datasets.masks import read_labels
from tests.field.random_rasters import PLACES, scenes


@settings(max_examples=150)
@given(scene=scenes(), data=st.data())
def test_values_validity_and_georeference(scene, data):
    event(f"alpha {scene.alpha is not None}, mask {scene.mask}, nodata {scene.nodata is not None}")
    row, column = data.draw(st.integers(0, scene.height - 1)), data.draw(st.integers(0, scene.width - 1))
    height, width = (
        data.draw(st.integers(1, scene.height - row)),
        data.draw(st.integers(1, scene.width - column)),
    )
    bands = data.draw(st.lists(st.integers(0, scene.n_bands - 1), min_size=1, max_size=3, unique=True))
    with tempfile.TemporaryDirectory() as folder, raster.open(scene.write(Path(folder))) as image:
        assert (image.n_bands, image.height, image.width) == (scene.n_bands, scene.height, scene.width)
        assert image.dtype == scene.dtype
        values, valid = image.read()
        expected, expected_valid = scene.expected()
        np.testing.assert_array_equal(valid, expected_valid)
        np.testing.assert_array_equal(values[:, valid], expected[:, valid])
        window = raster.Window(row, column, height, width)
        values, valid = image.read(window, bands=[band + 1 for band in bands])
        expected, expected_valid = (a[..., row : row + height, column : column + width] for a in scene.expected(bands))
        np.testing.assert_array_equal(valid, expected_valid)
        np.testing.assert_array_equal(values[:, valid], expected[:, valid])
        if scene.place is None:
            assert image.georeference is None
        else:
            np.testing.assert_allclose(image.georeference.transform[:6], PLACES[scene.place][:6], rtol=1e-12)


@settings(max_examples=40)
@given(scene=scenes().filter(lambda scene: not scene.dtype.startswith("float")))
def test_regions_are_numbered_where_the_file_is_valid(scene):
    """Of the verbs: `regions` leaves out what the file declares missing, in memory and by tiles."""
    expected = scene.expected()[1]
    with tempfile.TemporaryDirectory() as folder:
        path = scene.write(Path(folder))
        for options in ({}, {"tile_size": 16}):
            regions = np.asarray(densa.segment(path, method="components", **options))
            np.testing.assert_array_equal(regions > 0, expected)


@settings(max_examples=60)
@given(scene=scenes())
def test_masks_are_labelled_where_the_file_is_valid(scene):
    """As a mask: 255 (no label) where the file declares missing, whatever is stored there."""
    scene = replace(scene, dtype="uint8", n_bands=1, with_nan=False, alpha=None if scene.alpha is None else 1)
    scene = replace(scene, nodata=None if scene.nodata is None else 250.0, n_values=200)
    values, valid = scene.expected()
    legend = densa.Legend(tuple(f"class {k}" for k in range(200)))
    with tempfile.TemporaryDirectory() as folder:
        path = scene.write(Path(folder))
        labels = read_labels(path, legend, "values")
    np.testing.assert_array_equal(labels, np.where(valid, values[0], 255))
