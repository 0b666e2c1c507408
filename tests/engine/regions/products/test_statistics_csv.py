"""The table of statistics, read again."""

import csv
from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from numpy.testing import assert_allclose
from rasterio.crs import CRS

from densa import raster as rasters
from densa.engine.regions.components import Components
from densa.engine.regions.graph.stage import SHAPES, graph_of, graph_stages
from densa.engine.regions.products import statistics_csv
from densa.engine.regions.products.statistics_csv import write_statistics
from densa.engine.regions.run import run_stages
from densa.engine.work.journal import WorkFolder
from densa.errors import InputError
from densa.raster import Georeference, Window
from densa.raster.earth.ground import ground_of
from densa.raster.grid import Grid
from densa.regions import region_statistics


@pytest.fixture
def written(tmp_path):
    """Statistics of the components of an image's first band, as lines, and the regions."""
    opened = []

    def write(image, place=None):
        rasters.write_bands(tmp_path / "image.tif", image, overwrite=True, like=place, band_names=("red", "green"))
        opened.append(rasters.open(tmp_path / "image.tif"))
        raster = opened[-1]
        folder = WorkFolder(Path(tmp_path) / f"regions{len(opened)}.tif", "segmentation")
        folder.make()
        stages = [*Components().stages(raster), *graph_stages(raster, "statistics", columns=SHAPES)]
        store = run_stages(stages, raster, folder, Grid(raster.height, raster.width, 16))
        table = graph_of(store, "statistics")
        write_statistics(table, raster, tmp_path / "statistics.csv", overwrite=len(opened) > 1)
        with (tmp_path / "statistics.csv").open(newline="") as file:
            lines = list(csv.DictReader(file))
        return lines, store.regions(Window(0, 0, raster.height, raster.width)), raster, table

    yield write
    for raster in opened:
        raster.close()


def column(lines, name):
    return np.array([float(line[name]) for line in lines])


def test_columns_are_the_statistics(written, rng, monkeypatch, tmp_path):
    monkeypatch.setattr(statistics_csv, "_CHUNK", 7)
    image = np.repeat(np.repeat(rng.integers(1, 5, (2, 7, 9)), 4, 1), 5, 2).astype(np.uint8)
    image[1] += rng.integers(0, 3, (28, 45), dtype=np.uint8)
    lines, regions, raster, table = written(image)
    assert list(lines[0])[:9] == [
        "region", "first_row", "first_column", "pixels", "top", "left", "bottom", "right", "perimeter",
    ]  # fmt: skip
    expected = region_statistics(np.moveaxis(image, 0, -1).astype(np.float64), regions)
    assert [int(line["region"]) for line in lines] == list(range(1, regions.max() + 1))
    assert [int(line["pixels"]) for line in lines] == expected.n_pixels[1:].tolist()
    for k, line in enumerate(lines, start=1):
        first = np.argmax(regions == k)
        assert (int(line["first_row"]), int(line["first_column"])) == divmod(int(first), 45)
        assert [int(line[side]) for side in ("top", "left", "bottom", "right")] == expected.box[k].tolist()
    assert [int(line["perimeter"]) for line in lines] == expected.perimeter[1:].tolist()
    bands = list(lines[0])[9:]
    assert bands[3] == f"{raster.band_names[0]}_max"
    for b, name in enumerate(raster.band_names):
        assert column(lines, f"{name}_mean").tolist() == expected.mean[1:, b].tolist()
        assert_allclose(column(lines, f"{name}_std"), np.sqrt(expected.variance[1:, b]), rtol=1e-12)
        assert column(lines, f"{name}_min").tolist() == expected.low[1:, b].tolist()
        assert [int(line[f"{name}_max"]) for line in lines] == expected.high[1:, b].tolist()
    with pytest.raises(InputError, match="exists"):
        write_statistics(table, raster, tmp_path / "statistics.csv")
    write_statistics(table, raster, tmp_path / "statistics.csv", overwrite=True)


def test_areas_of_projected_and_of_geographic_rasters(written):
    image = np.ones((2, 40, 6), np.uint8)
    image[0, :, 3:] = 2
    lines, *_ = written(image, Georeference(CRS.from_epsg(32632), Affine(0.5, 0, 500000, 0, -0.25, 5e6)))
    assert_allclose(column(lines, "area_m2"), 15 / 0.9996**2, rtol=1e-5)  # at the central meridian
    image[0, 10:] = 3
    lines, regions, raster, _ = written(image, Georeference(CRS.from_epsg(4326), Affine(1, 0, 10, 0, -1, 80)))
    ground = ground_of(raster, 6)
    by_row = np.stack([(regions == k).sum(1) for k in range(1, 4)])
    assert_allclose(column(lines, "area_m2"), by_row @ ground.areas(0, 40).values[:, 0] * ground.unit_area, rtol=1e-7)
    assert column(lines, "area_m2")[0] < column(lines, "pixels")[0] * 4e9  # a square degree at 75 degrees north


def test_perimeters_are_metres_on_the_ground(written):
    """A degree of latitude at 60 degrees north has 111 412 m, one of longitude 55 800 m (Snyder 1987, table 1)."""
    image = np.ones((2, 4, 6), np.uint8)
    image[0, :, 3:] = 2
    place = Georeference(CRS.from_epsg(4326), Affine(0.01, 0, 10, 0, -0.01, 60.02))
    lines, *_ = written(image, place)
    assert_allclose(column(lines, "perimeter_m"), 2 * (0.04 * 111412 + 0.03 * 55800), rtol=1e-4)
    assert column(lines, "perimeter").tolist() == [14, 14]
    lines, *_ = written(
        image, Georeference(CRS.from_wkt('LOCAL_CS["x",UNIT["foot",0.3048]]'), Affine(2, 0, 0, 0, -1, 0))
    )
    assert_allclose(column(lines, "perimeter_m"), (2 * 4 + 2 * 3 * 2) * 0.3048, rtol=1e-6)
    assert_allclose(column(lines, "area_m2"), 12 * 2 * 0.3048**2, rtol=1e-6)
    lines, *_ = written(image, None)
    assert "perimeter_m" not in lines[0]
