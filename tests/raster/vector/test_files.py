"""GeoPackage and FlatGeobuf: spatial index, and whether a file is whole."""

import pytest

from densa.raster.vector import files as vector_files
from tests.raster.vector.polygon_files import read, write


def test_spatial_index_is_used(tmp_path):
    pyogrio = pytest.importorskip("pyogrio")
    write(tmp_path / "map.gpkg")
    _, _, found, _ = pyogrio.raw.read(tmp_path / "map.gpkg", layer="map", bbox=(0, 0, 3, 3))
    assert 0 < len(found) < len(read(tmp_path / "map.gpkg")[1])


def test_truncated_flatgeobuf_is_noticed(tmp_path):
    pytest.importorskip("pyogrio")
    path = tmp_path / "map.fgb"
    write(path)
    n = len(read(path)[1])
    vector_files._check_complete(path, "map", n)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises((OSError, RuntimeError)):
        vector_files._check_complete(path, "map", n)
