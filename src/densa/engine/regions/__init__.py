"""Region methods on rasters of any size: the same regions for any tiling, any workers and any memory budget."""
