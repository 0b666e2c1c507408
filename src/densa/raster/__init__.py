"""TODO-raster"""
