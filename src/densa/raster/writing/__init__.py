"""Raster files that densa writes."""
