"""Shapes in: features of vector files, placed on the grid of a raster and drawn by windows."""
