"""Tiles of a raster, and reading them with their context."""
