"""Images in and label maps out: the only package that opens or writes image files."""

from densa.raster.atomic import atomic_output
from densa.raster.bands_writer import BandsWriter, write_bands
from densa.raster.label_map import LabelMapWriter, carried_legend, read_label_map, write_label_map
from densa.raster.opening import open, read_mask
from densa.raster.overlay import write_outlines, write_overlay
from densa.raster.overview import overview
from densa.raster.picture import write_picture
from densa.raster.polygons import Polygon, Polygoniser, polygonise
from densa.raster.raster import Georeference, Raster, Window
from densa.raster.tiles import tiles
from densa.raster.vector import PolygonWriter, RegionPolygonWriter

__all__ = [
    "BandsWriter",
    "Georeference",
    "LabelMapWriter",
    "Polygon",
    "PolygonWriter",
    "Polygoniser",
    "Raster",
    "RegionPolygonWriter",
    "Window",
    "atomic_output",
    "carried_legend",
    "open",
    "overview",
    "polygonise",
    "read_label_map",
    "read_mask",
    "tiles",
    "write_bands",
    "write_label_map",
    "write_outlines",
    "write_overlay",
    "write_picture",
]
