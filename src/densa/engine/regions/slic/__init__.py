"""SLIC on rasters of any size."""
