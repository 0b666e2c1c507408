"""Polygon files: read back by an independent library, whole or not at all."""

import builtins
import json
import subprocess
import sys

import numpy as np
import pytest
import shapely
from affine import Affine
from numpy.testing import assert_allclose
from rasterio.features import shapes
from rasterio.warp import transform_geom

from densa.errors import InputError
from densa.raster import PolygonWriter
from densa.raster.vector import map_writer as vector_writer
from densa.raster.vector import writers as vector
from tests.raster.vector.polygon_files import FORMATS, LABELS, LEGEND, UTM, read, write


def expected(labels, transform, crs=None):
    found = []
    for shape, value in shapes(labels, mask=labels != 255, transform=transform):
        moved = shape if crs is None else transform_geom(crs, "EPSG:4326", shape)
        found.append((int(value), shapely.geometry.shape(moved)))
    return found


def same_polygons(classes, geometries, reference, tolerance):
    assert len(classes) == len(reference)
    left = list(reference)
    for label, geometry in zip(classes, geometries, strict=True):
        place = next(
            i
            for i, (value, other) in enumerate(left)
            if value == label and shapely.equals_exact(geometry, other, tolerance, normalize=True)
        )
        left.pop(place)


@pytest.mark.parametrize("suffix", FORMATS)
def test_projected(tmp_path, place, suffix):
    path = tmp_path / f"map{suffix}"
    confidence = np.full(LABELS.shape, 51, np.uint8)
    write(path, confidence=confidence, like=place("EPSG:32630", UTM))
    columns, geometries = read(path)
    crs = "EPSG:32630" if suffix == ".geojson" else None
    same_polygons(columns["class"], geometries, expected(LABELS, UTM, crs), 2e-8 if crs else 1e-6)
    assert columns["name"] == [LEGEND.class_names[i] for i in columns["class"]]
    assert sum(columns["area_m2"]) == pytest.approx(4 * (LABELS != 255).sum(), rel=2e-3)  # UTM's scale
    assert_allclose(columns["mean_probability"], 0.2, rtol=1e-6)
    assert all(shapely.is_ccw(g.exterior) for g in geometries)
    assert not any(shapely.is_ccw(hole) for g in geometries for hole in g.interiors)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(["like.tif", path.name])


@pytest.mark.parametrize("suffix", FORMATS)
def test_without_a_place(tmp_path, suffix):
    path = tmp_path / f"map{suffix}"
    write(path)
    columns, geometries = read(path)
    same_polygons(columns["class"], geometries, expected(LABELS, Affine.identity()), 0)
    assert_allclose(columns["area_px"], shapely.area(geometries))
    assert "mean_probability" not in columns
    assert all(shapely.is_ccw(g.exterior) for g in geometries)
    if suffix == ".geojson":
        assert "not on the Earth" in json.loads(path.read_text())["note"]


@pytest.mark.parametrize("suffix", FORMATS)
def test_batches_and_strips(tmp_path, monkeypatch, suffix):
    monkeypatch.setattr(vector_writer, "_MOST_POLYGONS", 5)
    monkeypatch.setattr(vector_writer, "_MOST_CORNERS", 60)
    write(tmp_path / f"a{suffix}", height=1)
    monkeypatch.undo()
    write(tmp_path / f"b{suffix}", height=100)
    one, other = read(tmp_path / f"a{suffix}"), read(tmp_path / f"b{suffix}")
    assert one[0].keys() == other[0].keys()
    if suffix != ".fgb":  # whose spatial index sorts them
        assert one[0] == other[0]
        assert shapely.equals_exact(one[1], other[1]).all()
    same_polygons(one[0]["class"], one[1], list(zip(other[0]["class"], other[1], strict=True)), 0)


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_map_without_polygons(tmp_path, suffix):
    write(tmp_path / f"map{suffix}", np.full((5, 6), 255, np.uint8))
    _, geometries = read(tmp_path / f"map{suffix}")
    assert len(geometries) == 0


