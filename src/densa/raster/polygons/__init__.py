"""Polygons of the regions of a label map."""
