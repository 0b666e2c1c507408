"""The watershed on rasters of any size."""
