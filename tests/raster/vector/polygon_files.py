"""A small map, written as polygons and read back by an independent library."""

import json

import numpy as np
import pytest
import shapely
from affine import Affine
from scipy import ndimage

from densa.legend import Legend
from densa.raster import PolygonWriter

LEGEND = Legend(("road", "Straße", "tree"), ((10, 20, 30), (40, 50, 60), (70, 80, 90)))
UTM = Affine(2, 0, 500000, 0, -2, 4000000)
FORMATS = [".geojson", ".gpkg", ".fgb"]


def label_map(height=40, width=30):
    rng = np.random.default_rng(0)
    labels = ndimage.gaussian_filter(rng.random((4, height, width)), (0, 2, 2)).argmax(0).astype(np.uint8)
    return np.where(labels == 3, 255, labels).astype(np.uint8)


LABELS = label_map()


def write(path, labels=LABELS, height=7, confidence=None, legend=LEGEND, **options):
    with PolygonWriter(path, legend, width=labels.shape[1], **options) as writer:
        for top in range(0, len(labels), height):
            rows = slice(top, top + height)
            writer.write(labels[rows], None if confidence is None else confidence[rows])


def read(path):
    """{column: values} and geometries."""
    if path.suffix == ".geojson":
        features = json.loads(path.read_text(encoding="utf-8"))["features"]
        geometries = shapely.from_geojson([json.dumps(f["geometry"]) for f in features])
        names = features[0]["properties"] if features else ()
        return {n: [f["properties"][n] for f in features] for n in names}, geometries
    pyogrio = pytest.importorskip("pyogrio")
    about, _, geometries, columns = pyogrio.raw.read(path, layer=path.stem)
    return dict(zip(about["fields"], (c.tolist() for c in columns), strict=True)), shapely.from_wkb(geometries)
