"""Region graphs of rasters of any size, and merging by them."""
