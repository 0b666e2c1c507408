"""Prediction of a raster with a segmenter: plan, tiles, files."""
