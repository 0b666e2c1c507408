"""Some bands of a raster, and a sample of their values."""
