"""Labels of one image, read by what kind of file they are."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from PIL import Image
from rasterio.crs import CRS

from densa import InputError, raster
from densa.datasets.strokes.reading import is_strokes, read_drawn
from densa.raster import Window
from densa.raster.alignment import Frame

HEAD = "index,shape-type,vertex-index,axis-0,axis-1\n"


def image(path, pixel=None, height=40, width=60):
    place = None if pixel is None else raster.Georeference(CRS.from_epsg(32632), Affine(pixel, 0, 5e5, 0, -pixel, 5e6))
    return Frame(path, height, width, place)


def labels_of(drawn):
    return drawn.labels.read(Window(0, 0, drawn.labels.height, drawn.labels.width))


def test_layers_of_a_folder_are_classes(tmp_path):
    folder = tmp_path / "layers"
    folder.mkdir()
    (folder / "road.csv").write_text(HEAD + "0,line,0,5,5\n0,line,1,5,20\n")
    (folder / "field.csv").write_text(HEAD + "0,line,0,30,5\n0,line,1,30,20\n")
    drawn = read_drawn(folder, image(tmp_path / "a.tif"))
    assert drawn.legend.class_names == ("field", "road")
    labels = labels_of(drawn)
    assert (labels[5, 5:21] == 1).all()
    assert (labels[30, 5:21] == 0).all()
    painted = np.zeros((40, 60, 4), np.uint8)
    painted[28:33, 10:12] = (9, 9, 9, 255)
    Image.fromarray(painted).save(folder / "water.png")
    labels = labels_of(read_drawn(folder, image(tmp_path / "a.tif")))
    assert (labels[28:33, 10:12] == 2).all()
    assert labels[30, 9] == 0


def test_a_painting_of_another_resolution_is_laid_over_by_its_place(tmp_path):
    values = np.full((20, 30), 255, np.uint8)
    values[2:5, 4:9], values[10:15, 4:9] = 0, 1
    path = tmp_path / "painted.tif"
    place = raster.Georeference(CRS.from_epsg(32632), Affine(20, 0, 5e5, 0, -20, 5e6))
    raster.write_bands(path, values[None], like=place)
    drawn = read_drawn(path, image(tmp_path / "a.tif", 10))
    np.testing.assert_array_equal(labels_of(drawn), np.repeat(np.repeat(values, 2, 0), 2, 1))
    assert "is resampled to the grid of a.tif" in drawn.notes[0]
    with pytest.raises(InputError, match=r"has 20 x 30 pixels, the image .* 40 x 60"):
        read_drawn(path, image(tmp_path / "a.tif"))


def test_what_is_strokes(tmp_path):
    (tmp_path / "s.json").write_text(json.dumps({"classes": ["a"], "strokes": []}))
    (tmp_path / "v.json").write_text(json.dumps({"type": "FeatureCollection", "features": []}))
    (tmp_path / "x.json").write_text("{}")
    answers = {"s.json": True, "v.json": False, "a.roi": True, "a.csv": True, "a.png": True, "a.gpkg": False}
    for name, answer in answers.items():
        assert is_strokes(tmp_path / name) is answer
        assert is_strokes(tmp_path / name, unclear=True) is answer
    assert not is_strokes(tmp_path / "x.json")
    assert is_strokes(tmp_path / "x.json", unclear=True)
    assert not is_strokes(tmp_path)
    for name in ("v.json", "x.json"):
        (tmp_path / name).unlink()
    assert is_strokes(tmp_path)


def test_the_package_that_reads_regions_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "roifile", None)
    (tmp_path / "a.roi").write_bytes(b"Iout")
    with pytest.raises(InputError, match=r"pip install 'densa\[imagej\]'"):
        read_drawn(tmp_path / "a.roi", image(Path("a.tif")))
