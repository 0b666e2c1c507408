"""Images in and label maps out: the only package that opens or writes image files."""

from densa.raster.atomic import atomic_output
from densa.raster.gdal import set_read_cache
from densa.raster.opening import open, read_mask
from densa.raster.overview import overview
from densa.raster.polygons.polygoniser import Polygon, Polygoniser, polygonise
from densa.raster.raster import Georeference, Raster, Window
from densa.raster.tiles import tiles
from densa.raster.vector.writers import PolygonWriter, RegionPolygonWriter
from densa.raster.writing.bands_writer import BandsWriter, write_bands
from densa.raster.writing.label_map import LabelMapWriter, carried_legend, read_label_map, write_label_map
from densa.raster.writing.overlay import write_outlines, write_overlay
from densa.raster.writing.picture import write_picture

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
    "set_read_cache",
    "tiles",
    "write_bands",
    "write_label_map",
    "write_outlines",
    "write_overlay",
    "write_picture",
]