def test_simplify_is_in_map_units(tmp_path, place):
    like = place("EPSG:32630", UTM)
    for name, tolerance in (("a", 0), ("b", 1), ("c", 4)):
        write(tmp_path / f"{name}.gpkg", like=like, simplify=tolerance)
    a, b, c = (read(tmp_path / f"{name}.gpkg")[1] for name in "abc")
    n_corners = [shapely.get_num_coordinates(g).sum() for g in (a, b, c)]
    assert n_corners[0] > n_corners[1] > n_corners[2]
    assert shapely.union_all(a).buffer(-4.01).difference(shapely.union_all(c).buffer(1e-6)).area < 1e-3


@pytest.mark.parametrize("suffix", FORMATS)
def test_interrupted(tmp_path, suffix):
    path = tmp_path / f"map{suffix}"

    def interrupted():
        with PolygonWriter(path, LEGEND, width=30) as writer:
            writer.write(LABELS[:20])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", FORMATS)
def test_existing_file(tmp_path, suffix):
    path = tmp_path / f"map{suffix}"
    path.write_text("old")
    with pytest.raises(InputError, match="exists"):
        write(path)
    assert path.read_text() == "old"
    write(path, overwrite=True)
    assert len(read(path)[1])


@pytest.mark.parametrize("suffix", FORMATS)
def test_failing_while_writing(tmp_path, monkeypatch, suffix):
    monkeypatch.setattr(vector.PolygonWriter, "_table", lambda self, batch: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write(tmp_path / f"map{suffix}")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", [".gpkg", ".fgb"])
def test_pyogrio_is_missing(tmp_path, monkeypatch, suffix):
    true_import = builtins.__import__

    def without_pyogrio(name, *rest):
        if name == "pyogrio":
            raise ImportError(name)
        return true_import(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without_pyogrio)
    with pytest.raises(InputError, match=r"pip install 'densa\[vector\]'"):
        PolygonWriter(tmp_path / f"map{suffix}", LEGEND, width=3)


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
import numpy as np
from densa import InputError, Legend
from densa.raster import PolygonWriter

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a write beyond the limit then fails, as on a full disk
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
labels = np.random.default_rng(0).integers(0, 2, (120, 100)).astype(np.uint8)
try:
    with PolygonWriter(Path(sys.argv[1]), Legend(("a", "b")), width=100) as writer:
        writer.write(labels)
except InputError as error:
    print(error)
    sys.exit(2)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="file size limits are POSIX")
@pytest.mark.parametrize(("suffix", "limit"), [(".geojson", 20_000), (".gpkg", 200_000), (".fgb", 200_000)])
def test_disk_that_is_full(tmp_path, suffix, limit):
    arguments = [sys.executable, "-c", FULL_DISK, tmp_path / f"map{suffix}", str(limit)]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert done.returncode == 2, (done.stdout, done.stderr)
    assert "cannot be written" in done.stdout
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


def test_refusals(tmp_path, place):
    with pytest.raises(InputError, match="must end in"):
        PolygonWriter(tmp_path / "map.shp", LEGEND, width=30)
    with pytest.raises(InputError, match=r"must be the 30 columns of .*, got 31"):
        write(tmp_path / "map.geojson", np.zeros((2, 31), np.uint8), like=place("EPSG:32630", UTM))
    with pytest.raises(InputError, match="is not invertible"):
        write(tmp_path / "map.geojson", like=place("EPSG:32630", Affine(2, 2, 0, 2, 2, 0)))
    with pytest.raises(InputError, match=r"labels must be in 0\.\.2 or 255, got 7"):
        write(tmp_path / "map.geojson", np.full((2, 3), 7, np.uint8))
    with pytest.raises(InputError, match="labels must be uint8"):
        write(tmp_path / "map.geojson", np.zeros((2, 3)))
    with pytest.raises(InputError, match="no folder"):
        write(tmp_path / "missing" / "map.geojson")
    writer = PolygonWriter(tmp_path / "map.geojson", LEGEND, width=30)
    with pytest.raises(InputError, match="inside a with block"):
        writer.write(LABELS)
    with writer:
        writer.write(LABELS)
    with pytest.raises(InputError, match="inside a with block"):
        writer.write(LABELS)
