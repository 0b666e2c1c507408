"""Images in and label maps out: the only package that opens or writes image files."""

from typing import TYPE_CHECKING

from densa.lazy_names import import_on_use

if TYPE_CHECKING:
    from densa.raster.atomic import atomic_output
    from densa.raster.gdal import set_read_cache
    from densa.raster.grid import Grid, tiles
    from densa.raster.in_memory import from_array
    from densa.raster.masks.values import read_mask
    from densa.raster.opening import open, open_together, read_image
    from densa.raster.polygons.polygoniser import Polygon, Polygoniser, polygonise
    from densa.raster.raster import Georeference, Raster, Window
    from densa.raster.reach.allowed import allow_sources
    from densa.raster.reduced_copy import overview
    from densa.raster.vector.writers import PolygonWriter, RegionPolygonWriter
    from densa.raster.writing.bands_writer import BandsWriter, write_bands
    from densa.raster.writing.label_map import LabelMapWriter, carried_legend, read_label_map, write_label_map
    from densa.raster.writing.overlay import write_outlines, write_overlay
    from densa.raster.writing.picture import write_picture

__all__ = [
    "BandsWriter",
    "Georeference",
    "Grid",
    "LabelMapWriter",
    "Polygon",
    "PolygonWriter",
    "Polygoniser",
    "Raster",
    "RegionPolygonWriter",
    "Window",
    "allow_sources",
    "atomic_output",
    "carried_legend",
    "from_array",
    "open",
    "open_together",
    "overview",
    "polygonise",
    "read_image",
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

# No module may have the name of a function here: once imported, it would take the function's place.
_MODULES = {
    "atomic": ("atomic_output",),
    "gdal": ("set_read_cache",),
    "grid": ("Grid", "tiles"),
    "in_memory": ("from_array",),
    "masks.values": ("read_mask",),
    "opening": ("open", "open_together", "read_image"),
    "polygons.polygoniser": ("Polygon", "Polygoniser", "polygonise"),
    "raster": ("Georeference", "Raster", "Window"),
    "reach.allowed": ("allow_sources",),
    "reduced_copy": ("overview",),
    "vector.writers": ("PolygonWriter", "RegionPolygonWriter"),
    "writing.bands_writer": ("BandsWriter", "write_bands"),
    "writing.label_map": ("LabelMapWriter", "carried_legend", "read_label_map", "write_label_map"),
    "writing.overlay": ("write_outlines", "write_overlay"),
    "writing.picture": ("write_picture",),
}

# Reading an image needs neither numba nor SciPy nor shapely.
__getattr__ = import_on_use(__name__, _MODULES)
