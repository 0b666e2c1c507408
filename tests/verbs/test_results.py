"""Label maps and regions in memory: arrays, files, pictures in notebooks, xarray."""

from html.parser import HTMLParser

import numpy as np
import pytest

import densa
from densa import LabelMap, Legend, Regions, raster
from densa.raster.in_memory import georeference_of

LEGEND = Legend(("ground", "<b>roof</b>"))
PLACE = georeference_of("EPSG:32723", (600_000, 0.5, 0, 7_800_000, 0, -0.5))


class _Reader(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.words = [], []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)

    def handle_data(self, data):
        self.words.append(data)


def _read(html):
    reader = _Reader()
    reader.feed(html)
    return reader.tags, " ".join(reader.words)


@pytest.fixture
def labels():
    return LabelMap(np.array([[0, 1, 1], [1, 255, 0]], np.uint8), LEGEND, georeference=PLACE)


def test_it_is_an_array(labels):
    assert np.asarray(labels).sum() == 3 + 255
    assert np.array(labels, dtype=np.int64).dtype == np.int64
    assert np.array(labels, copy=True) is not labels.labels
    with pytest.raises(ValueError, match="needs a copy"):
        np.asarray(labels, dtype=np.float32, copy=False)
    assert labels.counts() == {"ground": 2, "<b>roof</b>": 3}


def test_it_shows_itself_and_escapes_names(labels):
    tags, words = _read(labels._repr_html_())
    assert "img" in tags
    assert "b" not in tags
    assert "<b>roof</b>" in words
    assert "50.0%" in words
    tags, words = _read(Regions(np.array([[1, 2], [2, 0]], np.int32), "slic")._repr_html_())
    assert "img" in tags
    assert "2 by slic" in words


def test_files_keep_place_and_classes(labels, tmp_path):
    labels.save(tmp_path / "map.tif")
    found, legend = raster.read_label_map(tmp_path / "map.tif")
    np.testing.assert_array_equal(found, labels.labels)
    assert legend.class_names == LEGEND.class_names
    with raster.open(tmp_path / "map.tif") as written:
        assert written.georeference == PLACE
    Regions(np.array([[1, 2], [2, 0]], np.int32), "slic", PLACE).save(tmp_path / "regions.tif")
    with raster.open(tmp_path / "regions.tif") as written:
        assert written.read()[0].tolist() == [[[1, 2], [2, 0]]]
        assert written.read()[1].tolist() == [[True, True], [True, False]]
        assert written.georeference == PLACE


def test_xarray_there_and_back(labels):
    pytest.importorskip("xarray")
    array = labels.to_xarray()
    assert array.dims == ("y", "x")
    assert array.x.values.tolist() == [600_000.25, 600_000.75, 600_001.25]
    assert array.y.values.tolist() == [7_799_999.75, 7_799_999.25]
    assert array.spatial_ref.attrs["crs_wkt"] == PLACE.crs.to_wkt()
    regions = densa.segment(array, "components")
    assert regions.georeference == PLACE
    assert regions.to_xarray().values.dtype == np.int32


def test_an_array_of_bands_first_is_read(rng):
    xarray = pytest.importorskip("xarray")
    image = rng.integers(0, 255, (3, 20, 30)).astype(np.uint8)
    found = densa.segment(xarray.DataArray(image, dims=("band", "y", "x")), "slic", count=6)
    expected = densa.segment(np.moveaxis(image, 0, -1), "slic", count=6)
    np.testing.assert_array_equal(np.asarray(found), np.asarray(expected))
